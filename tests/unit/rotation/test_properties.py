"""Whatever happens in whatever order: rotations, regenerations, events, the timer, people, faults; see
tests/support/rotation_machine.py for what happens, and rotation_model.py for what must hold."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from prove.properties import batch, explore
from shared.rotation import guard
from shared.rotation.model import Json
from tests.support.rotation_machine import Machine

# derandomized: the same examples each time; `python -m prove` looks further
QUICK = settings(
    max_examples=150,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    print_blob=False,
)


def test_the_invariants_hold_whatever_happens() -> None:
    """No order of requests, events, faults and what others do breaks an invariant, and all of it comes to rest."""
    run_state_machine_as_test(Machine, settings=QUICK)


def test_the_proof_tells_what_it_has_tried() -> None:
    """A batch of histories without a finding is told in figures."""
    failures, tally = explore(0.01, 3, lambda _: None)
    assert failures == []
    assert tally["examples"] >= 3
    assert tally["steps"] > 0


def test_a_broken_rule_is_found_and_told_with_its_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard that never lets go is found at once, and the shortest history that shows it is told."""

    def never(state: Json, **_: Any) -> Json:
        return state

    monkeypatch.setattr(guard, "release", never)
    ((failure,), _) = batch(0, 20)
    assert "holds the resource" in failure
    assert "state.begin(" in failure
