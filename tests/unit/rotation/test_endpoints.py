"""The rotation's endpoints: start, status, result, revoke and cancel, with all that they refuse."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from shared.conflicts import Decided, RequestIdReused, RotationInProgress
from shared.errors import (
    AppError,
    ArmRejected,
    DeadlineExceeded,
    DurableFunctionsUnavailable,
    InvalidRequest,
    NotConfigured,
    NotFound,
    RequestEntityTooLarge,
    ResourceNotAllowed,
    RoleRequired,
    UnexpectedError,
    UnsupportedMediaType,
)
from shared.http import Request
from shared.key_vault_errors import KeyVaultForbidden
from shared.rotation import endpoints, guard
from shared.rotation.endpoints import cancel, result, revoke, rotate, status
from shared.rotation.model import Json
from shared.rotation.status import Instance
from shared.rotation.steps import failure
from shared.settings import parse_settings
from tests.support.fakes import LEGACY_KEY, RESOURCE, app_request
from tests.support.rotation_engine import FakeEngine, instance, rpc_error

UUID = "11112222-3333-4444-5555-66667777aaaa"
REPEATABLE = {"repeatability-request-id": UUID}
VIEW: Json = {"status": "Succeeded", "stage": "Delivered", "revocation": {"status": "Scheduled", "at": "x"}}

type Use = Callable[..., None]


@pytest.fixture(autouse=True)
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Set the app up with a Key Vault, and return a function that sets it up otherwise; nobody waits."""

    def set_up(**variables: str) -> None:
        given = {"COMMUNICATION_SERVICE_ID": str(RESOURCE), "KEY_VAULT_URL": "https://vault.example"} | variables
        configured = parse_settings(given)
        monkeypatch.setattr(endpoints, "settings", lambda: configured)

    set_up()
    monkeypatch.setattr(endpoints, "_SEEN_WITHIN", (0.0, 0.0))
    return set_up


def of(id_: str) -> Request:
    """Return a request about a rotation."""
    return app_request(route={"id": id_})


def waiting(shown: Json | None = None) -> FakeEngine:
    """Return an engine with a rotation whose old key is in grace."""
    scheduled = {"status": "Scheduled", "at": "x"} if shown is None else shown
    return FakeEngine().add(instance(shown=VIEW), instance("r1-revoke", "RUNNING", scheduled, name="revoke_key"))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"gracePeriod": "PT5S"}'])
async def test_a_rotation_is_accepted_with_where_to_go_on(body: bytes) -> None:
    """202, where the result and the status are, when to ask, and the status as the body."""
    engine = FakeEngine()
    response = await rotate(app_request(body), engine)
    (name, id_, request) = engine.started[0]
    assert (response.status, name) == (202, "rotate_key")
    assert response.headers == {
        "Location": f"https://app.azurewebsites.net/api/rotations/{id_}/result",
        "Operation-Location": f"https://app.azurewebsites.net/api/rotations/{id_}",
        "Retry-After": "2",
    }
    assert (response.body["id"], response.body["status"]) == (id_, "Running")
    assert request["resourceId"] == str(RESOURCE)
    assert request["graceSeconds"] == (5.0 if b"PT5S" in body else 172800.0)


@pytest.mark.parametrize("topic", ["", "https://topic.example/api/events"])
async def test_the_end_of_a_rotation_is_told_to_the_apps_topic(use: Use, topic: str) -> None:
    """The orchestration is asked to tell its end only where a topic is set."""
    use(EVENT_GRID_TOPIC_ENDPOINT=topic)
    engine = FakeEngine()
    await rotate(app_request(), engine)
    assert engine.started[0][2]["announce"] is bool(topic)


async def test_without_a_request_id_each_request_is_its_own() -> None:
    """Two requests, two ids."""
    engine = FakeEngine()
    await rotate(app_request(), engine)
    await rotate(app_request(), engine)
    assert len({id_ for _, id_, _ in engine.started}) == 2


async def test_the_same_request_id_is_the_same_rotation() -> None:
    """202 with the same id, started once; another body is refused."""
    engine = FakeEngine()
    first = await rotate(app_request(b'{"reason": "a"}', headers=REPEATABLE), engine)
    again = await rotate(app_request(b'{"reason": "a"}', headers=REPEATABLE), engine)
    assert first.body["id"] == again.body["id"]
    assert len(engine.started) == 1
    with pytest.raises(RequestIdReused):
        await rotate(app_request(b'{"reason": "b"}', headers=REPEATABLE), engine)


async def test_problems_of_body_and_headers_come_together() -> None:
    """Everything that is wrong, each with its target; nothing is started."""
    engine = FakeEngine()
    with pytest.raises(InvalidRequest) as raised:
        await rotate(app_request(b'{"revoke": 1, "x": 2}', headers={"repeatability-request-id": "no"}), engine)
    assert {each["target"] for each in raised.value.details} == {"revoke", "x", "Repeatability-Request-ID"}
    assert engine.started == []


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b"{" + b" " * 5000, {}, RequestEntityTooLarge),
        (b"a=b", {"content-type": "application/x-www-form-urlencoded"}, UnsupportedMediaType),
        (b"[]", {}, InvalidRequest),
        (b"\xff", {}, InvalidRequest),
    ],
)
async def test_a_body_that_is_none_is_refused(body: bytes, headers: Mapping[str, str], error: type[AppError]) -> None:
    """413, 415 and 400 as for every route."""
    with pytest.raises(error):
        await rotate(app_request(body, headers=headers), FakeEngine())


async def test_a_resource_outside_the_allow_list_is_refused() -> None:
    """403, and the engine is not even asked."""
    engine = FakeEngine()
    other = str(RESOURCE).replace("MyCommunicationResource", "Other")
    with pytest.raises(ResourceNotAllowed):
        await rotate(app_request(f'{{"resourceId": "{other}"}}'.encode()), engine)
    assert (engine.started, engine.looks) == ([], 0)


async def test_without_a_key_vault_nothing_is_rotated(use: Use) -> None:
    """503 NotConfigured names the setting."""
    use(KEY_VAULT_URL="")
    with pytest.raises(NotConfigured) as raised:
        await rotate(app_request(), FakeEngine())
    assert "KEY_VAULT_URL" in raised.value.message


@pytest.mark.parametrize(
    ("endpoint", "action"),
    [(rotate, "RotateKey"), (status, "Read"), (result, "Read"), (revoke, "RevokeKey"), (cancel, "KeepKey")],
)
async def test_a_required_role_is_asked_for_first(
    use: Use, caplog: pytest.LogCaptureFixture, endpoint: Any, action: str
) -> None:
    """Every one of the routes wants it, before anything is looked up; the audit knows who wanted what."""
    use(REQUIRED_APP_ROLES="Keys.Rotate")
    engine = waiting()
    with pytest.raises(RoleRequired):
        await endpoint(of("r1"), engine)
    assert engine.looks == 0
    (line,) = audited(caplog)
    assert (line["action"], line["outcome"], line["error"]) == (action, "Refused", "RoleRequired")
    assert line["caller"] == {"kind": "FunctionKey"}


async def test_a_held_resource_is_refused() -> None:
    """409 with the holder's id."""
    held = {guard.guard_key(RESOURCE): guard.claim(guard.empty(), holder="r0", now=endpoints.utc_now())[0]}
    engine = FakeEngine(guards=held).add(instance("r0", "RUNNING"))
    with pytest.raises(RotationInProgress) as raised:
        await rotate(app_request(), engine)
    assert raised.value.holder == "r0"


@pytest.mark.parametrize("endpoint", [status, result, revoke, cancel])
@pytest.mark.parametrize("id_", ["r2", "", "@rotation_guard@x", "a/b", "r1\n", "r" * 101, "é", "r1-revoke"])
async def test_an_id_that_is_none_is_not_found(endpoint: Any, id_: str) -> None:
    """Unknown, ill-formed, an entity's, or that of a revocation, which is told under its rotation: 404."""
    with pytest.raises(NotFound):
        await endpoint(of(id_), waiting())


@pytest.mark.parametrize(
    ("runtime_status", "shown", "word"),
    [
        ("PENDING", None, "NotStarted"),
        ("RUNNING", {"status": "Running", "stage": "Proving"}, "Running"),
        ("COMPLETED", VIEW, "Succeeded"),
        ("COMPLETED", {"status": "Failed", "error": failure(KeyVaultForbidden("no"))}, "Failed"),
        ("TERMINATED", None, "Canceled"),
        ("FAILED", None, "Failed"),
    ],
)
async def test_a_status_is_always_200(runtime_status: str, shown: Json | None, word: str) -> None:
    """Whatever has become of it; Retry-After only while it runs."""
    response = await status(of("r1"), FakeEngine().add(instance("r1", runtime_status, shown)))
    assert (response.status, response.body["status"]) == (200, word)
    assert dict(response.headers) == ({"Retry-After": "2"} if word in ("NotStarted", "Running") else {})


@pytest.mark.parametrize("runtime_status", ["PENDING", "RUNNING"])
async def test_a_result_is_202_until_there_is_one(runtime_status: str) -> None:
    """With Location and Retry-After, so that a poller goes on."""
    response = await result(of("r1"), FakeEngine().add(instance("r1", runtime_status)))
    assert response.status == 202
    assert response.headers["Location"].endswith("/api/rotations/r1/result")
    assert "Retry-After" in response.headers


async def test_a_result_is_the_status_in_the_end() -> None:
    """200 with the revocation's state, and nothing that a poller would follow."""
    response = await result(of("r1"), waiting())
    assert (response.status, response.body["revocation"]["status"], dict(response.headers)) == (200, "Scheduled", {})


async def test_the_result_of_a_regeneration_is_its_answer() -> None:
    """A synchronous request that outlasted its deadline gets here what it would have got."""
    engine = FakeEngine().add(instance(shown=VIEW | {"answer": {"keyType": "Primary"}}, name="regenerate_key"))
    assert (await result(of("r1"), engine)).body == {"keyType": "Primary"}


@pytest.mark.parametrize(
    "error",
    [
        KeyVaultForbidden("no", target="a"),
        ArmRejected(429, "TooManyRequests", "m", headers={"Retry-After": "7"}),
        RotationInProgress("r0"),
    ],
    ids=lambda error: error.code,
)
@pytest.mark.parametrize("word", ["Failed", "Canceled"])
async def test_a_result_without_success_is_the_error(error: AppError, word: str) -> None:
    """With the status and the headers of a synchronous call."""
    response = await result(of("r1"), FakeEngine().add(instance(shown={"status": word, "error": failure(error)})))
    assert (response.status, response.body, response.headers) == (error.status, error.to_json(), error.headers)


@pytest.mark.parametrize("runtime_status", ["TERMINATED", "FAILED"])
async def test_a_result_of_what_the_engine_ended_is_an_error(runtime_status: str) -> None:
    """409 for a terminated one, 500 for a crashed one."""
    response = await result(of("r1"), FakeEngine().add(instance("r1", runtime_status)))
    assert response.status == {"TERMINATED": 409, "FAILED": 500}[runtime_status]


@pytest.mark.parametrize(("endpoint", "decision"), [(revoke, "revoke"), (cancel, "cancel")])
async def test_a_decision_is_passed_on(endpoint: Any, decision: str) -> None:
    """202 with the status; the revocation hears of it."""
    engine = waiting()
    response = await endpoint(of("r1"), engine)
    assert (response.status, response.body["id"]) == (202, "r1")
    assert engine.decisions == [("r1-revoke", decision)]


@pytest.mark.parametrize("endpoint", [revoke, cancel])
@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b'{"reason": "leaked"}', {}, InvalidRequest),
        (b"[]", {}, InvalidRequest),
        (b"{" + b" " * 5000, {}, RequestEntityTooLarge),
        (b"now", {"content-type": "text/plain"}, UnsupportedMediaType),
    ],
)
async def test_a_decision_takes_no_properties(
    endpoint: Any, body: bytes, headers: Mapping[str, str], error: type[AppError]
) -> None:
    """400, 413 and 415 as for every body, before anything is decided; no body, or an empty object, is as well."""
    engine = waiting()
    with pytest.raises(error):
        await endpoint(app_request(body, headers=headers, route={"id": "r1"}), engine)
    assert (engine.looks, engine.decisions) == (0, [])
    assert (await endpoint(app_request(b"{}", route={"id": "r1"}), engine)).status == 202


class LateEngine(FakeEngine):
    """An engine that shows a revocation some looks after its start."""

    async def find(self, instance_id: str) -> Instance | None:
        """Look."""
        found = await super().find(instance_id)
        return found if instance_id == "r1" or self.looks > 3 else None


async def test_a_revocation_that_is_not_shown_yet_is_waited_for() -> None:
    """The guard starts it while the rotation ends, and the engine shows it some moments later."""
    engine = LateEngine().add(*waiting().instances.values())
    assert (await revoke(of("r1"), engine)).status == 202
    assert engine.decisions == [("r1-revoke", "revoke")]


@pytest.mark.parametrize("second", [revoke, cancel])
@pytest.mark.parametrize("first", [revoke, cancel])
async def test_a_second_decision_is_too_late(first: Any, second: Any) -> None:
    """Whatever was decided: 409, and nothing is passed on."""
    engine = waiting()
    await first(of("r1"), engine)
    with pytest.raises(Decided):
        await second(of("r1"), engine)
    assert len(engine.decisions) == 1


async def test_of_two_decisions_at_once_the_slower_one_is_told() -> None:
    """It was passed on, but another one was first: 409."""
    engine = waiting()
    engine.decided = "revoke"
    with pytest.raises(Decided):
        await cancel(of("r1"), engine)


async def test_a_decision_that_is_not_seen_in_time_is_accepted() -> None:
    """The engine is slow: 202 all the same, as the event is kept."""
    engine = waiting()
    engine.mute = True
    assert (await revoke(of("r1"), engine)).status == 202


@pytest.mark.parametrize(
    "revocation",
    [
        None,
        instance("r1-revoke", "RUNNING", {"status": "Scheduled", "stage": "Revoking", "decision": "due"}),
        instance("r1-revoke", "COMPLETED", {"status": "Done", "decision": "due"}),
        instance("r1-revoke", "COMPLETED", {"status": "Canceled", "decision": "cancel"}),
        instance("r1-revoke", "TERMINATED"),
        instance("r1-revoke", "FAILED"),
    ],
    ids=["never scheduled", "revoking", "done", "canceled", "terminated", "crashed"],
)
@pytest.mark.parametrize("endpoint", [revoke, cancel])
async def test_where_nothing_is_left_to_decide_it_is_409(endpoint: Any, revocation: Any) -> None:
    """Over, under way, or never there."""
    engine = FakeEngine().add(instance(shown=VIEW if revocation else VIEW | {"revocation": {"status": "NotRequested"}}))
    if revocation is not None:
        engine.add(revocation)
    with pytest.raises(Decided):
        await endpoint(of("r1"), engine)
    assert engine.decisions == []


async def test_a_revocation_that_ends_while_it_is_told_is_409() -> None:
    """The engine knows that the instance has ended since the look."""
    engine = waiting()
    engine.deaf = True
    with pytest.raises(Decided):
        await revoke(of("r1"), engine)


async def test_a_key_in_the_reason_goes_nowhere() -> None:
    """It is scrubbed before it is stored."""
    engine = FakeEngine()
    response = await rotate(app_request(f'{{"reason": "{LEGACY_KEY}"}}'.encode()), engine)
    assert LEGACY_KEY not in str(engine.started) + str(response.body)


def audited(caplog: pytest.LogCaptureFixture) -> list[Json]:
    """Return the audit lines."""
    return [
        json.loads(record.getMessage().removeprefix("audit ")) for record in caplog.records if record.name == "audit"
    ]


async def test_a_rotation_that_is_started_or_refused_is_audited(caplog: pytest.LogCaptureFixture) -> None:
    """Who asked for what and why, and the id under which it runs; or the code with which it was refused."""
    engine = FakeEngine()
    with caplog.at_level(logging.INFO):
        response = await rotate(app_request(b'{"reason": "leak"}'), engine)
        other = str(RESOURCE).replace("MyCommunicationResource", "Other")
        with pytest.raises(ResourceNotAllowed):
            await rotate(app_request(f'{{"resourceId": "{other}"}}'.encode()), engine)
    started, refused = audited(caplog)
    assert (started["action"], started["outcome"], started["reason"]) == ("RotateKey", "Accepted", "leak")
    assert started["instanceId"] == response.body["id"]
    assert (refused["outcome"], refused["error"], refused["resourceId"]) == ("Refused", "ResourceNotAllowed", other)


async def test_each_decision_is_audited(caplog: pytest.LogCaptureFixture) -> None:
    """Who ended a grace period, and who came too late."""
    engine = waiting()
    with caplog.at_level(logging.INFO):
        await revoke(of("r1"), engine)
        with pytest.raises(Decided):
            await cancel(of("r1"), engine)
    assert [(line["action"], line["outcome"]) for line in audited(caplog)] == [
        ("RevokeKey", "Accepted"),
        ("KeepKey", "Refused"),
    ]


class Silent(FakeEngine):
    """An engine that never answers, or fails."""

    failure: Exception | None = None

    async def find(self, instance_id: str) -> Instance | None:
        """Keep silent, or fail."""
        del instance_id
        if self.failure is None:
            await asyncio.Event().wait()
        raise self.failure or AssertionError("nobody wakes it")


@pytest.mark.parametrize("endpoint", [rotate, status, result, revoke, cancel])
async def test_an_engine_that_says_nothing_is_not_waited_for_beyond_the_deadline(use: Use, endpoint: Any) -> None:
    """504 DeadlineExceeded, whatever was asked."""
    use(REQUEST_DEADLINE_SECONDS="0.02")
    with pytest.raises(DeadlineExceeded):
        async with asyncio.timeout(5):
            await endpoint(of("r1"), Silent())


async def test_a_start_of_which_nobody_knows_is_audited_as_unknown(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    """Neither accepted nor refused: the engine failed, or did not answer in time."""
    use(REQUEST_DEADLINE_SECONDS="0.02")
    failing = Silent()
    failing.failure = ConnectionError("gone")
    with caplog.at_level(logging.INFO):
        for engine, error in ((Silent(), DeadlineExceeded), (failing, UnexpectedError)):
            with pytest.raises(error):
                await rotate(app_request(b""), engine)
        failing.failure = rpc_error()
        with pytest.raises(DurableFunctionsUnavailable):
            await rotate(app_request(b""), failing)
    assert [(line["outcome"], line["error"]) for line in audited(caplog)] == [
        ("Unknown", "DeadlineExceeded"),
        ("Unknown", "InternalServerError"),
        ("Unknown", "DurableFunctionsUnavailable"),
    ]
