"""(f) What the guard costs a synchronous regeneration, where a Key Vault publishes keys."""

import time
from contextlib import ExitStack

from bench.apps import OURS, request_for
from bench.control import Control
from bench.figures import milliseconds, milliseconds_at, percentile, ratio
from bench.history import Orchestration, median, step_rows
from bench.http_client import Connection
from bench.processes import Emulator
from bench.progress import Progress
from bench.report import Measurement, Table

_BLOCKS, _QUICK_BLOCKS = 50, 1
_BLOCK = 10
_WARM_UP, _QUICK_WARM_UP = 50, 1
# When the app looks whether the orchestration has ended (shared/rotation/guarded.py).
_LOOKS = "every 10 ms for 100 ms, after 120, 170 and 270 ms"


class _Target:
    """The app on an emulated Azure of its own, and what was measured of it."""

    def __init__(self, emulator: Emulator, stack: ExitStack) -> None:
        emulator.wait_until_ready()
        self.control: Control = emulator.control
        self.control.hold_events()
        self._connection = stack.enter_context(Connection(emulator.url))
        self._request = request_for(OURS, emulator.url)
        self.durations: list[float] = []

    def warm_up(self, count: int) -> None:
        """Regenerate so often, and forget it."""
        for _ in range(count):
            self._connection.ask(self._request)
        self.control.forget_requests()

    def run(self, count: int) -> None:
        """Regenerate so often, one after the other."""
        for _ in range(count):
            started = time.perf_counter()
            self._connection.ask(self._request)
            self.durations.append(time.perf_counter() - started)

    def row(self, name: str, baseline: float) -> tuple[str, ...]:
        """Return its row; `baseline` is a p50 in seconds."""
        calls = sum(self.control.requests().values()) / len(self.durations)
        p50 = percentile(self.durations, 50)
        return (name, *milliseconds_at(self.durations, 50, 95, 99), ratio(p50 / baseline), f"{calls:.4g}")


def measure(*, quick: bool, progress: Progress) -> Measurement:
    """Regenerate a key that no secret publishes, with and without a Key Vault, in turn; raises BenchError."""
    blocks, warm_up = (_QUICK_BLOCKS, _QUICK_WARM_UP) if quick else (_BLOCKS, _WARM_UP)
    progress(f"{blocks} blocks of {_BLOCK} regenerations with and without the guard")
    with ExitStack() as stack:
        emulators = [stack.enter_context(Emulator(OURS, key_vault=key_vault)) for key_vault in (False, True)]
        direct, guarded = (_Target(emulator, stack) for emulator in emulators)
        for target in (direct, guarded):
            target.warm_up(warm_up)
        for _ in range(blocks):
            for target in (direct, guarded):
                target.run(_BLOCK)
        p50 = percentile(direct.durations, 50)
        rows = [direct.row("direct, no Key Vault", p50), guarded.row("under the guard, with a Key Vault", p50)]
        instances = guarded.control.orchestrations("regenerate_key")
    orchestrations = [Orchestration.parse(each) for each in instances[warm_up:]]
    seconds = median(orchestrations, lambda each: each.seconds)
    p50_guarded = percentile(guarded.durations, 50)
    waited = p50_guarded - seconds
    return Measurement(
        title="Regeneration under the guard",
        method=f"Milliseconds of a synchronous regeneration of a key that no secret publishes, sequential, warm, kept "
        f"alive; {len(direct.durations)} of each, in blocks of {_BLOCK} in turn, each on an emulated Azure of its own "
        "at 0 ms. With a Key Vault it is an orchestration: it claims the resource, looks whether a secret publishes "
        "the key, regenerates it, and the request waits for that. Events are held back meanwhile.",
        tables=[
            Table(("", "p50, ms", "p95, ms", "p99, ms", "p50 to the direct one", "calls to Azure"), rows),
            Table(
                ("of one under the guard", "p50, ms"),
                [*step_rows(orchestrations), ("start, and waiting for its end to be seen", milliseconds(waited))],
            ),
        ],
        notes=[_where_the_time_goes(seconds / p50_guarded)],
    )


def _where_the_time_goes(orchestration: float) -> str:
    return (
        f"The orchestration is {orchestration:.0%} of the request; the rest is its start, and that the app looks for "
        f"its end at once, {_LOOKS} and then every 200 ms."
    )
