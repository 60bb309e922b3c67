"""Load and growth: what a rotation costs as the number of rotations at once grows; and memory."""

from collections.abc import Sequence

from bench import memory
from bench.progress import Progress
from bench.report import Table
from prove.fleet import Fleet
from prove.outcome import MIB, Outcome, inexact
from prove.plot import svg
from prove.report import Part

_SIZES, _QUICK_SIZES = (1, 10, 100, 500), (1, 8)
_GIVE_UP_SECONDS = 900.0
_REST_SECONDS, _QUICK_REST_SECONDS = 5.0, 0.5
# How much more a rotation among the most may cost than one among a fifth of them.
_LINEAR = 1.5
_PICTURE = "reliability-load.svg"
_NOTE = """\
A listing of the vault is a call for each 25 secrets; the engine keeps all histories in the app's process here, which is
what that grows by."""


def run(*, quick: bool, progress: Progress) -> Part:
    """Rotate once for each size; raises BenchError where nothing comes to an end."""
    sizes = _QUICK_SIZES if quick else _SIZES
    rest = _QUICK_REST_SECONDS if quick else _REST_SECONDS
    outcomes: dict[int, Outcome] = {}
    for size in sizes:
        progress(f"{size} rotations with their revocations")
        with Fleet(size) as fleet:
            outcomes[size] = fleet.rotate({"gracePeriod": "PT0S"}, give_up=_GIVE_UP_SECONDS, rest=rest)
    failures: list[str] = []
    for size, outcome in outcomes.items():
        failures += inexact(f"{size} at once", size, outcome, revoked=size)
    failures += _linear(outcomes) if not quick else []
    growth = memory.measure(quick=quick, progress=progress)
    failures += [f"memory: {aim.measured}" for aim in growth.aims if not aim.met and not quick]
    return Part(
        title="Load and growth",
        method="Resources in two subscriptions, with a secret each in one vault, all rotated at once over HTTP, each "
        f"with its revocation: {', '.join(map(str, sizes))} of them. All of it runs in one process for the app "
        "and one for the emulated Azure. Counted from the first request to the end of the last orchestration, the "
        "repairs that ARM's events start included. " + growth.method,
        tables=[_cost_table(outcomes), *growth.tables],
        notes=[
            f"![Seconds over rotations]({_PICTURE})",
            _NOTE,
        ],
        failures=failures,
        not_shown=(
            "Azure's own limits and latencies: the emulated services answer at once, on the same cores as the app.",
            "Several instances of the app: each would list the vault for itself.",
        ),
        files={_PICTURE: _picture(outcomes)},
    )


def _linear(outcomes: dict[int, Outcome]) -> list[str]:
    *_, fewer, most = outcomes
    each, each_of_most = (outcomes[size].seconds / size for size in (fewer, most))
    if each_of_most <= each * _LINEAR:
        return []
    return [f"not linear: {each_of_most:.3f} s for each of {most} rotations, {each:.3f} s for each of {fewer}"]


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
            *(f"{outcome.resident[1] / MIB:.0f}" for outcome in outcomes.values()),
        ),
    ]
    return Table(("rotations at once, each with its revocation", *map(str, outcomes)), rows)


def _picture(outcomes: dict[int, Outcome]) -> str:
    points: Sequence[tuple[float, float]] = [(size, outcome.seconds) for size, outcome in outcomes.items()]
    return svg(points, title="Rotations at once, each with its revocation", x="rotations", y="seconds")
