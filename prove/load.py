"""Hundreds of rotations at once against an ARM that throttles; what each costs as their number grows; and memory."""

from collections.abc import Sequence

from bench import memory
from bench.progress import Progress
from bench.report import Table
from prove.fleet import Fleet, Outcome
from prove.plot import svg
from prove.report import Part

# What ARM lets pass of writes, as the emulated one does: at once, and a second.
_BURST, _PER_SECOND = 200, 10
_SIZES, _QUICK_SIZES = (1, 10, 100, 500), (1, 8)
_EACH_EVENT = 3
_GIVE_UP_SECONDS = 900.0
_REST_SECONDS, _QUICK_REST_SECONDS = 5.0, 0.5
# How much longer than the bucket allows all of it may take, and how much more a rotation among the most may cost than
# one among a fifth of them.
_NEAR, _LINEAR = 1.3, 1.5
_MIB = 1024 * 1024
_GROWN_BYTES = 2 * _MIB
_PICTURE = "reliability-load.svg"


def run(*, quick: bool, progress: Progress) -> Part:
    """Rotate, once throttled and once not for each size; raises BenchError where nothing comes to an end."""
    sizes = _QUICK_SIZES if quick else _SIZES
    rest = _QUICK_REST_SECONDS if quick else _REST_SECONDS
    most = sizes[-1]
    progress(f"{most} rotations at once, ARM throttled, each event {_EACH_EVENT} times")
    with Fleet(most) as fleet:
        fleet.throttle(_BURST, _PER_SECOND)
        fleet.repeat_events(_EACH_EVENT)
        throttled = fleet.rotate({"revoke": False}, give_up=_GIVE_UP_SECONDS, rest=rest)
    outcomes: dict[int, Outcome] = {}
    for size in sizes:
        progress(f"{size} rotations with their revocations")
        with Fleet(size) as fleet:
            outcomes[size] = fleet.rotate({"gracePeriod": "PT0S"}, give_up=_GIVE_UP_SECONDS, rest=rest)
    failures = [*inexact("throttled", most, throttled, revoked=0), *_throughput(throttled)]
    for size, outcome in outcomes.items():
        failures += inexact(f"{size} at once", size, outcome, revoked=size)
    failures += _linear(outcomes) if not quick else []
    growth = memory.measure(quick=quick, progress=progress)
    failures += [f"memory: {aim.measured}" for aim in growth.aims if not aim.met and not quick]
    return Part(
        title="Load and growth",
        method=f"{most} resources with a secret each in one vault, all rotated at once over HTTP: once with ARM's "
        f"throttling (a bucket of {_BURST} writes for each of two subscriptions, {_PER_SECOND} more a second; "
        f"`listKeys` and `regenerateKey` are writes) and each event delivered {_EACH_EVENT} times, and once "
        f"without, as {', '.join(map(str, sizes))} rotations, each with its revocation. All of it runs in one "
        "process for the app and one for the emulated Azure. Counted from the first request to the end of the last "
        "orchestration, the repairs that ARM's events start included. " + growth.method,
        tables=[_throttled_table(most, throttled), _cost_table(outcomes), *growth.tables],
        notes=[f"![Seconds over rotations]({_PICTURE})", _where_it_goes(throttled)],
        failures=failures,
        not_shown=(
            "Azure's own limits and latencies: the emulated services answer at once, on the same cores as the app.",
            "Several instances of the app: each would list the vault for itself.",
        ),
        files={_PICTURE: _picture(outcomes)},
    )


def inexact(what: str, size: int, outcome: Outcome, *, revoked: int) -> list[str]:
    """Return what has not come out exactly."""
    found = {
        "rotations Succeeded": (outcome.statuses["Succeeded"], size),
        "revocations Done": (outcome.revocations["Done"], revoked),
        "regenerations": (outcome.regenerated, size + revoked),
        "secrets with two versions": (outcome.versions[2], size),
        "orchestrations that did not complete": (outcome.incomplete, 0),
        "guards held": (outcome.held, 0),
    }
    failures = [f"{what}: {name}: {seen}, not {due}" for name, (seen, due) in found.items() if seen != due]
    grown = outcome.resident[2] - outcome.resident[1]
    if grown > _GROWN_BYTES:
        failures.append(f"{what}: the app grew by {grown / _MIB:.1f} MiB after all was over")
    return failures


def _bound(outcome: Outcome) -> float:
    """Return the seconds that the fullest subscription's bucket needs for the writes that were done in it."""
    return max(max(outcome.writes.values()) - _BURST, 0) / _PER_SECOND


def _throughput(outcome: Outcome) -> list[str]:
    bound = _bound(outcome)
    if bound == 0 or outcome.seconds <= bound * _NEAR:
        return []
    return [f"throttled: {outcome.seconds:.0f} s, more than {_NEAR} times the {bound:.0f} s that the bucket needs"]


def _linear(outcomes: dict[int, Outcome]) -> list[str]:
    *_, fewer, most = outcomes
    each, each_of_most = (outcomes[size].seconds / size for size in (fewer, most))
    if each_of_most <= each * _LINEAR:
        return []
    return [f"not linear: {each_of_most:.3f} s for each of {most} rotations, {each:.3f} s for each of {fewer}"]


def _throttled_table(size: int, outcome: Outcome) -> Table:
    bound = _bound(outcome)
    before, ended, later = (f"{each / _MIB:.0f} MiB" for each in outcome.resident)
    return Table(
        (f"{size} rotations, ARM throttled", ""),
        [
            ("all over after", f"{outcome.seconds:.0f} s"),
            ("the fuller bucket needs for these writes", f"{bound:.0f} s"),
            ("writes that ARM did, a rotation", f"{outcome.writes.total() / size:.2f}"),
            ("refused with 429, a rotation", f"{outcome.refused / size:.2f}"),
            ("rotations", _counted(outcome.statuses)),
            ("regenerations", str(outcome.regenerated)),
            ("versions of a secret", _counted(outcome.versions)),
            ("events, deliveries", f"{outcome.events:,}, {outcome.delivered:,}"),
            ("the app's process: before, at the end, a little later", f"{before}, {ended}, {later}"),
        ],
    )


def _cost_table(outcomes: dict[int, Outcome]) -> Table:
    names = sorted({call for outcome in outcomes.values() for call in outcome.calls if call[0] != "identity"})
    rows = [
        ("seconds in all", *(f"{outcome.seconds:.1f}" for outcome in outcomes.values())),
        ("seconds a rotation", *(f"{outcome.seconds / size:.3f}" for size, outcome in outcomes.items())),
        (
            "bytes of history a rotation",
            *(f"{sum(each.size for each in outcome.orchestrations) / size:,.0f}" for size, outcome in outcomes.items()),
        ),
        *(
            (f"{service} {operation}", *(f"{each.calls[service, operation] / n:.2f}" for n, each in outcomes.items()))
            for service, operation in names
        ),
        (
            "the app's process at the end, MiB",
            *(f"{outcome.resident[1] / _MIB:.0f}" for outcome in outcomes.values()),
        ),
    ]
    return Table(("rotations at once, each with its revocation", *map(str, outcomes)), rows)


def _where_it_goes(outcome: Outcome) -> str:
    used = _bound(outcome) / outcome.seconds
    return (
        f"The fuller bucket was in use for {used:.0%} of the time. A listing of the vault is a call for each 25 "
        "secrets; the engine keeps all histories in the app's process here, which is what that grows by."
    )


def _picture(outcomes: dict[int, Outcome]) -> str:
    points: Sequence[tuple[float, float]] = [(size, outcome.seconds) for size, outcome in outcomes.items()]
    return svg(points, title="Rotations at once, each with its revocation", x="rotations", y="seconds")


def _counted(counter: dict[str, int] | dict[int, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counter.items())
