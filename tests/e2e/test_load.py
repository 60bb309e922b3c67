"""Rotations at once against an ARM that throttles, every event delivered three times: all end, nothing is doubled."""

import pytest

from prove.fleet import Fleet
from prove.outcome import inexact

pytestmark = pytest.mark.own_host

SIZE = 6


def test_throttled_rotations_all_end_and_nothing_is_doubled() -> None:
    """Six rotations with their revocations, far more writes than the bucket holds: each key changes exactly once."""
    with Fleet(SIZE) as fleet:
        # so slow that a busy machine, too, asks for more
        fleet.throttle(burst=4, per_second=3)
        fleet.repeat_events(3)
        outcome = fleet.rotate({"gracePeriod": "PT0S"}, give_up=100, rest=0)
    assert inexact("throttled", SIZE, outcome, revoked=SIZE) == []
    assert outcome.refused > 0
    # those of the secrets' making went out before, once
    assert outcome.delivered >= 3 * outcome.events - 2 * SIZE
    # a rotation takes 6, its revocation 3, and the repairs that their events start 2
    assert outcome.writes.total() >= 11 * SIZE
    # in each of the two subscriptions
    assert min(outcome.writes.values()) >= outcome.writes.total() // 3
    assert len(outcome.writes) == 2
