"""What the timer does about a resource: what asks for a repair, a rotation, patience; and when it comes again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.parameters import KeyType
from shared.rotation import guard
from shared.rotation.model import Json, Pending, utc_text
from shared.rotation.upkeep import (
    MARGIN,
    Publication,
    Repair,
    Rotate,
    Seen,
    Sound,
    Wait,
    ages,
    decide,
    doubtful_revocation,
    next_attempt,
    overdue,
    with_owed,
)
from tests.support.rotation_engine import instance
from tests.support.vault import OTHER, RESOURCE

PRIMARY, SECONDARY = KeyType.PRIMARY, KeyType.SECONDARY
NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
ONE, TWO, DEAD = "sha256:1111111111111111", "sha256:2222222222222222", "sha256:dddddddddddddddd"
KEYS = {PRIMARY: ONE, SECONDARY: TWO}
TARGET = {"resourceId": str(RESOURCE), "guardKey": guard.guard_key(RESOURCE)}
REVOCATION = "r1-revoke"


def publication(fingerprint: str = ONE, name: str = "a", **changed: Any) -> Publication:
    """Return what a secret publishes; by default the primary key, for ninety days more."""
    fine = Publication(
        name=name, version=f"v-{name}", fingerprint=fingerprint, key_type=PRIMARY, expires_on=NOW + 90 * DAY
    )
    return replace(fine, **changed)


def seen(*secrets: Publication, pending: Pending | None = None, owed: Json | None = None) -> Seen:
    """Return a finding."""
    return Seen(keys=KEYS, secrets=secrets, pending=pending, owed=owed)


def grace(
    until: datetime, fingerprint: str = TWO, revocation: str | None = REVOCATION, owed_by: str | None = None
) -> Pending:
    """Return a key in grace: by default the secondary one, with a revocation."""
    return Pending(PRIMARY if fingerprint == ONE else SECONDARY, fingerprint, until, revocation, owed_by)


def owed(**changed: Any) -> Json:
    """Return the input of a revocation of the secondary key."""
    at = utc_text(NOW - DAY)
    return {**TARGET, "keyType": "Secondary", "fingerprint": TWO, "at": at, "superseded": [], **changed}


def test_where_all_publish_a_live_key_nothing_is_to_be_done() -> None:
    """One secret, several, or none."""
    for secrets in ([], [publication()], [publication(), publication(name="b")]):
        assert decide(seen(*secrets), NOW) == Sound()


@pytest.mark.parametrize("pending", [None, grace(NOW + DAY), grace(NOW - DAY, ONE, None)])
def test_a_secret_without_a_live_key_is_repaired(pending: Pending | None) -> None:
    """At once: a grace period is no reason to let consumers fail."""
    decided = decide(seen(publication(), publication(DEAD, "b"), pending=pending), NOW)
    assert isinstance(decided, Repair)
    assert (decided.converge, decided.owed) == (False, None)


def test_disagreeing_secrets_are_converged() -> None:
    """Where nothing is in grace."""
    decided = decide(seen(publication(ONE), publication(TWO, "b")), NOW)
    assert isinstance(decided, Repair)
    assert decided.converge


@pytest.mark.parametrize("revocation", [REVOCATION, None])
@pytest.mark.parametrize("fingerprint", [ONE, TWO, DEAD])
def test_disagreeing_secrets_wait_for_the_end_of_a_grace(revocation: str | None, fingerprint: str) -> None:
    """Of whichever key, as the repair itself does; its revocation is given some minutes to begin."""
    pending = grace(NOW + HOUR, fingerprint, revocation)
    over = pending.at + (MARGIN if revocation else timedelta(0))
    disagreeing = seen(publication(ONE), publication(TWO, "b"), pending=pending)
    assert decide(disagreeing, NOW) == Wait(over)
    assert decide(disagreeing, over - SECOND) == Wait(over)
    assert isinstance(decide(disagreeing, over), Repair)


def test_repair_and_convergence_go_in_one() -> None:
    """At most one thing is started."""
    decided = decide(seen(publication(ONE), publication(TWO, "b"), publication(DEAD, "c"), owed=owed()), NOW)
    assert isinstance(decided, Repair)
    assert (decided.converge, decided.owed) == (True, owed())


def test_a_repair_during_a_grace_does_not_converge() -> None:
    """What is dead is mended, what disagrees waits."""
    secrets = publication(ONE), publication(TWO, "b"), publication(DEAD, "c")
    decided = decide(seen(*secrets, pending=grace(NOW + HOUR)), NOW)
    assert isinstance(decided, Repair)
    assert not decided.converge


@pytest.mark.parametrize(
    ("left", "due"),
    [
        (30 * DAY + SECOND, False),
        (30 * DAY, True),
        (timedelta(0), True),
        (-400 * DAY, True),
    ],
)
def test_a_secret_is_due_thirty_days_before_its_end(left: timedelta, due: bool) -> None:
    """From the moment on at which Key Vault tells it, and ever after."""
    decided = decide(seen(publication(expires_on=NOW + left)), NOW)
    assert decided == (Rotate("a", "v-a") if due else Sound())


def test_a_secret_without_an_end_is_never_due() -> None:
    """Nobody has said when it should be renewed."""
    assert decide(seen(publication(expires_on=None)), NOW) == Sound()


def test_one_rotation_is_for_all_that_are_due() -> None:
    """The first to expire gives it its id, by name where two expire together."""
    secrets = [
        publication(name="a", expires_on=NOW + 2 * DAY),
        publication(name="c", expires_on=NOW + DAY),
        publication(name="b", expires_on=NOW + DAY),
    ]
    assert decide(seen(*secrets), NOW) == Rotate("b", "v-b")
    assert decide(seen(*reversed(secrets)), NOW) == Rotate("b", "v-b")


@pytest.mark.parametrize("wrong", [publication(DEAD, "b"), publication(TWO, "b")])
def test_what_expires_comes_after_what_is_wrong(wrong: Publication) -> None:
    """A rotation is for resources whose secrets agree on a live key."""
    assert isinstance(decide(seen(publication(expires_on=NOW), wrong), NOW), Repair)
    assert isinstance(decide(seen(publication(expires_on=NOW), owed=owed()), NOW), Repair)


@pytest.mark.parametrize("fingerprint", [ONE, TWO])
def test_what_expires_waits_for_the_end_of_a_grace(fingerprint: str) -> None:
    """A rotation would be refused until then."""
    pending = grace(NOW + HOUR, fingerprint, None)
    due = seen(publication(expires_on=NOW), pending=pending)
    assert decide(due, NOW) == Wait(pending.at)
    assert decide(due, pending.at) == Rotate("a", "v-a")


def test_the_grace_of_a_key_that_is_gone_hinders_no_rotation() -> None:
    """Somebody has regenerated it: nobody can hold it any more."""
    assert decide(seen(publication(expires_on=NOW), pending=grace(NOW + HOUR, DEAD)), NOW) == Rotate("a", "v-a")


def test_the_same_state_asks_under_the_same_name() -> None:
    """In whatever order it was read, and whenever: so its attempts can be counted."""
    secrets = publication(DEAD), publication(ONE, "b")
    first, second, later = (
        decide(seen(*secrets), NOW),
        decide(seen(*reversed(secrets)), NOW),
        decide(seen(*(replace(each, expires_on=None) for each in secrets)), NOW + 40 * DAY),
    )
    assert isinstance(first, Repair)
    assert first == second == later


@pytest.mark.parametrize(
    "other",
    [
        seen(publication(DEAD, version="v2")),
        seen(publication(DEAD, key_type=SECONDARY)),
        seen(publication(DEAD, key_type=None)),
        seen(publication(DEAD), publication(ONE, "b")),
        seen(publication(DEAD), owed=owed()),
        replace(seen(publication(DEAD)), keys={PRIMARY: ONE, SECONDARY: "sha256:3333333333333333"}),
    ],
)
def test_another_state_is_tried_at_once(other: Seen) -> None:
    """A new version, another tag, another key: what failed before may well succeed now."""
    before, after = decide(seen(publication(DEAD)), NOW), decide(other, NOW)
    assert isinstance(before, Repair)
    assert isinstance(after, Repair)
    assert before.state != after.state


def test_a_revocation_that_failed_again_is_the_same_matter() -> None:
    """However it was called the last time: otherwise it would be tried at each run for ever."""
    one, two = (
        decide(seen(publication(), owed=owed(at=at, superseded=ids)), NOW) for at, ids in (("x", []), ("y", [1]))
    )
    assert isinstance(one, Repair)
    assert isinstance(two, Repair)
    assert one.state == two.state


def test_a_claim_holds_until_its_end() -> None:
    """Whoever claims after that need not ask what has become of the holder."""
    state, _ = guard.claim(guard.empty(), holder="r1", now=NOW)
    assert guard.holder_of(guard.empty(), NOW) is None
    assert guard.holder_of(state, NOW + guard.CLAIM - SECOND) == "r1"
    assert guard.holder_of(state, NOW + guard.CLAIM) is None


def guarded(pending: Pending | None = None, *outcomes: tuple[str, str]) -> Json:
    """Return the state of a guard."""
    state = guard.empty() if pending is None else guard.schedule(guard.empty(), pending)
    for id_, status in outcomes:
        state = guard.release(state, holder=id_, outcome={"id": id_, "status": status})
    return state


@pytest.mark.parametrize(
    ("state", "id_"),
    [
        pytest.param(guarded(), None, id="nothing ever happened"),
        pytest.param(guarded(grace(NOW - MARGIN)), REVOCATION, id="overdue"),
        pytest.param(guarded(grace(NOW - MARGIN + SECOND)), None, id="just begun"),
        pytest.param(guarded(grace(NOW - DAY, TWO, None)), None, id="left alive on purpose"),
        pytest.param(guarded(grace(NOW - MARGIN, TWO, None, "r1")), "r1", id="not handed over"),
        pytest.param(guarded(grace(NOW - MARGIN + SECOND, TWO, None, "r1")), None, id="about to be handed over"),
        pytest.param(guarded(None, (REVOCATION, "Failed")), REVOCATION, id="failed"),
        pytest.param(guarded(None, (REVOCATION, "Failed"), ("r2", "Succeeded")), REVOCATION, id="failed before"),
        pytest.param(guarded(None, (REVOCATION, "Failed"), ("r2-revoke", "Done")), None, id="done since"),
        pytest.param(guarded(None, (REVOCATION, "Canceled")), None, id="canceled"),
        pytest.param(guarded(None, ("r1", "Failed")), None, id="a rotation failed"),
        pytest.param(guarded(grace(NOW + DAY), ("r0-revoke", "Failed")), "r0-revoke", id="failed, another one waits"),
        pytest.param(guarded(grace(NOW - DAY), ("r0-revoke", "Failed")), REVOCATION, id="failed, another one overdue"),
    ],
)
def test_a_revocation_is_doubtful_when_overdue_or_failed(state: Json, id_: str | None) -> None:
    """The guard says which one is to be looked for."""
    assert doubtful_revocation(state, NOW) == id_


SUPERSEDED = ["https://vault.example/secrets/a/1"]
STARTED = owed(superseded=SUPERSEDED, announce=True)
OVERDUE = grace(NOW - DAY)


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_an_overdue_revocation_that_ended_without_a_word_is_owed(status: str) -> None:
    """As it was started, with the secret versions that it is to disable."""
    ended = instance(REVOCATION, status, name="revoke_key", request=STARTED)
    after = with_owed(seen(publication(), pending=OVERDUE), RESOURCE, REVOCATION, ended, NOW)
    assert after.owed == owed(superseded=SUPERSEDED)
    assert after == seen(publication(), pending=OVERDUE, owed=after.owed)


def test_an_overdue_revocation_that_never_was_is_owed() -> None:
    """What the guard knows of it has to do."""
    after = with_owed(seen(publication(), pending=OVERDUE), RESOURCE, REVOCATION, None, NOW)
    assert after.owed == owed()


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "SUSPENDED", "COMPLETED"])
def test_an_overdue_revocation_that_lives_or_has_settled_is_not_owed(status: str) -> None:
    """It revokes by itself, or has done so since the guard was read."""
    known = instance(REVOCATION, status, name="revoke_key", request=STARTED)
    before = seen(publication(), pending=OVERDUE)
    assert with_owed(before, RESOURCE, REVOCATION, known, NOW) == before


NOT_HANDED_OVER = grace(NOW - DAY, TWO, None, "r1")
ROTATION = {"guardKey": guard.guard_key(RESOURCE), "revoke": True}


@pytest.mark.parametrize(
    ("status", "shown", "superseded"),
    [
        pytest.param("TERMINATED", {"secrets": [{"id": "new"}]}, [], id="terminated"),
        pytest.param("FAILED", None, [], id="crashed"),
        pytest.param(
            "COMPLETED",
            {"status": "Failed", "secrets": [{"id": "new", "superseded": SUPERSEDED}, {"id": "newer"}]},
            SUPERSEDED,
            id="failed",
        ),
        pytest.param("COMPLETED", {"status": "Canceled", "secrets": []}, [], id="canceled"),
        pytest.param(None, None, [], id="forgotten"),
    ],
)
def test_what_a_rotation_did_not_hand_over_is_owed(status: str | None, shown: Json | None, superseded: Json) -> None:
    """With the secret versions that it has superseded, if it came to tell them."""
    ended = None if status is None else instance("r1", status, shown, name="rotate_key", request=ROTATION)
    before = seen(publication(), pending=NOT_HANDED_OVER)
    after = with_owed(before, RESOURCE, "r1", ended, NOW)
    assert after.owed == owed(superseded=superseded)
    assert overdue(after, NOW) == (SECONDARY, DAY)


@pytest.mark.parametrize(
    ("status", "shown"), [("RUNNING", {"status": "Running"}), ("COMPLETED", {"status": "Succeeded"})]
)
def test_what_a_rotation_is_still_to_hand_over_or_has_is_not_owed(status: str, shown: Json) -> None:
    """It goes on after an outage, or has done so since the guard was read."""
    known = instance("r1", status, shown, name="rotate_key", request=ROTATION)
    before = seen(publication(), pending=NOT_HANDED_OVER)
    assert with_owed(before, RESOURCE, "r1", known, NOW) == before


@pytest.mark.parametrize(("known", "grace_period"), [(True, DAY), (False, 30 * DAY)])
def test_a_key_that_was_not_handed_over_lives_for_a_grace_period_after_the_last_secret_has_left_it(
    known: bool, grace_period: timedelta
) -> None:
    """Set by hand in place of the rotation; if that is forgotten, its grace may have been the longest that there is."""
    request = ROTATION | {"graceSeconds": DAY.total_seconds()}
    ended = instance("r1", "FAILED", name="rotate_key", request=request) if known else None
    for since, is_owed in ((grace_period, True), (grace_period - SECOND, False)):
        late = publication(name="b", created_on=NOW - since)
        before = seen(publication(created_on=NOW - 90 * DAY), late, pending=NOT_HANDED_OVER)
        after = with_owed(before, RESOURCE, "r1", ended, NOW)
        assert after.owed == (owed(at=utc_text(NOW)) if is_owed else None)


FAILED = instance(REVOCATION, "COMPLETED", {"status": "Failed"}, name="revoke_key", request=STARTED)


@pytest.mark.parametrize("pending", [None, grace(NOW, DEAD, None)])
def test_a_revocation_that_failed_is_owed(pending: Pending | None) -> None:
    """Unless another one is on its way."""
    after = with_owed(seen(publication(), pending=pending), RESOURCE, REVOCATION, FAILED, NOW)
    assert after.owed == owed(superseded=SUPERSEDED)


@pytest.mark.parametrize(
    "pending",
    [
        pytest.param(grace(NOW + HOUR, DEAD, None), id="another key in grace"),
        pytest.param(grace(NOW - HOUR, DEAD, "r2-revoke"), id="another key about to be revoked"),
        pytest.param(grace(NOW - HOUR, DEAD, None, "r2"), id="another key about to be handed over"),
        pytest.param(grace(NOW + HOUR, TWO, "r2-revoke"), id="in grace again"),
        pytest.param(grace(NOW - HOUR, TWO, None), id="left alive on purpose since"),
    ],
)
def test_a_revocation_that_failed_is_not_owed_where_the_guard_has_news(pending: Pending) -> None:
    """What came after it counts."""
    before = seen(publication(), pending=pending)
    assert with_owed(before, RESOURCE, REVOCATION, FAILED, NOW) == before


def test_a_revocation_that_failed_and_is_forgotten_is_lost() -> None:
    """Nobody knows any more which key it was about; the next rotation regenerates that key."""
    before = seen(publication())
    assert with_owed(before, RESOURCE, REVOCATION, None, NOW) == before


@pytest.mark.parametrize("pending", [OVERDUE, None])
def test_a_key_that_is_published_or_gone_is_not_revoked(pending: Pending | None) -> None:
    """Somebody has put it back into use, or has regenerated it."""
    ended = replace(FAILED, runtime_status="FAILED") if pending else FAILED
    for before in (
        seen(publication(), publication(TWO, "b"), pending=pending),
        replace(seen(publication(), pending=pending), keys={PRIMARY: ONE, SECONDARY: DEAD}),
    ):
        assert with_owed(before, RESOURCE, REVOCATION, ended, NOW).owed is None


def test_a_revocation_of_another_resource_is_no_evidence() -> None:
    """An orchestration of that id which was started about something else names no key of this one."""
    foreign = instance(REVOCATION, "FAILED", name="revoke_key", request=STARTED | {"guardKey": guard.guard_key(OTHER)})
    assert with_owed(seen(publication(), pending=OVERDUE), RESOURCE, REVOCATION, foreign, NOW).owed == owed()
    assert with_owed(seen(publication()), RESOURCE, REVOCATION, foreign, NOW).owed is None
    shown = {"status": "Failed", "secrets": [{"id": "new", "superseded": SUPERSEDED}]}
    rotation = instance("r1", "COMPLETED", shown, name="rotate_key", request={"guardKey": guard.guard_key(OTHER)})
    assert with_owed(seen(publication(), pending=NOT_HANDED_OVER), RESOURCE, "r1", rotation, NOW).owed == owed()


def test_attempts_come_ever_more_seldom() -> None:
    """The second at the next run, the others after 1, 2, 4 … hours, and at least once a day."""
    hours = [(next_attempt(NOW, attempt) - NOW + timedelta(minutes=5)) / HOUR for attempt in range(1, 9)]
    assert hours == [1, 2, 4, 8, 16, 24, 24, 24]
    assert next_attempt(NOW, 0) == NOW
    assert next_attempt(NOW, 10_000) == next_attempt(NOW, 8)


def test_an_hourly_run_misses_no_attempt() -> None:
    """An attempt ends some moments after the run that started it, and is not a whole hour old at the next one."""
    assert next_attempt(NOW + timedelta(minutes=4), 1) <= NOW + HOUR


def test_a_key_is_as_old_as_its_first_publication() -> None:
    """Several secrets publish it since different days; what publishes another key, or has no date, says nothing."""
    found = seen(
        publication(ONE, "a", created_on=NOW - DAY),
        publication(ONE, "b", created_on=NOW - 3 * DAY),
        publication(ONE, "c", created_on=None),
        publication(DEAD, "d", created_on=NOW - 9 * DAY),
    )
    assert ages(found, NOW) == {PRIMARY: 3 * DAY}
    assert ages(seen(publication(TWO, created_on=None)), NOW) == {}


def test_both_keys_have_an_age_where_secrets_disagree() -> None:
    """Each from what publishes it."""
    found = seen(publication(ONE, created_on=NOW - DAY), publication(TWO, "b", created_on=NOW - HOUR))
    assert ages(found, NOW) == {PRIMARY: DAY, SECONDARY: HOUR}


@pytest.mark.parametrize(
    ("pending", "late"),
    [
        pytest.param(None, None, id="none"),
        pytest.param(grace(NOW + SECOND), None, id="in grace"),
        pytest.param(grace(NOW - timedelta(minutes=5) + SECOND), None, id="about to begin"),
        pytest.param(grace(NOW - timedelta(minutes=5)), (SECONDARY, timedelta(minutes=5)), id="overdue"),
        pytest.param(grace(NOW - DAY, revocation=None), None, id="left alive on purpose"),
        pytest.param(grace(NOW - DAY, DEAD), None, id="dead already"),
        pytest.param(grace(NOW - DAY, ONE), None, id="published again"),
    ],
)
def test_a_revocation_is_overdue_while_its_key_lives(
    pending: Pending | None, late: tuple[KeyType, timedelta] | None
) -> None:
    """It is given the time to begin; a key that is dead, published, or left alive on purpose is nobody's concern."""
    assert overdue(seen(publication(), pending=pending), NOW) == late


def test_a_revocation_that_is_owed_is_overdue() -> None:
    """Since it should have been, whatever the guard has forgotten."""
    assert overdue(seen(publication(), owed=owed()), NOW) == (SECONDARY, DAY)
