"""The synchronous use case, path by path: what is asked of ARM, how often, and what the caller is told."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.errors import (
    AppError,
    ArmError,
    ArmRejected,
    DeadlineExceeded,
    ManagedIdentityUnavailable,
    PreconditionFailed,
    RegenerationOutcome,
    UnexpectedError,
    UpstreamAuthenticationFailed,
    UpstreamFailed,
    UpstreamResponseInvalid,
    UpstreamUnreachable,
)
from shared.parameters import KeyType
from shared.redaction import AccessKey
from shared.regeneration import Patience, Regenerated, Regeneration, Regenerator
from tests.support.fakes import CASK_KEY, LEGACY_KEY, RESOURCE, FakeSleep, Keys, ScriptedKeyManagement, Step, access_key

NOT_REGENERATED = RegenerationOutcome.NOT_REGENERATED
UNKNOWN = RegenerationOutcome.UNKNOWN

OLD = access_key("old-primary")
NEW = access_key("new-primary")
OTHER = access_key("the-secondary")
BEFORE: Keys = {KeyType.PRIMARY: OLD, KeyType.SECONDARY: OTHER}
AFTER: Keys = {KeyType.PRIMARY: NEW, KeyType.SECONDARY: OTHER}
OTHER_ALONE: Keys = {KeyType.SECONDARY: OTHER}

ISSUED = Step[AccessKey](NEW)
UNCHANGED = Step[Keys](BEFORE)
CHANGED = Step[Keys](AFTER)


def not_connected() -> Step[AccessKey]:
    """A call that never reached ARM, told as the management client tells it: after `on_send`."""
    return Step(UpstreamUnreachable("m", sent=False, outcome=NOT_REGENERATED))


def lost() -> UpstreamUnreachable:
    """A connection lost after the request had left."""
    return UpstreamUnreachable("m", sent=True, outcome=UNKNOWN)


def failed() -> UpstreamFailed:
    """A failure of ARM that leaves the outcome unknown."""
    return UpstreamFailed("m", outcome=UNKNOWN)


def nonsense() -> UpstreamResponseInvalid:
    """An answer of success that makes no sense."""
    return UpstreamResponseInvalid("m", outcome=UNKNOWN)


UNKNOWN_OUTCOMES = pytest.mark.parametrize("unknown", [lost, failed, nonsense], ids=["lost", "failed", "nonsense"])

LOOKS = 11  # 5 s, one look each half second, the first one at once


async def run(
    keys: ScriptedKeyManagement,
    *,
    if_match: frozenset[str] | None = None,
    key_type: KeyType = KeyType.PRIMARY,
    sleep: FakeSleep | None = None,
    deadline: float = 30.0,
) -> Regenerated:
    """Run the use case on scripted keys."""
    use_case = Regenerator(
        keys=keys,
        deadline=deadline,
        now=lambda: datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        sleep=sleep or FakeSleep(),
    )
    return await use_case.regenerate(
        Regeneration(resource=RESOURCE, key_type=key_type, if_match=if_match, request_id="request-1")
    )


async def fail[E: AppError](kind: type[E], keys: ScriptedKeyManagement, **how: Any) -> E:
    """Run the use case, which must fail with an error of exactly that kind, and return the error."""
    with pytest.raises(kind) as raised:
        await run(keys, **how)
    assert type(raised.value) is kind
    return raised.value


IF_OLD = frozenset({OLD.fingerprint})


@pytest.mark.parametrize("key_type", list(KeyType))
async def test_one_request_is_one_call(key_type: KeyType) -> None:
    """Without If-Match ARM gets one POST, for that key of that resource, under our request id, and nothing else."""
    keys = ScriptedKeyManagement([ISSUED])
    sleep = FakeSleep()
    regenerated = await run(keys, key_type=key_type, sleep=sleep)
    assert regenerated.key is NEW
    assert keys.asked == [("regenerateKey", RESOURCE, key_type, "request-1")]
    assert sleep.naps == []


@pytest.mark.parametrize(
    ("key_type", "prefix"),
    [(KeyType.PRIMARY, "primary"), (KeyType.SECONDARY, "secondary")],
    ids=["primary", "secondary"],
)
@pytest.mark.parametrize("key", [LEGACY_KEY, CASK_KEY], ids=["legacy", "cask"])
async def test_the_answer_is_the_contracts_and_shows_no_key(key_type: KeyType, prefix: str, key: str) -> None:
    """The fields of the regenerated key alone, redacted, with its fingerprint and what was done when."""
    regenerated = await run(ScriptedKeyManagement([Step(access_key(key, host="h"))]), key_type=key_type)
    answer = regenerated.to_json()
    assert answer == {
        f"{prefix}Key": "REDACTED",
        f"{prefix}ConnectionString": "endpoint=https://h/;accesskey=REDACTED",
        "keyType": key_type.value,
        "fingerprint": access_key(key).fingerprint,
        "resourceId": str(RESOURCE),
        "regeneratedAt": "2026-01-02T03:04:05Z",
        "delivery": {"status": "NotConfigured", "secrets": []},
    }
    assert key not in json.dumps(answer) + repr(regenerated)


async def test_if_match_lets_the_key_be_replaced_that_it_names() -> None:
    """The fingerprint is looked up first, and then the key regenerated once."""
    keys = ScriptedKeyManagement([ISSUED], [UNCHANGED])
    assert (await run(keys, if_match=IF_OLD)).key is NEW
    assert [operation for operation, *_ in keys.asked] == ["listKeys", "regenerateKey"]
    assert {request_id for *_, request_id in keys.asked} == {"request-1"}


async def test_one_of_several_fingerprints_is_enough() -> None:
    """If-Match may name several keys, one of which must be the present one."""
    keys = ScriptedKeyManagement([ISSUED], [UNCHANGED])
    assert (await run(keys, if_match=IF_OLD | {NEW.fingerprint})).key is NEW


@pytest.mark.parametrize(
    ("present", "if_match"),
    [
        pytest.param(AFTER, IF_OLD, id="regenerated since"),
        pytest.param(BEFORE, frozenset({OTHER.fingerprint}), id="the other key's fingerprint"),
        pytest.param(OTHER_ALONE, IF_OLD, id="no such key"),
        pytest.param(BEFORE, frozenset[str](), id="no fingerprint at all"),
    ],
)
async def test_if_match_that_does_not_hold_changes_nothing(present: Keys, if_match: frozenset[str]) -> None:
    """Where the key has another fingerprint the answer is 412, and ARM is not asked to regenerate."""
    keys = ScriptedKeyManagement([], [Step(present)])
    error = await fail(PreconditionFailed, keys, if_match=if_match)
    assert (error.status, error.target, keys.posts) == (412, "If-Match", 0)


@pytest.mark.parametrize(
    ("error", "looks"),
    [
        pytest.param(ArmRejected(404, "ResourceNotFound", "m"), 1, id="refused"),
        pytest.param(ArmRejected(429, "TooManyRequests", "m"), 1, id="throttled"),
        pytest.param(UpstreamAuthenticationFailed("m"), 1, id="token refused"),
        pytest.param(UpstreamResponseInvalid("m"), 1, id="nonsense"),
        pytest.param(ManagedIdentityUnavailable("m", outcome=NOT_REGENERATED), 1, id="no identity"),
        pytest.param(UpstreamFailed("m"), 3, id="failed"),
        pytest.param(UpstreamUnreachable("m", sent=False), 3, id="not connected"),
        pytest.param(UpstreamUnreachable("m", sent=True), 3, id="lost"),
    ],
)
async def test_a_failed_look_before_the_call_is_passed_on(error: AppError, looks: int) -> None:
    """If the condition cannot be checked, nothing is regenerated; ARM's failures are given two more tries."""
    sleep = FakeSleep()
    keys = ScriptedKeyManagement([], [Step[Keys](error)] * looks)
    assert await fail(type(error), keys, if_match=IF_OLD, sleep=sleep) is error
    assert (keys.posts, keys.looks) == (0, looks)
    assert sleep.naps == [0.2, 0.8][: looks - 1]
    assert error.outcome in (None, NOT_REGENERATED)


async def test_a_look_that_succeeds_at_last_lets_the_call_be_made() -> None:
    """Reading may be repeated, since it changes nothing."""
    keys = ScriptedKeyManagement([ISSUED], [Step(UpstreamFailed("m")), Step(lost()), UNCHANGED])
    assert (await run(keys, if_match=IF_OLD)).key is NEW
    assert keys.posts == 1


@pytest.mark.parametrize("if_match", [None, IF_OLD], ids=["blind", "If-Match"])
@pytest.mark.parametrize(
    "error",
    [
        ArmRejected(400, "BadRequest", "m"),
        ArmRejected(403, "AuthorizationFailed", "m"),
        ArmRejected(404, "ResourceNotFound", "m"),
        ArmRejected(409, "Conflict", "m"),
        ArmRejected(429, "TooManyRequests", "m", headers={"Retry-After": "1"}),
        UpstreamAuthenticationFailed("m", outcome=NOT_REGENERATED),
        UpstreamFailed("m", outcome=NOT_REGENERATED),
        UpstreamResponseInvalid("m"),
        ManagedIdentityUnavailable("m", outcome=NOT_REGENERATED),
    ],
    ids=lambda error: f"{type(error).__name__} {error.code}",
)
async def test_what_is_known_to_have_changed_nothing_is_passed_on_at_once(
    error: AppError, if_match: frozenset[str] | None
) -> None:
    """ARM's refusals, throttling, a refused token: one POST, no waiting, the error as it is."""
    sleep = FakeSleep()
    sends = not isinstance(error, ManagedIdentityUnavailable)
    keys = ScriptedKeyManagement([Step(error, sends=sends)], [UNCHANGED])
    assert await fail(type(error), keys, if_match=if_match, sleep=sleep) is error
    assert keys.posts == 1
    assert sleep.naps == []


@pytest.mark.parametrize("if_match", [None, IF_OLD], ids=["blind", "If-Match"])
@pytest.mark.parametrize(("failures", "naps"), [(1, [0.2]), (2, [0.2, 0.8])])
async def test_where_no_connection_was_made_it_is_tried_again(
    failures: int, naps: list[float], if_match: frozenset[str] | None
) -> None:
    """What certainly never left is sent again after 0.2 s and after 0.8 s."""
    sleep = FakeSleep()
    keys = ScriptedKeyManagement([not_connected() for _ in range(failures)] + [ISSUED], [UNCHANGED])
    assert (await run(keys, if_match=if_match, sleep=sleep)).key is NEW
    assert keys.posts == failures + 1
    assert sleep.naps == naps


@pytest.mark.parametrize("if_match", [None, IF_OLD], ids=["blind", "If-Match"])
async def test_after_three_tries_to_connect_it_is_over(if_match: frozenset[str] | None) -> None:
    """Three tries, then 502, and the caller knows that nothing was regenerated."""
    sleep = FakeSleep()
    keys = ScriptedKeyManagement([not_connected() for _ in range(3)], [UNCHANGED])
    error = await fail(UpstreamUnreachable, keys, if_match=if_match, sleep=sleep)
    assert (error.outcome, keys.posts) == (NOT_REGENERATED, 3)
    assert sleep.naps == [0.2, 0.8]


async def test_a_refusal_after_a_failed_connection_is_passed_on() -> None:
    """Only a missing connection is a reason to try again."""
    keys = ScriptedKeyManagement([not_connected(), Step(ArmRejected(409, "Conflict", "m"))])
    await fail(ArmRejected, keys)
    assert keys.posts == 2


@UNKNOWN_OUTCOMES
async def test_an_unknown_outcome_is_never_followed_by_a_blind_second_call(unknown: Callable[[], ArmError]) -> None:
    """Without If-Match nobody can tell a key that was just issued: one POST, no look, and the outcome is Unknown."""
    keys = ScriptedKeyManagement([Step(unknown())])
    error = await fail(type(unknown()), keys)
    assert error.outcome is UNKNOWN
    assert (keys.posts, keys.looks) == (1, 0)


async def test_an_unknown_outcome_after_a_failed_connection_is_not_followed_by_a_blind_call_either() -> None:
    """Reconnecting ends with the first request that left."""
    keys = ScriptedKeyManagement([not_connected(), Step(lost())])
    assert (await fail(UpstreamUnreachable, keys)).outcome is UNKNOWN
    assert keys.posts == 2


@UNKNOWN_OUTCOMES
@pytest.mark.parametrize("look", [1, 2, 5, LOOKS])
async def test_a_key_that_has_changed_ends_the_watch(unknown: Callable[[], ArmError], look: int) -> None:
    """With If-Match the key is watched: once it is another one the step is done, with that key and no second call."""
    sleep = FakeSleep()
    keys = ScriptedKeyManagement([Step(unknown())], [UNCHANGED] * look + [CHANGED])
    assert (await run(keys, if_match=IF_OLD, sleep=sleep)).key is NEW
    assert keys.posts == 1
    assert sleep.naps == [0.5] * (look - 1)


@UNKNOWN_OUTCOMES
async def test_after_an_unchanged_watch_arm_is_asked_once_more(unknown: Callable[[], ArmError]) -> None:
    """The key is the same one for 5 s: the first call had no effect, and the second one is made."""
    sleep = FakeSleep()
    keys = ScriptedKeyManagement([Step(unknown()), ISSUED], [UNCHANGED] * (1 + LOOKS))
    assert (await run(keys, if_match=IF_OLD, sleep=sleep)).key is NEW
    assert (keys.posts, keys.looks) == (2, 1 + LOOKS)
    assert sum(sleep.naps) == pytest.approx(Patience().settling_time)


@UNKNOWN_OUTCOMES
async def test_a_second_unknown_outcome_is_the_last(unknown: Callable[[], ArmError]) -> None:
    """Two calls at most: then the caller is told that the outcome is unknown."""
    keys = ScriptedKeyManagement([Step(unknown()), Step(unknown())], [UNCHANGED] * (1 + 2 * LOOKS))
    error = await fail(type(unknown()), keys, if_match=IF_OLD)
    assert error.outcome is UNKNOWN
    assert keys.posts == 2


async def test_the_second_call_is_watched_too() -> None:
    """A change that shows only after the second unknown outcome is a success."""
    keys = ScriptedKeyManagement([Step(lost()), Step(failed())], [UNCHANGED] * (1 + LOOKS) + [CHANGED])
    assert (await run(keys, if_match=IF_OLD)).key is NEW
    assert keys.posts == 2


async def test_a_look_that_fails_does_not_end_the_watch() -> None:
    """A failed look is no verdict: the next one may see the new key."""
    keys = ScriptedKeyManagement([Step(lost())], [UNCHANGED, Step(UpstreamFailed("m")), Step(lost()), CHANGED])
    assert (await run(keys, if_match=IF_OLD)).key is NEW
    assert keys.posts == 1


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(Step[Keys](UpstreamFailed("m")), id="ARM fails"),
        pytest.param(Step[Keys](UpstreamUnreachable("m", sent=False)), id="ARM cannot be reached"),
        pytest.param(Step[Keys](ArmRejected(429, "TooManyRequests", "m")), id="throttled"),
        pytest.param(Step[Keys](ArmRejected(403, "AuthorizationFailed", "m")), id="may not look"),
        pytest.param(Step[Keys](UpstreamAuthenticationFailed("m")), id="token refused"),
        pytest.param(Step[Keys](UpstreamResponseInvalid("m")), id="nonsense"),
        pytest.param(Step[Keys](ManagedIdentityUnavailable("m", outcome=NOT_REGENERATED)), id="no identity"),
        pytest.param(Step[Keys](OTHER_ALONE), id="the key is not listed"),
    ],
)
async def test_a_watch_that_saw_nothing_is_no_reason_to_ask_again(look: Step[Keys]) -> None:
    """Only a key that was seen unchanged allows a second call; else the outcome stays unknown, and is said to be."""
    keys = ScriptedKeyManagement([Step(lost()), ISSUED], [UNCHANGED] + [look] * LOOKS)
    with pytest.raises(AppError) as raised:
        await run(keys, if_match=IF_OLD)
    assert keys.posts == 1
    assert raised.value.outcome is UNKNOWN


async def test_a_watch_that_ends_blind_is_no_reason_to_ask_again() -> None:
    """What was seen at the beginning of the settling time says nothing about its end."""
    blind = Step[Keys](UpstreamFailed("m"))
    keys = ScriptedKeyManagement([Step(lost()), ISSUED], [UNCHANGED, UNCHANGED] + [blind] * (LOOKS - 1))
    with pytest.raises(ArmError) as raised:
        await run(keys, if_match=IF_OLD)
    assert keys.posts == 1
    assert raised.value.outcome is UNKNOWN


@pytest.mark.parametrize(
    "second",
    [
        pytest.param([Step[AccessKey](ArmRejected(409, "Conflict", "m"))], id="refused"),
        pytest.param([Step[AccessKey](ArmRejected(429, "TooManyRequests", "m"))], id="throttled"),
        pytest.param([Step[AccessKey](UpstreamAuthenticationFailed("m", outcome=NOT_REGENERATED))], id="token refused"),
        pytest.param(
            [Step[AccessKey](ManagedIdentityUnavailable("m", outcome=NOT_REGENERATED), sends=False)], id="no identity"
        ),
        pytest.param([not_connected(), not_connected(), not_connected()], id="not connected"),
    ],
)
async def test_a_second_call_that_fails_does_not_clear_the_first_one(second: list[Step[AccessKey]]) -> None:
    """The first call may still take effect after the settling time: whatever the second one met, nobody knows."""
    keys = ScriptedKeyManagement([Step(lost()), *second], [UNCHANGED] * (1 + 2 * LOOKS))
    with pytest.raises(AppError) as raised:
        await run(keys, if_match=IF_OLD)
    assert raised.value.outcome is UNKNOWN
    assert keys.posts == 1 + len(second)


async def test_a_first_call_that_takes_effect_during_the_second_one_is_found() -> None:
    """The second call was refused, and the key has changed all the same: that is what the caller wanted."""
    conflict = Step[AccessKey](ArmRejected(409, "Conflict", "m"))
    keys = ScriptedKeyManagement([Step(lost()), conflict], [UNCHANGED] * (1 + LOOKS) + [CHANGED])
    assert (await run(keys, if_match=IF_OLD)).key is NEW
    assert keys.posts == 2


def never() -> asyncio.Event:
    """An event that never comes."""
    return asyncio.Event()


type Stage = tuple[
    Callable[[], ScriptedKeyManagement], Callable[[], FakeSleep], frozenset[str] | None, RegenerationOutcome
]

DEADLINES: dict[str, Stage] = {
    "while the condition is checked": (
        lambda: ScriptedKeyManagement([], [Step(never())]),
        FakeSleep,
        IF_OLD,
        NOT_REGENERATED,
    ),
    "before the request leaves": (
        lambda: ScriptedKeyManagement([Step(never(), sends=False)]),
        FakeSleep,
        None,
        NOT_REGENERATED,
    ),
    "after the request has left": (lambda: ScriptedKeyManagement([Step(never())]), FakeSleep, None, UNKNOWN),
    "after a conditional request has left": (
        lambda: ScriptedKeyManagement([Step(never())], [UNCHANGED]),
        FakeSleep,
        IF_OLD,
        UNKNOWN,
    ),
    "before the next try to connect": (
        lambda: ScriptedKeyManagement([not_connected()]),
        lambda: FakeSleep(forever=True),
        None,
        NOT_REGENERATED,
    ),
    "in the second try to connect": (
        lambda: ScriptedKeyManagement([not_connected(), Step(never())]),
        FakeSleep,
        None,
        UNKNOWN,
    ),
    "in a look of the watch": (
        lambda: ScriptedKeyManagement([Step(lost())], [UNCHANGED, Step(never())]),
        FakeSleep,
        IF_OLD,
        UNKNOWN,
    ),
    "between two looks": (
        lambda: ScriptedKeyManagement([Step(failed())], [UNCHANGED, UNCHANGED]),
        lambda: FakeSleep(forever=True),
        IF_OLD,
        UNKNOWN,
    ),
    "in the second call": (
        lambda: ScriptedKeyManagement([Step(lost()), Step(never())], [UNCHANGED] * (1 + LOOKS)),
        FakeSleep,
        IF_OLD,
        UNKNOWN,
    ),
    "in the second call, before it leaves": (
        lambda: ScriptedKeyManagement([Step(lost()), Step(never(), sends=False)], [UNCHANGED] * (1 + LOOKS)),
        FakeSleep,
        IF_OLD,
        UNKNOWN,
    ),
    "in the second call, after a failed connection": (
        lambda: ScriptedKeyManagement(
            [Step(lost()), not_connected(), Step(never(), sends=False)], [UNCHANGED] * (1 + LOOKS)
        ),
        FakeSleep,
        IF_OLD,
        UNKNOWN,
    ),
}


@pytest.mark.parametrize(("keys", "sleep", "if_match", "outcome"), DEADLINES.values(), ids=DEADLINES)
async def test_the_deadline_ends_every_stage(
    keys: Callable[[], ScriptedKeyManagement],
    sleep: Callable[[], FakeSleep],
    if_match: frozenset[str] | None,
    outcome: RegenerationOutcome,
) -> None:
    """Wherever the time runs out the answer is 504, with what is known of the key and what to do about it."""
    error = await fail(DeadlineExceeded, keys(), if_match=if_match, sleep=sleep(), deadline=0.05)
    assert (error.status, error.outcome) == (504, outcome)
    assert "0.05 s" in error.message
    assert ("was not regenerated" in error.message) is (outcome is NOT_REGENERATED)
    assert ("not known" in error.message) is (outcome is UNKNOWN)


@pytest.mark.parametrize(
    ("keys", "if_match", "outcome"),
    [
        pytest.param(
            ScriptedKeyManagement([Step(RuntimeError("s3cr3t"), sends=False)]),
            None,
            NOT_REGENERATED,
            id="before it leaves",
        ),
        pytest.param(ScriptedKeyManagement([Step(RuntimeError("s3cr3t"))]), None, UNKNOWN, id="after it left"),
        pytest.param(ScriptedKeyManagement([], [Step(KeyError("s3cr3t"))]), IF_OLD, NOT_REGENERATED, id="in the check"),
        pytest.param(
            ScriptedKeyManagement([Step(lost())], [UNCHANGED, Step(ValueError("s3cr3t"))]),
            IF_OLD,
            UNKNOWN,
            id="in a look",
        ),
    ],
)
async def test_an_unexpected_failure_still_tells_the_outcome(
    keys: ScriptedKeyManagement, if_match: frozenset[str] | None, outcome: RegenerationOutcome
) -> None:
    """A defect of ours is 500 with the outcome; its text stays in the cause, for the log."""
    error = await fail(UnexpectedError, keys, if_match=if_match)
    assert (error.status, error.outcome) == (500, outcome)
    assert "s3cr3t" not in json.dumps(error.to_json())
    assert "s3cr3t" in str(error.__cause__)


async def test_cancellation_is_not_caught() -> None:
    """Who cancels the request cancels it."""
    task = asyncio.create_task(run(ScriptedKeyManagement([Step(never())])))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_requests_at_the_same_time_do_not_share_their_progress() -> None:
    """One use case serves many requests: what one has sent is not held against the other."""
    hanging = ScriptedKeyManagement([Step(never()), Step(never(), sends=False)])
    use_case = Regenerator(keys=hanging, deadline=0.05, sleep=FakeSleep())
    request = Regeneration(resource=RESOURCE, key_type=KeyType.PRIMARY, request_id="r")
    errors = await asyncio.gather(use_case.regenerate(request), use_case.regenerate(request), return_exceptions=True)
    assert [getattr(error, "outcome", None) for error in errors] == [UNKNOWN, NOT_REGENERATED]


def test_the_patience_is_the_documented_one() -> None:
    """0.2 s and 0.8 s before trying again, two calls, 5 s of watching."""
    patience = Patience()
    assert patience.again_after == (0.2, 0.8)
    assert (patience.calls, patience.settling_time) == (2, 5.0)
