"""Orchestrations, activities and entities of the app `durable`, run by the host."""

import concurrent.futures
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.durable import DurableApp
from tests.support.emulator import APPS, Emulator

pytestmark = pytest.mark.own_host


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    """The app `durable`, served."""
    with Emulator(app=APPS / "durable") as emulator:
        yield emulator


@pytest.fixture
def app(running: Emulator) -> DurableApp:
    """The app `durable`, to talk to."""
    return DurableApp(running.app)


@pytest.mark.parametrize(
    "value", [1, 1.5, True, "text", "ünïcödé 💥 \u2028", [1, None], {"a": {"b": []}}, "", 0, False]
)
def test_a_payload_comes_back_as_it_went(app: DurableApp, value: object) -> None:
    """Through the input, an activity and the output."""
    assert app.output("call", {"activity": "echo", "input": value}) == {"result": value}


def test_an_activity_without_input_and_result(app: DurableApp) -> None:
    """Both are None."""
    assert app.output("call", {"activity": "nothing"}) == {"result": None}


def test_a_megabyte_passes(app: DurableApp) -> None:
    """More than that too: the limit of gRPC's own, 4 MiB, does not count."""
    assert len(app.output("call", {"activity": "large", "input": 2**20})["result"]) == 2**20
    assert len("".join(app.output("fan_out", {"activity": "large", "inputs": [2**20] * 6}))) == 6 * 2**20


def test_activities_run_at_once(app: DurableApp) -> None:
    """A hundred of a fifth of a second take far less than the twenty seconds they would one by one."""
    begun = time.monotonic()
    assert app.output("fan_out", {"activity": "wait", "inputs": [0.2] * 100}) == [0.2] * 100
    assert time.monotonic() - begun < 10


def test_two_hundred_orchestrations_at_once(app: DurableApp) -> None:
    """Each ends with its own result."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(app.start, ["greet"] * 200, map(str, range(200))))
        states = list(pool.map(app.wait, ids))
    assert [state["output"] for state in states] == [f"Hello {number}!" for number in range(200)]


def test_a_retry_policy_retries(app: DurableApp) -> None:
    """As often as it says, and then the failure is the orchestration's."""
    assert app.output("retry", {"key": "twice", "failures": 2}) == 3
    state = app.run("retry", {"key": "for ever", "failures": 9})
    assert state["status"] == "FAILED"
    assert state["failure"]["message"].endswith("Activity task #1 failed: attempt 3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("out", "out"),
        ("a: b", "a: b"),
        ("one\ntwo", "one"),
        ("", ""),
        ("ünï 💥", "ünï 💥"),
        ("x" * 10_000, "x" * 10_000),
    ],
)
def test_an_orchestrator_sees_how_an_activity_failed(app: DurableApp, text: str, message: str) -> None:
    """The exception's name and the first line of its text, as the real extension tells; an empty text is a failure."""
    seen = app.output("call", {"activity": "fail", "input": text})
    assert (seen["type"], seen["message"]) == ("OutOfTea", message)
    assert seen["text"].endswith(f"Activity task #1 failed: {message}")


def test_an_orchestrator_fails(app: DurableApp) -> None:
    """The client sees type and text."""
    state = app.run("broken", "no: good")
    assert state["status"] == "FAILED"
    assert state["failure"] == {"type": "builtins.ValueError", "message": "no: good"}


def test_unknown_functions_fail_and_do_not_hang(app: DurableApp) -> None:
    """Activity, orchestrator and entity; the text names those that there are."""
    seen = app.output("call", {"activity": "nobody"})
    assert "'nobody' doesn't exist, is disabled, or is not an activity function" in seen["message"]
    assert "'echo'" in seen["message"]
    state = app.run("nobody")
    assert state["status"] == "FAILED"
    assert "'greet'" in state["failure"]["message"]
    seen = app.output("call_entity", {"entity": "ghost", "key": "k", "operation": "x"})
    assert "'ghost' doesn't exist, is disabled, or is not an entity function" in seen["message"]


def test_function_names_count_in_any_case(app: DurableApp) -> None:
    """As FunctionName compares them."""
    assert app.output("GREET", "x") == "Hello x!"
    assert app.output("call", {"activity": "Echo", "input": 1}) == {"result": 1}


def test_entities_keep_their_state(app: DurableApp) -> None:
    """Signals and calls of a class and of a function; an operation that raises changes nothing."""
    seen = app.output("use_entities", "one")
    assert seen.pop("failure") == "Operation 'fail' on entity '@counter@one' failed with error: cannot take 9"
    assert seen == {"total": 3, "kept": {"total": 3}, "after": 3}
    assert app.request("GET", "/counter/one").json == 3


def test_a_client_signals_and_reads_an_entity(app: DurableApp) -> None:
    """In order; one that was never signalled, or was deleted, does not exist."""
    assert app.request("GET", "/counter/two").status == 404
    for amount in range(1, 11):
        assert app.request("POST", "/counter/two/add", amount).status == 202
    assert app.output("call_entity", {"entity": "Counter", "key": "two", "operation": "add", "input": 0}) == 55
    app.request("POST", "/counter/two/delete")
    app.output("call_entity", {"entity": "Counter", "key": "two", "operation": "fail", "input": 1})
    assert app.request("GET", "/counter/two").status == 404


def test_an_entity_starts_an_orchestration(app: DurableApp) -> None:
    """Once: while it runs, a second start with its id is dropped."""
    step = {"entity": "Counter", "key": "starter", "operation": "launch", "input": "started-by-entity"}
    assert app.output("call_entity", step) == "started-by-entity"
    assert app.wait("started-by-entity")["output"] == "Hello entity!"


def test_calls_of_one_entity_are_one_after_another(app: DurableApp) -> None:
    """Fifty orchestrations add one each."""
    step = {"entity": "Counter", "key": "busy", "operation": "add", "input": 1}
    ids = [app.start("call_entity", step) for _ in range(50)]
    assert sorted(app.wait(instance_id)["output"] for instance_id in ids) == list(range(1, 51))


def test_a_sub_orchestration_tells_its_parent(app: DurableApp) -> None:
    """Its result, its failure, and who its parent is."""
    assert app.output("parent", {"name": "greet", "input": "sub", "id": "sub-1"}) == "Hello sub!"
    failed = app.output("parent", {"name": "broken", "input": "sub failed", "id": "sub-2"})
    assert failed == {"message": "sub failed", "type": "builtins.ValueError"}
    above = app.start("parent", {"name": "ask_parent", "input": None, "id": "sub-3"})
    assert app.wait(above)["output"] == above


def test_a_sub_orchestration_may_outlive_its_parent(app: DurableApp) -> None:
    """One that nobody waits for goes on."""
    assert app.output("launcher", {"name": "late_listener", "input": 0.3, "id": "outliving"}) == "launched"
    assert app.state("outliving")["status"] in {"PENDING", "RUNNING"}
    assert app.raise_event("outliving", "decision", "now").status == 202
    assert app.wait("outliving")["output"] == "now"


def test_a_timer_of_a_former_round_does_not_wake_the_next(app: DurableApp) -> None:
    """Each round of continue-as-new has timers of its own."""
    assert app.output("rounds", 3) == "done"


def test_a_race_of_timer_and_event(app: DurableApp) -> None:
    """Whichever comes first; the custom status shows while it waits."""
    assert app.output("race", 0.05) == "too late"
    waiting = app.start("race", 3600.0)
    assert app.wait(waiting, "RUNNING")["customStatus"] == "waiting"
    app.raise_event(waiting, "decision", {"revoke": True})
    assert app.wait(waiting)["output"] == {"revoke": True}


@pytest.mark.parametrize(("length", "status"), [(8192, "COMPLETED"), (8193, "FAILED")])
def test_a_custom_status_has_a_limit(app: DurableApp, length: int, status: str) -> None:
    """16 KB of UTF-16; a longer one ends its orchestration."""
    assert app.run("show", length)["status"] == status


def test_an_event_before_the_wait_is_kept(app: DurableApp) -> None:
    """It is raised while the orchestrator still sleeps."""
    waiting = app.start("late_listener", 0.3)
    assert app.raise_event(waiting, "decision", "early").status == 202
    assert app.wait(waiting)["output"] == "early"


def test_an_orchestrator_sends_an_event_to_another(app: DurableApp) -> None:
    """Names of events count in any case."""
    waiting = app.start("race", 3600.0)
    sender = app.start("sender", waiting)
    assert app.wait(waiting)["output"] == {"from": sender}


def test_nothing_in_the_log_but_the_failures(running: Emulator) -> None:
    """The host itself never failed in all that, and the engine had nothing to complain about."""
    log = running.stderr
    assert "The host failed" not in log
    assert "Task exception" not in log
    lines = [line for line in log.splitlines() if " WARNING " in line]
    assert lines == []


def test_the_binding_tells_where_the_engine_is(running: Emulator) -> None:
    """On 127.0.0.1 alone, with the hub of host.json."""
    seen: Any = running.get("/engine").json
    assert seen["rpcBaseUrl"].startswith("http://127.0.0.1:")
    assert seen["hub"] == "TryHub"
