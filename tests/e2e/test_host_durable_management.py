"""Managing instances: the typed client, the durable HTTP API, and the state for the control API."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from emulator.supervisor_durable import DurableState
from tests.support.durable import KEYS, DurableApp, SupervisedHost
from tests.support.emulator import Reply, send

pytestmark = pytest.mark.own_host

API = "/runtime/webhooks/durabletask"


@pytest.fixture(scope="module")
def host() -> Iterator[SupervisedHost]:
    """A host that enforces keys, with no control API."""
    with SupervisedHost(control_url=None) as running:
        yield running


@pytest.fixture
def app(host: SupervisedHost) -> DurableApp:
    """Its app."""
    return host.app


def call(app: DurableApp, method: str, path: str, body: object = None) -> Reply:
    """Call the durable HTTP API with the system key."""
    separator = "&" if "?" in path else "?"
    return app.request(method, f"{API}{path}{separator}code={KEYS.system}", body)


async def look(host: SupervisedHost) -> dict[str, Any]:
    """Return the state as the control API gets it."""
    state = DurableState()
    state.connect(host.facts["durableEngine"])
    try:
        return dict(await state.state())
    finally:
        await state.close()


def start_again(app: DurableApp, instance_id: str, policy: str = "") -> Reply:
    """Start an orchestration with an id that may be taken."""
    return app.request("POST", f"/start/greet?id={instance_id}", "again", {"policy": policy} if policy else {})


def test_the_id_of_a_running_instance_is_taken(app: DurableApp) -> None:
    """The typed client raises gRPC's ALREADY_EXISTS, whatever the policy."""
    app.start("race", 3600.0, "?id=taken")
    for policy in ("", "none", "COMPLETED,FAILED,TERMINATED", "RUNNING,COMPLETED"):
        reply = start_again(app, "taken", policy)
        assert reply.status == 409
        assert reply.json == {
            "code": "ALREADY_EXISTS",
            "details": "An Orchestration instance with the ID taken already exists.",
            "type": "AioRpcError",
        }
    assert app.state("taken")["status"] in {"PENDING", "RUNNING"}


def test_the_id_of_an_ended_instance_is_free_unless_the_policy_keeps_it(app: DurableApp) -> None:
    """In Azure a start without a policy takes the place of an ended instance (overridableExistingInstanceStates)."""
    app.run("greet", "first", "?id=ended")
    assert start_again(app, "ended", "none").status == 409
    assert start_again(app, "ended", "FAILED").status == 409
    assert app.state("ended")["output"] == "Hello first!"
    assert start_again(app, "ended", "COMPLETED").status == 202
    assert app.wait("ended")["output"] == "Hello again!"
    assert start_again(app, "ended").status == 202


def test_events_for_nobody_are_refused(app: DurableApp) -> None:
    """An unknown instance, and one that has ended: the typed client can tell them apart."""
    assert app.raise_event("nobody", "decision").json["code"] == "NOT_FOUND"
    app.run("greet", "x", "?id=over")
    assert app.raise_event("over", "decision").json["code"] == "FAILED_PRECONDITION"


def test_terminating(app: DurableApp) -> None:
    """It ends with the given output; unknown and ended instances are refused; what comes later is dropped."""
    app.start("call", {"activity": "wait", "input": 0.3}, "?id=terminated")
    assert app.request("POST", "/terminate/terminated").status == 202
    assert app.wait("terminated") == {
        "status": "TERMINATED",
        "output": "enough",
        "customStatus": None,
        "failure": None,
    }
    assert app.request("POST", "/terminate/terminated").json["code"] == "FAILED_PRECONDITION"
    assert app.request("POST", "/terminate/nobody").json["code"] == "NOT_FOUND"
    app.output("call", {"activity": "wait", "input": 0.4})
    assert app.state("terminated")["status"] == "TERMINATED"


def test_a_start_may_be_scheduled(app: DurableApp) -> None:
    """It is pending until then."""
    instance_id = app.start("greet", "later", "?later=0.4")
    assert app.state(instance_id)["status"] == "PENDING"
    assert app.wait(instance_id)["output"] == "Hello later!"


@pytest.mark.parametrize("key", ["", "wrong", KEYS.function])
def test_the_http_api_wants_the_system_key(app: DurableApp, key: str) -> None:
    """A function key opens nothing here."""
    assert send("GET", f"{app.url}{API}/instances?code={key}").status == 401


def test_links_carry_the_system_key_and_work(app: DurableApp) -> None:
    """What the SDK's create_check_status_response returns is for whoever may manage the instance."""
    app.start("race", 3600.0, "?id=linked%201")
    app.wait("linked%201", "RUNNING")
    reply = app.request("GET", "/links/linked%201")
    assert reply.status == 202
    links = reply.json
    assert reply.header("location") == links["statusQueryGetUri"]
    assert f"code={KEYS.system}" in links["statusQueryGetUri"]
    status = send("GET", links["statusQueryGetUri"])
    assert (status.status, status.json["runtimeStatus"]) == (202, "Running")
    raised = send("POST", links["sendEventPostUri"].replace("{eventName}", "decision"), {"a": 1})
    assert raised.status == 202
    assert app.wait("linked%201")["output"] == {"a": 1}


def test_status_over_http(app: DurableApp) -> None:
    """202 with Location while it runs, then 200; input and history as asked for."""
    app.start("race", 3600.0, "?id=watched")
    app.wait("watched", "RUNNING")
    reply = call(app, "GET", "/instances/watched")
    assert reply.status == 202
    assert reply.header("retry-after") == "5"
    assert reply.header("location") == f"{app.url}{API}/instances/watched?code={KEYS.system}"
    assert reply.json["customStatus"] == "waiting"
    assert call(app, "POST", "/instances/watched/raiseEvent/decision", "go").status == 202
    app.wait("watched")
    reply = call(app, "GET", "/instances/watched?showHistory=true&showHistoryOutput=true")
    assert reply.status == 200
    body = reply.json
    assert {name: body[name] for name in ("name", "instanceId", "runtimeStatus", "input", "output")} == {
        "name": "race",
        "instanceId": "watched",
        "runtimeStatus": "Completed",
        "input": 3600.0,
        "output": "go",
    }
    assert [event["EventType"] for event in body["historyEvents"]] == [
        "ExecutionStarted",
        "EventRaised",
        "ExecutionCompleted",
    ]
    quiet = call(app, "GET", "/instances/watched?showInput=false&showHistory=true").json
    assert quiet["input"] is None
    assert not [event for event in quiet["historyEvents"] if "Result" in event or "Input" in event]
    assert call(app, "GET", "/instances/nobody").status == 404


def test_a_failed_instance_over_http(app: DurableApp) -> None:
    """200 unless the query asks for 500; the output is the failure's text."""
    app.run("broken", "the reason", "?id=failed")
    assert call(app, "GET", "/instances/failed").status == 200
    reply = call(app, "GET", "/instances/failed?returnInternalServerErrorOnFailure=true")
    assert (reply.status, reply.json["output"]) == (500, "the reason")


def test_starting_over_http(app: DurableApp) -> None:
    """202 with the links; a taken id is 409, a body that is not JSON 400."""
    reply = call(app, "POST", "/orchestrators/greet/over-http", "web")
    assert (reply.status, reply.json["id"]) == (202, "over-http")
    assert app.wait("over-http")["output"] == "Hello web!"
    call(app, "POST", "/orchestrators/race/over-http-2", 3600.0)
    assert call(app, "POST", "/orchestrators/race/over-http-2", 3600.0).status == 409
    assert send("POST", f"{app.url}{API}/orchestrators/greet?code={KEYS.system}", b"{").status == 400


def test_changing_over_http(app: DurableApp) -> None:
    """Suspend, resume, terminate; 410 for what has ended, 404 for what never was."""
    app.start("race", 3600.0, "?id=changed")
    app.wait("changed", "RUNNING")
    assert call(app, "POST", "/instances/changed/suspend?reason=lunch").status == 202
    app.wait("changed", "SUSPENDED")
    assert call(app, "POST", "/instances/changed/raiseEvent/decision", "kept").status == 202
    assert call(app, "POST", "/instances/changed/resume").status == 202
    assert app.wait("changed")["output"] == "kept"
    for operation in ("terminate", "suspend", "resume", "raiseEvent/decision"):
        assert call(app, "POST", f"/instances/changed/{operation}", 1).status == 410
        assert call(app, "POST", f"/instances/nobody/{operation}", 1).status == 404
    assert call(app, "POST", "/instances/changed/rewind").status == 412
    assert call(app, "POST", "/instances/changed/unknown").status == 404
    again = call(app, "POST", "/instances/changed/restart?restartWithNewInstanceId=false").json["id"]
    assert again == "changed"
    app.wait("changed", "RUNNING")
    assert call(app, "POST", "/instances/changed/terminate?reason=because").status == 202
    assert app.wait("changed")["output"] == "because"


def test_listing_and_purging_over_http(app: DurableApp) -> None:
    """By prefix and status; only what has ended is purged."""
    app.run("greet", "a", "?id=list-1")
    app.start("race", 3600.0, "?id=list-2")
    app.wait("list-2", "RUNNING")
    listed = call(app, "GET", "/instances?instanceIdPrefix=list-")
    assert [each["instanceId"] for each in listed.json] == ["list-1", "list-2"]
    listed = call(app, "GET", "/instances?instanceIdPrefix=list-&runtimeStatus=Running,Failed")
    assert [each["instanceId"] for each in listed.json] == ["list-2"]
    first = call(app, "GET", "/instances?instanceIdPrefix=list-&top=1")
    assert len(first.json) == 1
    assert first.header("x-ms-continuation-token") == "1"
    assert call(app, "DELETE", "/instances/list-2").status == 412
    assert call(app, "DELETE", "/instances/list-1").json == {"instancesDeleted": 1}
    assert call(app, "DELETE", "/instances/list-1").status == 404
    assert call(app, "DELETE", "/instances").status == 400
    assert call(app, "DELETE", "/instances?createdTimeFrom=2999-01-01T00:00:00Z").status == 404


def test_entities_over_http(app: DurableApp) -> None:
    """Read, listed, signalled and deleted."""
    assert call(app, "GET", "/entities/Counter/web").status == 404
    assert call(app, "POST", "/entities/Counter/web?op=add", 5).status == 202
    app.output("call_entity", {"entity": "Counter", "key": "web", "operation": "add", "input": 2})
    assert call(app, "GET", "/entities/counter/web").json == 7
    (listed,) = [
        each
        for each in call(app, "GET", "/entities/counter?fetchState=true").json
        if each["entityId"] == {"name": "counter", "key": "web"}
    ]
    assert listed["state"] == 7
    assert call(app, "DELETE", f"/instances/{quote('@counter@web')}").json == {"instancesDeleted": 1}
    assert call(app, "GET", "/entities/counter/web").status == 404


async def test_the_state_for_the_control_api(host: SupervisedHost, app: DurableApp) -> None:
    """Every instance with every payload of its history, decoded, and every entity."""
    app.run("call", {"activity": "echo", "input": {"deep": ["payload"]}}, "?id=seen")
    app.run("broken", "seen failing", "?id=seen-failing")
    app.output("call_entity", {"entity": "box", "key": "seen", "operation": "put", "input": {"in": "the box"}})
    state = await look(host)
    json.dumps(state)
    instances = {each["id"]: each for each in state["instances"]}
    seen = instances["seen"]
    assert {name: value for name, value in seen.items() if name != "history"} == {
        "id": "seen",
        "name": "call",
        "status": "Completed",
        "input": {"activity": "echo", "input": {"deep": ["payload"]}},
        "output": {"result": {"deep": ["payload"]}},
        "customStatus": None,
    }
    by_type = {event["type"]: event for event in seen["history"]}
    assert by_type["TaskScheduled"]["input"] == {"deep": ["payload"]}
    assert by_type["TaskCompleted"]["result"] == {"deep": ["payload"]}
    assert by_type["TaskCompleted"]["timestamp"] > "2026"
    failing = instances["seen-failing"]
    assert (failing["status"], failing["output"]) == ("Failed", "seen failing")
    assert {"id": "@box@seen", "state": {"in": "the box"}} in state["entities"]


async def test_the_state_holds_no_key_of_the_host(host: SupervisedHost, app: DurableApp) -> None:
    """Though every client binding has the system key; a key that an app puts there is found by the same search."""
    app.output("greet", "x")
    assert KEYS.system not in json.dumps(await look(host))
    app.output("greet", KEYS.system)
    assert KEYS.system in json.dumps(await look(host))


async def test_terminating_and_purging_for_the_control_api(host: SupervisedHost, app: DurableApp) -> None:
    """After a purge nothing is left, ids can be used anew, and what still ran does no harm to them."""
    state = DurableState()
    assert dict(await state.state()) == {"instances": [], "entities": []}
    assert not await state.terminate("nobody")
    state.connect(host.facts["durableEngine"])
    try:
        app.start("race", 3600.0, "?id=stopped")
        assert await state.terminate("stopped")
        assert app.wait("stopped")["status"] == "TERMINATED"
        assert await state.terminate("stopped")
        assert not await state.terminate("nobody")
        app.start("call", {"activity": "wait", "input": 0.3}, "?id=again")
        app.wait("again", "RUNNING")
        await state.purge()
        assert dict(await state.state()) == {"instances": [], "entities": []}
        app.start("call", {"activity": "wait", "input": 0.6}, "?id=again")
        assert app.wait("again")["output"] == {"result": 0.6}
    finally:
        await state.close()
