"""Whatever happens in whatever order: rotations, regenerations, events, the timer, people, faults; see
tests/support/rotation_machine.py for what happens, and rotation_model.py for what must hold."""

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.rotation_machine import Machine

# derandomized: the same examples each time; `python -m prove` looks further
QUICK = settings(
    max_examples=100,
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
