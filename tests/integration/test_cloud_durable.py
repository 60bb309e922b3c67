"""`/_control/durable`: an engine that is plugged in, none, and the faults of activities."""

from collections.abc import AsyncGenerator, Mapping

import pytest
import pytest_asyncio

from emulator.cloud.addresses import CloudSockets
from emulator.cloud.authority import ensure_authority
from emulator.cloud.cloud import Cloud
from emulator.cloud.fault_rules import parse_rules
from emulator.cloud.faults import RerunFault
from tests.support.cloud import EMULATOR_DIRECTORY, ControlClient, Http


class _Engine:
    """Knows one instance."""

    def __init__(self) -> None:
        self.terminated: list[str] = []
        self.purged = 0

    async def state(self) -> Mapping[str, object]:
        return {"instances": [{"id": "a b", "terminated": self.terminated}], "entities": []}

    async def terminate(self, instance_id: str) -> bool:
        if instance_id != "a b":
            return False
        self.terminated.append(instance_id)
        return True

    async def purge(self) -> None:
        self.purged += 1


@pytest.fixture
def engine() -> _Engine:
    """An engine to plug in."""
    return _Engine()


@pytest_asyncio.fixture
async def plugged(engine: _Engine, http: Http) -> AsyncGenerator[ControlClient]:
    """The control API of a cloud with the engine."""
    cloud = Cloud(
        sockets=CloudSockets.bind(),
        authority=ensure_authority(EMULATOR_DIRECTORY),
        identity_header="x",
        durable=engine,
    )
    try:
        await cloud.start()
        yield ControlClient(cloud, http)
    finally:
        await cloud.stop()


async def test_the_engine_forgets_all_that_it_knows(plugged: ControlClient, engine: _Engine) -> None:
    """DELETE has everything forgotten."""
    assert (await plugged.send("DELETE", "durable")).status == 204
    assert engine.purged == 1


async def test_the_engine_is_shown_and_obeys(plugged: ControlClient, engine: _Engine) -> None:
    """GET shows its state, POST terminates an instance by its id, percent-encoded or not; an unknown one is 404."""
    assert (await plugged.send("POST", "durable/a%20b/terminate")).status == 202
    assert engine.terminated == ["a b"]
    state = await plugged.send("GET", "durable")
    assert (state.status, state.json) == (200, await engine.state())
    unknown = await plugged.send("POST", "durable/other/terminate")
    assert (unknown.status, "error" in unknown.members) == (404, True)
    assert (await plugged.send("GET", "durable/other/terminate")).status == 405
    assert (await plugged.send("POST", "durable/a/b/terminate")).status == 404


async def test_without_an_engine_there_is_nothing_to_show(control: ControlClient) -> None:
    """404 with a sentence, for the state and for a termination."""
    for method, path in (("GET", "durable"), ("POST", "durable/x/terminate")):
        answer = await control.send(method, path)
        assert answer.status == 404
        assert "durable engine" in str(answer.members["error"])


async def test_faults_of_activities_are_taken_by_name(control: ControlClient) -> None:
    """The first rule that matches is handed out and counted; null when there is none."""
    await control.put_faults(
        {"service": "durable", "operation": "publish", "rerun": "now", "times": 1},
        {"service": "arm", "operation": "*", "status": 500},
        {"service": "durable", "operation": "publish", "rerun": "late", "delaySeconds": 0.5, "times": 1},
        {"service": "durable", "operation": "prove", "rerun": "now", "times": 1},
    )

    async def take(name: str) -> object:
        answer = await control.send("POST", "durable/faults/take", {"operation": name})
        assert answer.status == 200
        return answer.json

    assert await take("other") is None
    assert await take("publish") == {"rerun": "now"}
    assert await take("publish") == {"rerun": "late", "delaySeconds": 0.5}
    assert await take("publish") is None
    assert await take("prove") == {"rerun": "now"}
    remaining = (await control.send("GET", "faults")).json
    assert remaining == [{"service": "arm", "operation": "*", "status": 500}]


async def test_a_star_reaches_every_activity(cloud: Cloud) -> None:
    """The rules can be taken in the process too, and a request of a service takes none of them."""
    await cloud.set_faults(parse_rules([{"service": "durable", "rerun": "late", "delaySeconds": 2}]))
    assert cloud.faults.take("durable", "any") == RerunFault(when="late", delay_seconds=2)
    assert cloud.faults.take("durable", "other") == RerunFault(when="late", delay_seconds=2)
    assert cloud.faults.take("arm", "get") is None
    assert cloud.faults.take("keyvault", "getSecret") is None


@pytest.mark.parametrize("body", [{}, {"operation": 1}, {"operation": "a", "more": 1}, []])
async def test_taking_needs_a_name(control: ControlClient, body: object) -> None:
    """A body that names no activity is 400."""
    assert (await control.send("POST", "durable/faults/take", body)).status == 400
