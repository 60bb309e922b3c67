"""Throttled load: hundreds of rotations at once, with their events threefold, against an ARM that throttles."""

from bench.progress import Progress
from bench.report import Table
from prove.fleet import Fleet
from prove.outcome import MIB, Outcome, inexact
from prove.report import Part

# What ARM lets pass of writes, as the emulated one does: at once, and a second.
_BURST, _PER_SECOND = 200, 10
_SIZE, _QUICK_SIZE = 500, 8
_EACH_EVENT = 3
_GIVE_UP_SECONDS = 900.0
_REST_SECONDS, _QUICK_REST_SECONDS = 5.0, 0.5
# How much longer than the bucket allows all of it may take.
_NEAR = 1.3


def run(*, quick: bool, progress: Progress) -> Part:
    """Rotate them all; raises BenchError where they do not come to an end."""
    size = _QUICK_SIZE if quick else _SIZE
    progress(f"{size} rotations at once, ARM throttled, each event {_EACH_EVENT} times")
    with Fleet(size) as fleet:
        fleet.throttle(_BURST, _PER_SECOND)
        fleet.repeat_events(_EACH_EVENT)
        rest = _QUICK_REST_SECONDS if quick else _REST_SECONDS
        outcome = fleet.rotate({"revoke": False}, give_up=_GIVE_UP_SECONDS, rest=rest)
    return Part(
        title="Throttled load",
        method=f"{size} resources in two subscriptions, with a secret each in one vault, all rotated at once over "
        f"HTTP, each event delivered {_EACH_EVENT} times. ARM throttles: a bucket of {_BURST} writes for each of the "
        f"two subscriptions, {_PER_SECOND} more a second; `listKeys` and `regenerateKey` are writes. Counted from the "
        "first request to the end of the last orchestration, the repairs that ARM's events start included.",
        tables=[_table(size, outcome)],
        notes=[f"The fuller bucket was in use for {_bound(outcome) / outcome.seconds:.0%} of the time."],
        failures=[*inexact("throttled", size, outcome, revoked=0), *_too_slow(outcome)],
        not_shown=(
            "Azure's own limits and latencies: the emulated services answer at once, on the same cores as the app.",
        ),
    )


def _bound(outcome: Outcome) -> float:
    """Return the seconds that the fullest subscription's bucket needs for the writes that were done in it."""
    return max(max(outcome.writes.values()) - _BURST, 0) / _PER_SECOND


def _too_slow(outcome: Outcome) -> list[str]:
    bound = _bound(outcome)
    if bound == 0 or outcome.seconds <= bound * _NEAR:
        return []
    return [f"throttled: {outcome.seconds:.0f} s, more than {_NEAR} times the {bound:.0f} s that the bucket needs"]


def _table(size: int, outcome: Outcome) -> Table:
    before, ended, later = (f"{each / MIB:.0f} MiB" for each in outcome.resident)
    return Table(
        (f"{size} rotations, ARM throttled", ""),
        [
            ("all over after", f"{outcome.seconds:.0f} s"),
            ("the fuller bucket needs for these writes", f"{_bound(outcome):.0f} s"),
            ("writes that ARM did, a rotation", f"{outcome.writes.total() / size:.2f}"),
            ("refused with 429, a rotation", f"{outcome.refused / size:.2f}"),
            ("rotations", _counted(outcome.statuses)),
            ("regenerations", str(outcome.regenerated)),
            ("versions of a secret", _counted(outcome.versions)),
            ("events, deliveries", f"{outcome.events:,}, {outcome.delivered:,}"),
            ("the app's process: before, at the end, a little later", f"{before}, {ended}, {later}"),
        ],
    )


def _counted(counter: dict[str, int] | dict[int, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counter.items())
