"""The synchronous regenerate under the guard: the answer, 202 at the deadline, and errors as they were."""

import asyncio

import pytest

from shared.clock import utc_now
from shared.conflicts import KeyInUse, RotationInProgress
from shared.errors import (
    AppError,
    ArmRejected,
    DeadlineExceeded,
    DurableFunctionsUnavailable,
    Passed,
    RegenerationOutcome,
    UnexpectedError,
    UpstreamFailed,
)
from shared.http import Response
from shared.key_vault_errors import KeyVaultUnavailable
from shared.parameters import KeyType
from shared.rotation import guard
from shared.rotation.guarded import regenerate_guarded
from shared.rotation.model import Json
from shared.rotation.requests import instance_id, regeneration_input
from shared.rotation.status import Instance
from shared.rotation.steps import failure
from tests.support.fakes import RESOURCE, app_request
from tests.support.rotation_engine import FakeEngine, instance, rpc_error

ANSWER: Json = {"keyType": "Primary", "fingerprint": "sha256:0123456789abcdef"}
DONE: Json = {"status": "Succeeded", "answer": ANSWER}
REPEATABLE = "11112222-3333-4444-5555-66667777aaaa"


async def regenerate(
    engine: FakeEngine, *, deadline: float = 5.0, repeatability: str | None = None, force: bool = False
) -> Response:
    """Regenerate the primary key."""
    return await regenerate_guarded(
        app_request(),
        engine,
        RESOURCE,
        KeyType.PRIMARY,
        if_match=frozenset({"sha256:0123456789abcdef"}),
        force=force,
        repeatability=repeatability,
        deadline=deadline,
        announce=True,
    )


async def test_the_answer_is_that_of_the_orchestration() -> None:
    """200, and the orchestration got all that was asked for."""
    engine = FakeEngine(outcomes={"regenerate_key": DONE})
    response = await regenerate(engine, force=True)
    assert (response.status, response.body) == (200, ANSWER)
    (name, _, request) = engine.started[0]
    assert (name, request["keyType"], request["force"], request["source"]) == (
        "regenerate_key",
        "Primary",
        True,
        "http",
    )
    assert request["ifMatch"] == ["sha256:0123456789abcdef"]
    assert request["waits"] is False


async def test_it_is_202_where_it_outlasts_the_deadline() -> None:
    """With where the result will be; the orchestration goes on."""
    engine = FakeEngine()
    response = await regenerate(engine, deadline=0.05)
    id_ = engine.started[0][1]
    assert (response.status, response.body["status"]) == (202, "Running")
    assert response.headers["Location"] == f"https://app.azurewebsites.net/api/rotations/{id_}/result"


@pytest.mark.parametrize(
    "error",
    [
        KeyInUse(["https://v/secrets/a/1"]),
        ArmRejected(429, "TooManyRequests", "m", headers={"Retry-After": "7"}),
        KeyVaultUnavailable("m", doubtful=False),
        UpstreamFailed("m", outcome=RegenerationOutcome.UNKNOWN),
    ],
    ids=lambda error: error.code,
)
@pytest.mark.parametrize("word", ["Failed", "Canceled"])
async def test_an_error_is_passed_on_as_it_was(error: AppError, word: str) -> None:
    """Status, body, headers, and the outcome for the audit."""
    engine = FakeEngine(outcomes={"regenerate_key": {"status": word, "error": failure(error)}})
    with pytest.raises(Passed) as raised:
        await regenerate(engine)
    assert raised.value.status == error.status
    assert raised.value.code == error.code
    assert raised.value.to_json() == error.to_json()
    assert raised.value.headers == error.headers
    assert raised.value.outcome is error.outcome


@pytest.mark.parametrize("force", [False, True])
async def test_a_held_resource_is_refused(force: bool) -> None:
    """409 at once; force does not override it."""
    held = {guard.guard_key(RESOURCE): guard.claim(guard.empty(), holder="r0", now=utc_now())[0]}
    engine = FakeEngine(guards=held).add(instance("r0", "RUNNING"))
    with pytest.raises(RotationInProgress):
        await regenerate(engine, force=force)
    assert engine.started == []


async def test_the_same_request_id_regenerates_once() -> None:
    """The second request gets the answer of the first, and the key stays."""
    engine = FakeEngine(outcomes={"regenerate_key": DONE})
    for _ in range(2):
        assert (await regenerate(engine, repeatability=REPEATABLE)).body == ANSWER
    assert len(engine.started) == 1


class Forgetful(FakeEngine):
    """An engine whose instances are purged as soon as they are started."""

    async def find(self, instance_id: str) -> Instance | None:
        """Find nothing."""
        del instance_id
        return None


async def test_an_orchestration_that_vanishes_is_not_waited_for_for_ever() -> None:
    """Purged in the midst: 504, and the outcome is not known."""
    engine = Forgetful()
    with pytest.raises(DeadlineExceeded) as raised:
        await regenerate(engine, deadline=0.05)
    assert raised.value.outcome is RegenerationOutcome.UNKNOWN


class Failing(FakeEngine):
    """An engine that starts what it is asked to, and from then on fails, or says nothing at all."""

    failure: Exception | None = None

    async def find(self, instance_id: str) -> Instance | None:
        """Fail, or keep silent, once something was started."""
        if not self.started:
            return await super().find(instance_id)
        if self.failure is None:
            await asyncio.Event().wait()
        raise self.failure or AssertionError("nobody wakes it")


async def test_an_engine_that_says_nothing_is_not_waited_for_beyond_the_deadline() -> None:
    """504, and the outcome is not known."""
    with pytest.raises(DeadlineExceeded) as raised:
        async with asyncio.timeout(5):
            await regenerate(Failing(), deadline=0.05)
    assert raised.value.outcome is RegenerationOutcome.UNKNOWN


@pytest.mark.parametrize(
    ("failure", "error"), [(rpc_error(), DurableFunctionsUnavailable), (ConnectionError("gone"), UnexpectedError)]
)
async def test_what_was_started_on_an_engine_that_fails_has_an_unknown_outcome(
    failure: Exception, error: type[AppError], caplog: pytest.LogCaptureFixture
) -> None:
    """503 where the engine says so itself, 500 for what nobody has thought of; the cause is in the log or with it."""
    engine = Failing()
    engine.failure = failure
    with pytest.raises(error) as raised:
        await regenerate(engine)
    assert raised.value.outcome is RegenerationOutcome.UNKNOWN
    assert raised.value.__cause__ is failure or "Durable Functions failed: UNAVAILABLE: no storage" in caplog.text


@pytest.mark.parametrize("runtime_status", ["FAILED", "TERMINATED"])
async def test_what_ended_in_the_midst_has_an_unknown_outcome(runtime_status: str) -> None:
    """Crashed or terminated: it may have regenerated the key."""
    id_ = instance_id("http-regenerate", RESOURCE, REPEATABLE)
    asked = regeneration_input(
        RESOURCE, KeyType.PRIMARY, if_match=frozenset({"sha256:0123456789abcdef"}), force=False, source="http"
    )
    engine = FakeEngine().add(instance(id_, runtime_status, name="regenerate_key", request=asked))
    with pytest.raises(Passed) as raised:
        await regenerate(engine, repeatability=REPEATABLE)
    assert raised.value.outcome is RegenerationOutcome.UNKNOWN
