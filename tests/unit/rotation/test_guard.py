"""The guard: who holds a resource and for how long, which key is in grace, and what it remembers."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.parameters import KeyType
from shared.resource_id import ResourceId
from shared.rotation import guard
from shared.rotation.model import Json, Pending

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PENDING = Pending(KeyType.PRIMARY, "sha256:p", NOW, "r1-revoke")


def held(by: str = "r1", at: datetime = NOW) -> Json:
    """Return the state of a guard that somebody holds."""
    return guard.claim(guard.empty(), holder=by, now=at)[0]


def test_the_first_one_gets_the_claim() -> None:
    """An empty guard is anybody's, for one hour."""
    state, answer = guard.claim(guard.empty(), holder="r1", now=NOW)
    assert answer == {"granted": True, "holder": "r1", "pending": None}
    assert state["holder"] == {"id": "r1", "until": "2026-01-01T01:00:00Z"}


def test_whoever_holds_the_claim_is_not_overtaken() -> None:
    """Nobody has come in between."""
    assert guard.overtaken_by(held(), holder="r1") is None


def test_a_holder_whose_claim_another_one_has_taken_is_overtaken_by_that_one() -> None:
    """After an hour anybody may claim, and the former holder is told who has."""
    later, _ = guard.claim(held(), holder="r2", now=NOW + timedelta(hours=2))
    assert guard.overtaken_by(later, holder="r1") == "r2"


def test_whoever_has_come_and_gone_since_has_overtaken_too() -> None:
    """The last one that the guard remembers is named, or the holder itself where it remembers none."""
    gone = {**guard.empty(), "outcomes": [{"id": "r2"}, {"id": "r3"}, {"id": "r4"}]}
    assert guard.overtaken_by(gone, holder="r1") == "r4"
    assert guard.overtaken_by(guard.empty(), holder="r1") == "r1"


def test_another_one_is_refused_and_told_the_holder() -> None:
    """A claim excludes everybody else and stays as it is."""
    state, answer = guard.claim(held(), holder="r2", now=NOW + timedelta(minutes=59))
    assert answer == {"granted": False, "holder": "r1", "pending": None}
    assert state == held()


def test_the_holder_may_claim_again_and_holds_it_longer() -> None:
    """A repeated claim, be it a replay or a renewal, is granted and lasts from then on."""
    state, answer = guard.claim(held(), holder="r1", now=NOW + timedelta(minutes=30))
    assert answer["granted"]
    assert state["holder"]["until"] == "2026-01-01T01:30:00Z"


def test_a_claim_ends() -> None:
    """After an hour the resource is free, whatever has become of its holder."""
    state, answer = guard.claim(held(), holder="r2", now=NOW + timedelta(hours=1))
    assert answer["granted"]
    assert state["holder"]["id"] == "r2"


def test_an_ended_holder_can_be_replaced() -> None:
    """Who knows that the holder has ended gets the claim; who names another one does not."""
    assert guard.claim(held(), holder="r2", now=NOW, instead_of="r1")[1]["granted"]
    assert not guard.claim(held("r3"), holder="r2", now=NOW, instead_of="r1")[1]["granted"]


def test_releasing_frees_the_resource_and_keeps_the_outcome() -> None:
    """The holder lets go and leaves a word."""
    state = guard.release(held(), holder="r1", outcome={"id": "r1"})
    assert state == {"holder": None, "pending": None, "outcomes": [{"id": "r1"}]}


def test_a_stranger_releases_nothing() -> None:
    """Only the holder's own release counts; a late one of an earlier holder leaves the present one alone."""
    state = guard.release(held("r2"), holder="r1", outcome={"id": "r1"})
    assert state["holder"]["id"] == "r2"
    assert state["outcomes"] == [{"id": "r1"}]
    assert guard.release(guard.empty(), holder="r1") == guard.empty()


def test_outcomes_are_bounded() -> None:
    """The last ten are kept, newest last."""
    state = guard.empty()
    for turn in range(25):
        state = guard.release(state, holder="r", outcome={"id": str(turn)})
    assert [outcome["id"] for outcome in state["outcomes"]] == [str(turn) for turn in range(15, 25)]


def test_the_outcome_of_the_last_revocation_stays() -> None:
    """However many others end after it: the timer must learn that a revocation has failed."""
    state = guard.release(guard.empty(), holder="r1-revoke", outcome={"id": "r1-revoke", "status": "Failed"})
    for turn in range(25):
        state = guard.release(state, holder="r", outcome={"id": str(turn)})
        assert len(state["outcomes"]) == min(turn + 2, 10)
    assert guard.last_revocation(state) == {"id": "r1-revoke", "status": "Failed"}
    assert [outcome["id"] for outcome in state["outcomes"]] == ["r1-revoke", *map(str, range(16, 25))]
    state = guard.release(state, holder="r2-revoke", outcome={"id": "r2-revoke", "status": "Done"})
    assert guard.last_revocation(state) == {"id": "r2-revoke", "status": "Done"}
    assert len(state["outcomes"]) == 10


def test_a_key_in_grace_is_told_with_each_claim() -> None:
    """Whoever claims learns which key is in grace, be it granted or not."""
    state = guard.schedule(held(), PENDING)
    assert guard.claim(state, holder="r1", now=NOW)[1]["pending"] == PENDING.to_json()
    assert guard.claim(state, holder="r2", now=NOW)[1]["pending"] == PENDING.to_json()


def test_the_last_key_in_grace_counts() -> None:
    """Scheduling replaces the one before."""
    second = Pending(KeyType.SECONDARY, "sha256:s", NOW, "r2-revoke")
    assert guard.schedule(guard.schedule(guard.empty(), PENDING), second)["pending"] == second.to_json()


@pytest.mark.parametrize(("revocation", "left"), [("r1-revoke", None), ("r0-revoke", PENDING.to_json())])
def test_settling_forgets_the_key_of_that_revocation_alone(revocation: str, left: Json | None) -> None:
    """A late word of an overtaken revocation changes nothing."""
    assert guard.settle(guard.schedule(held(), PENDING), revocation_id=revocation)["pending"] == left
    assert guard.settle(guard.empty(), revocation_id=revocation) == guard.empty()


def test_keeping_remembers_the_grace_without_an_end() -> None:
    """A canceled revocation leaves the time until which consumers may hold the key."""
    state = guard.keep(guard.schedule(held(), PENDING), revocation_id="r1-revoke")
    assert state["pending"] == PENDING.to_json() | {"revocationId": None}
    assert guard.keep(state, revocation_id="r0-revoke") == state
    assert guard.keep(guard.empty(), revocation_id="r0-revoke") == guard.empty()


def test_no_operation_changes_the_state_it_was_given() -> None:
    """An operation that fails later must leave the state as it was."""
    state = guard.schedule(held(), PENDING)
    before = repr(state)
    guard.claim(state, holder="r2", now=NOW + timedelta(days=1))
    guard.release(state, holder="r1", outcome={"id": "r1"})
    guard.settle(state, revocation_id="r1-revoke")
    guard.keep(state, revocation_id="r1-revoke")
    assert repr(state) == before


def test_the_key_of_a_guard_knows_no_case() -> None:
    """ARM ids are case-insensitive; one resource has one guard, and another one another."""
    ours = ResourceId("11112222-3333-4444-5555-666677778888", "Group", "Name")
    loud = ResourceId("11112222-3333-4444-5555-666677778888", "GROUP", "NAME")
    other = ResourceId("11112222-3333-4444-5555-666677778888", "Group", "Name2")
    assert guard.guard_key(ours) == guard.guard_key(loud) != guard.guard_key(other)
    assert guard.guard_key(ours).isalnum()


def test_a_revocation_is_found_under_its_rotation() -> None:
    """The id of a revocation leads back to the rotation that callers know."""
    assert guard.rotation_id(guard.revocation_id("r1")) == "r1"
    assert guard.rotation_id("r1") == "r1"


def test_the_last_revocation_is_told_from_rotations() -> None:
    """Outcomes of rotations and repairs may come after it."""
    assert guard.last_revocation(guard.empty()) is None
    state = guard.empty()
    for id_ in ("r1", "r1-revoke", "r2", "r2-revoke", "r3"):
        state = guard.release(state, holder=id_, outcome={"id": id_, "status": "Done"})
    assert guard.last_revocation(state) == {"id": "r2-revoke", "status": "Done"}
