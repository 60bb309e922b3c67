"""The app's client of the durable engine, over gRPC against the emulated one: what is purged, and what stays."""

import threading
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
import pytest
import pytest_asyncio
from azure.durable_functions import DurableFunctionsClient
from opentelemetry import context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from emulator.host.durable_client import DurableUrls
from emulator.host.durable_engine import Engine
from shared import composition
from shared.errors import DurableFunctionsUnavailable, RegenerationOutcome
from shared.rotation import durable_engine
from shared.rotation.durable_engine import DurableEngine
from shared.rotation.in_time import deadline_in, in_time
from shared.rotation.status import run_state
from tests.support.fakes import LEGACY_KEY

HOUR = timedelta(hours=1)
# the package's advice to whoever reads an input without saying its type; a first look in this process gives it
pytestmark = pytest.mark.filterwarnings("ignore:azure.functions df_loads:DeprecationWarning")


class Hub(Engine):
    """An engine without timers and without a worker, which keeps what it was asked to purge."""

    def __init__(self) -> None:
        super().__init__(lambda _seconds, _action: None, replace_running=False)
        self.purges: list[pb.PurgeInstancesRequest] = []
        self.starts: list[pb.CreateInstanceRequest] = []
        self.answers = threading.Event()
        self.answers.set()

    def StartInstance(  # noqa: N802 - as below
        self, request: pb.CreateInstanceRequest, context: grpc.ServicerContext
    ) -> pb.CreateInstanceResponse:
        """Start."""
        self.starts.append(request)
        return super().StartInstance(request, context)

    def PurgeInstances(  # noqa: N802 - the name is the protocol's
        self, request: pb.PurgeInstancesRequest, context: grpc.ServicerContext
    ) -> pb.PurgeInstancesResponse:
        """Purge, once it may answer."""
        self.purges.append(request)
        self.answers.wait(30)
        return super().PurgeInstances(request, context)


@pytest.fixture
def hub() -> Iterator[Hub]:
    """An engine that serves on a free port."""
    running = Hub()
    running.start()
    yield running
    running.stop()


@pytest_asyncio.fixture
async def engine(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[DurableEngine]:
    """The app's client of it."""
    binding = DurableUrls("http://127.0.0.1", "hub", "code").client_json(hub.address)
    client = DurableFunctionsClient(binding)

    async def durable_client(_binding: str) -> DurableFunctionsClient:
        return client

    monkeypatch.setattr(composition, "durable_client", durable_client)
    yield DurableEngine(binding)
    await client.close()


def end(hub: Hub, instance_id: str, status: "pb.OrchestrationStatus", result: str | None = None) -> None:
    """Let an orchestration end, as its worker would say, and with whatever the host makes of that."""
    call = hub.local_call()
    item = next(hub.GetWorkItems(pb.GetWorkItemsRequest(), call))
    assert item.orchestratorRequest.instanceId == instance_id
    action = pb.OrchestratorAction(id=1)
    action.completeOrchestration.orchestrationStatus = status
    if result is not None:
        action.completeOrchestration.result.value = result
    hub.CompleteOrchestratorTask(
        pb.OrchestratorResponse(instanceId=instance_id, actions=[action], completionToken=item.completionToken), call
    )


async def test_what_has_ended_is_purged_and_what_runs_stays(hub: Hub, engine: DurableEngine) -> None:
    """Completed, failed and terminated orchestrations are forgotten; pending ones are not."""
    for id_, status in (
        ("done", pb.ORCHESTRATION_STATUS_COMPLETED),
        ("failed", pb.ORCHESTRATION_STATUS_FAILED),
        ("terminated", pb.ORCHESTRATION_STATUS_TERMINATED),
    ):
        assert await engine.start("o", id_, {"digest": "d"})
        end(hub, id_, status)
    assert await engine.start("o", "pending", {"digest": "d"})
    assert await engine.purge(datetime.now(UTC) + HOUR) == 3
    assert [id_ for id_ in ("done", "failed", "terminated", "pending") if await engine.find(id_)] == ["pending"]


@pytest.mark.parametrize("status", [pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED])
@pytest.mark.parametrize("text", ["a text", "", "{", "5", '"a text"', "[" * 100_000], ids=lambda text: text[:9])
async def test_an_end_that_is_told_in_plain_text_is_an_end(
    hub: Hub, engine: DurableEngine, status: "pb.OrchestrationStatus", text: str
) -> None:
    """The error of a failure and the reason of a termination may come as they were given, which is no JSON."""
    await engine.start("rotate_key", "ended", {"resourceId": "/x"})
    end(hub, "ended", status, text)
    found = await engine.find("ended")
    assert found is not None
    assert (found.input, found.shown) == ({"resourceId": "/x"}, None)
    assert run_state(found).ended


async def test_what_is_young_stays(hub: Hub, engine: DurableEngine) -> None:
    """However it has ended; where nothing is old enough, nothing is purged, and that is no error."""
    assert await engine.purge(datetime.now(UTC)) == 0
    assert await engine.start("o", "done", {"digest": "d"})
    end(hub, "done", pb.ORCHESTRATION_STATUS_COMPLETED)
    assert await engine.purge(datetime.now(UTC) - HOUR) == 0
    assert await engine.find("done") is not None


async def test_a_purged_id_is_free_again(hub: Hub, engine: DurableEngine) -> None:
    """It is as if it had never been."""
    assert await engine.start("o", "r1", {"digest": "d"})
    end(hub, "r1", pb.ORCHESTRATION_STATUS_COMPLETED)
    assert not await engine.start("o", "r1", {"digest": "d"})
    assert await engine.purge(datetime.now(UTC) + HOUR) == 1
    assert await engine.start("o", "r1", {"digest": "d"})


async def test_entities_stay(hub: Hub, engine: DurableEngine) -> None:
    """The guard of a resource outlives every rotation of it."""
    call = hub.local_call()
    await engine.expire("key", "nobody")
    item = next(hub.GetWorkItems(pb.GetWorkItemsRequest(), call))
    result = pb.EntityBatchResult(completionToken=item.completionToken)
    result.entityState.value = '{"holder": null, "pending": null, "outcomes": [{"id": "r0"}]}'
    hub.CompleteEntityTask(result, call)
    assert (await engine.guard("key"))["outcomes"] == [{"id": "r0"}]
    assert await engine.purge(datetime.now(UTC) + HOUR) == 0
    assert (await engine.guard("key"))["outcomes"] == [{"id": "r0"}]


async def test_a_purge_says_from_when_on_and_for_how_long(hub: Hub, engine: DurableEngine) -> None:
    """The extension needs a beginning, one that Azure's tables can hold, and stops by itself within its time."""
    before = datetime(2026, 1, 1, tzinfo=UTC)
    await engine.purge(before)
    (request,) = hub.purges
    asked = request.purgeInstanceFilter
    assert asked.HasField("createdTimeFrom")
    assert datetime(1601, 1, 1, tzinfo=UTC) < asked.createdTimeFrom.ToDatetime(UTC) < datetime(2020, 1, 1, tzinfo=UTC)
    assert asked.createdTimeTo.ToDatetime(UTC) == before
    assert 0 < asked.timeout.ToTimedelta().total_seconds() < 100
    assert sorted(asked.runtimeStatus) == sorted(
        (pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED)
    )


async def test_an_engine_that_is_gone_is_an_error(hub: Hub, engine: DurableEngine) -> None:
    """Whoever asks decides what it costs."""
    hub.stop()
    with pytest.raises(grpc.RpcError):
        await engine.purge(datetime.now(UTC))


async def test_an_engine_that_does_not_answer_is_not_waited_for(
    hub: Hub, engine: DurableEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older one purges as long as it takes, and tells nothing meanwhile."""
    monkeypatch.setattr(durable_engine, "_PURGE", timedelta(milliseconds=50))
    hub.answers.clear()
    try:
        with pytest.raises(TimeoutError):
            await engine.purge(datetime.now(UTC))
    finally:
        hub.answers.set()


@pytest.mark.parametrize("state", [f"a={LEGACY_KEY.rstrip('=')}", ""], ids=["a key in it", "empty"])
async def test_a_start_keeps_the_callers_trace_without_its_state(engine: DurableEngine, hub: Hub, state: str) -> None:
    """The trace goes on in the orchestration; what a caller has written into `tracestate` is not stored with it."""
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    # as the worker does it for each invocation
    extracted = TraceContextTextMapPropagator().extract({"traceparent": parent, "tracestate": state})
    token = context.attach(extracted)
    try:
        await engine.start("rotate_key", "r1", {})
    finally:
        context.detach(token)
    (started,) = hub.starts
    assert started.parentTraceContext.traceParent == parent
    assert LEGACY_KEY[:40] not in str(started)


async def test_an_engine_that_is_away_is_told_in_words(hub: Hub, engine: DurableEngine) -> None:
    """503 DurableFunctionsUnavailable before the deadline, with what is known of the key, and no error of gRPC."""
    assert await engine.find("r1") is None
    hub.stop()
    with pytest.raises(DurableFunctionsUnavailable) as raised:
        async with in_time(deadline_in(20), outcome=RegenerationOutcome.UNKNOWN):
            await engine.find("r1")
    assert (raised.value.outcome, raised.value.retriable) == (RegenerationOutcome.UNKNOWN, True)
