"""Events while something fails: keys regenerated in the midst of a rotation, a vault that is away, a topic that is."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import outside
from tests.support.emulator import Emulator
from tests.support.event_cases import SETTINGS, Case, Stage
from tests.support.events import SCHEMAS, Json, Schema
from tests.support.outside import EVENTS
from tests.support.reactions import events, eventually, instances, published, regenerate_outside, settled

_NOBODY = "https://127.0.0.1:9"
# as a rule of faults has them; all for ever
_TOPIC_FAULTS: tuple[Json, ...] = (
    # the first one takes longest until it is noticed
    {"delaySeconds": 3600},
    *({"status": status} for status in (400, 401, 403, 404, 413, 429, 500, 503)),
    {"disconnect": "before"},
    {"disconnect": "after"},
    {"refuse": True},
    {"tls": True},
)


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    """One app for all tests, which have resources of their own."""
    with outside.running(EVENTS) as app:
        yield app


@pytest.fixture(scope="module")
def stage(running: Emulator) -> Stage:
    """What gives each test a resource of its own."""
    return Stage(running, _NOBODY)


@pytest.fixture
def emulator(running: Emulator) -> Iterator[Emulator]:
    """The app, without faults before and after."""
    yield running
    running.call_control("PUT", "faults", [])


def _put_fault(emulator: Emulator, service: str, operation: str, effect: Json, **more: Any) -> None:
    emulator.call_control("PUT", "faults", [{"service": service, "operation": operation, **effect, **more}])


def _ran(emulator: Emulator, case: Case, name: str) -> list[str]:
    """Return the status, or the code of the error, of what has run for a case."""
    mine = [each for each in instances(emulator, name) if each["input"]["resourceId"] == case.resource_id]
    shown = [each["output"] or {"status": each["status"]} for each in mine]
    return [each.get("error", {}).get("code", each["status"]) for each in shown]


def _entries(emulator: Emulator, **fields: object) -> list[Json]:
    """Return the requests that have all these values."""
    return [each for each in emulator.call_control("GET", "requests") if fields.items() <= each.items()]


def _keys(emulator: Emulator, case: Case) -> dict[str, str]:
    (found,) = [each for each in emulator.call_control("GET", "resources") if each["resourceId"] == case.resource_id]
    return found["keys"]


@pytest.mark.parametrize("key_type", ["Primary", "Secondary"])
@pytest.mark.parametrize("during", ["regenerateKey", "setSecret"])
def test_a_key_regenerated_in_the_midst_of_a_rotation_is_mended(
    emulator: Emulator, stage: Stage, during: str, key_type: str
) -> None:
    """Whichever key somebody regenerates, before the answer of ours or before the secret is set: in the end the secret
    publishes a live key, nobody holds the resource, and the other key was not touched again."""
    case = stage.case("SecretNearExpiry", "cloudevents", "once")
    if during == "regenerateKey":
        ours: Json = {"service": "arm", "resourceId": case.resource_id}
        _put_fault(emulator, "arm", during, {"delaySeconds": 1, "after": True}, times=1, resourceId=case.resource_id)
    else:
        ours = {"service": "keyvault", "secret": case.secrets[0]}
        _put_fault(emulator, "keyvault", during, {"delaySeconds": 1}, times=1)
    emulator.call_control("POST", "events", case.events)
    eventually(lambda: _entries(emulator, operation=during, **ours), "the rotation's call")
    regenerate_outside(emulator, key_type, case.resource_id)
    eventually(lambda: "Running" not in _ran(emulator, case, "rotate_key"), "the rotation's end")
    settled(emulator)
    keys = _keys(emulator, case)
    # the new key was replaced before anybody could use it: the old one stays published
    stays = (during, key_type) == ("regenerateKey", "Secondary")
    assert _ran(emulator, case, "rotate_key") == ["KeyChanged" if stays else "Succeeded"]
    assert published(emulator, case.secrets[0]) == keys["primary" if stays else "secondary"]
    assert len(_entries(emulator, operation="regenerateKey", resourceId=case.resource_id, effect=True)) == 2
    assert "Failed" not in _ran(emulator, case, "repair_secrets")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_an_event_that_cannot_be_taken_now_comes_again(emulator: Emulator, stage: Stage, schema: Schema) -> None:
    """While Key Vault is away the app takes no event about its secrets; Event Grid retries, and it is done once."""
    case = stage.case("SecretNearExpiry", schema, "three times")
    (id_,) = case.ids
    _put_fault(emulator, "keyvault", "*", {"refuse": True})
    emulator.call_control("POST", "events", case.events)

    def tried() -> list[tuple[int, str]]:
        return [(each["attempts"], each["status"]) for each in events(emulator, "in") if each["id"] == id_]

    eventually(lambda: min(tried())[0] >= 2, "a second attempt")
    assert tried() == [(attempts, "Pending") for attempts, _ in tried()]
    assert _ran(emulator, case, "rotate_key") == []
    emulator.call_control("PUT", "faults", [])
    eventually(lambda: all(status == "Delivered" for _, status in tried()), "delivery")
    settled(emulator)
    assert _ran(emulator, case, "rotate_key") == ["Succeeded"]
    assert published(emulator, case.secrets[0]) == _keys(emulator, case)["secondary"]


def test_a_topic_that_fails_costs_a_rotation_nothing() -> None:
    """However the topic fails, and for ever: each rotation succeeds, the log says what was not published, and an event
    that could not be sent comes once when the topic is back, under the id of what it tells."""
    with outside.running(EVENTS) as emulator:
        stage = Stage(emulator, _NOBODY)
        lost: list[Case] = []
        for fault in _TOPIC_FAULTS:
            _put_fault(emulator, "eventgrid", "*" if fault.keys() <= {"refuse", "tls"} else "publish", fault)
            case = stage.case("RotateRequested", "cloudevents", "once")
            lost.append(case)
            emulator.call_control("POST", "events", case.events)
            eventually(lambda case=case: _ran(emulator, case, "rotate_key") == ["Succeeded"], f"{fault}: success", 8)
            if "delaySeconds" in fault:
                eventually(lambda: _entries(emulator, operation="publish"), "the call that is not answered")
            else:
                emulator.wait_for(f"of {case.resource_id} was not published")
        emulator.call_control("PUT", "faults", [])
        last = lost[-1]

        def outcome() -> dict[str, Any] | None:
            (told,) = [
                each
                for each in instances(emulator, "announce_outcome")
                if each["input"]["resourceId"] == last.resource_id
            ]
            return told if told["status"] == "Completed" else None

        told = eventually(outcome, "the event")
        assert told["output"] == {"status": "Published"}
        out = [each for each in events(emulator, "out") if each["event"]["source"] == last.resource_id]
        assert [(each["id"], each["type"]) for each in out] == [(told["input"]["id"], "CommunicationKey.Rotated")]
        assert told["id"] == f"{told['input']['id']}-event"
        for case in lost:
            emulator.wait_for(f"of {case.resource_id} was not published")


def test_under_keys_the_webhook_takes_events_with_the_system_key_alone() -> None:
    """With --auth the URL of on_event from the endpoints works with the system key, and without it nothing is taken."""
    with Emulator("--auth", settings=SETTINGS) as emulator:
        stage, endpoints = Stage(emulator, _NOBODY), emulator.call_control("GET", "endpoints")
        for schema in SCHEMAS:
            case = stage.case("RegenerateRequested", schema, "once")
            sent = case.events[0] if schema == "cloudevents" else case.events
            headers = {"aeg-event-type": "Notification"}
            for code in ("", "&code=", "&code=wrong", f"&code={endpoints['functionKey']}"):
                assert emulator.request("POST", endpoints["webhook"] + code, sent, headers).status == 401
            assert _ran(emulator, case, "regenerate_key") == []
            for _ in range(2):
                url = f"{endpoints['webhook']}&code={endpoints['systemKey']}"
                assert emulator.request("POST", url, sent, headers).status == 202
            settled(emulator)
            assert _ran(emulator, case, "regenerate_key") == ["Succeeded"]
