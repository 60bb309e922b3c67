"""(a) How long from the start of the emulator to `ready`, and to the first regenerated key."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from bench.apps import HELLO_DURABLE, HELLO_WORLD, OURS, request_for
from bench.figures import ratio, seconds_with_range
from bench.http_client import Connection
from bench.processes import Emulator
from bench.progress import Progress
from bench.report import Aim, Measurement, Table

_ROUNDS, _QUICK_ROUNDS = 15, 1
_READY_RATIO = 1.4
_FIRST_ANSWER_SECONDS = 0.65


@dataclass(frozen=True, slots=True)
class _Start:
    """Seconds from the start of the process."""

    ready: float
    first_answer: float


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    app: Path
    key_vault: bool = False


_DIRECT = _Case("this app, regenerateKey", OURS)
_GUARDED = _Case("this app with a Key Vault, regenerateKey under the guard", OURS, key_vault=True)
_HELLO = _Case("hello-world, GET", HELLO_WORLD)
_DURABLE = _Case("hello-world with an orchestration beside it, GET", HELLO_DURABLE)
_CASES = (_DIRECT, _GUARDED, _HELLO, _DURABLE)


def measure(*, quick: bool, progress: Progress) -> Measurement:
    """Start the apps in turn; raises BenchError."""
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    progress(f"{rounds} rounds of {len(_CASES)} starts")
    if not quick:
        for case in _CASES:
            _start(case)  # fills the page cache and writes what Python compiles
    starts: dict[_Case, list[_Start]] = {case: [] for case in _CASES}
    for _ in range(rounds):
        for case, so_far in starts.items():
            so_far.append(_start(case))
    ready = {case: statistics.median(each.ready for each in so_far) for case, so_far in starts.items()}
    ready_ratio = ready[_DIRECT] / ready[_HELLO]
    first_answer = statistics.median(each.first_answer for each in starts[_DIRECT])
    return Measurement(
        title="Start",
        method=f"Seconds from the start of `python -m emulator` (the cloud and the app's host start side by side) to "
        f"its line `ready`, and to the first 200 of a request that is sent then. Median of {rounds} starts (least-"
        f"greatest), the apps in turn, files cached and compiled by starts before.",
        tables=[
            Table(
                ("app", "to `ready`, s", "from there to the first 200, s", "start to first 200, s"),
                [_row(case.name, so_far) for case, so_far in starts.items()],
            )
        ],
        aims=[
            Aim(f"`ready` within {_READY_RATIO}x of hello-world", ratio(ready_ratio), ready_ratio <= _READY_RATIO),
            Aim(
                f"start to the first regenerated key within {_FIRST_ANSWER_SECONDS} s",
                f"{first_answer:.3f} s",
                first_answer <= _FIRST_ANSWER_SECONDS,
            ),
        ],
        notes=[
            _cost_of_durable(ready[_DIRECT], ready[_HELLO], ready[_DURABLE]),
            "The aims are for the app without a Key Vault, whose regeneration is one direct call.",
        ],
    )


def _cost_of_durable(ours: float, hello: float, hello_durable: float) -> str:
    return (
        f"Durable Functions, whose library is imported and whose engine is started before `ready`, takes "
        f"{hello_durable - hello:.3f} s of it in the smallest app that has an orchestration; this app's `ready` comes "
        f"{ours - hello_durable:+.3f} s after that one's."
    )


def _start(case: _Case) -> _Start:
    with Emulator(case.app, key_vault=case.key_vault) as emulator:
        ready = emulator.wait_until_ready()
        with Connection(emulator.url) as connection:
            connection.ask(request_for(case.app, emulator.url))
        return _Start(ready, time.perf_counter() - emulator.started)


def _row(name: str, starts: list[_Start]) -> tuple[str, ...]:
    return (
        name,
        seconds_with_range([each.ready for each in starts]),
        seconds_with_range([each.first_answer - each.ready for each in starts]),
        seconds_with_range([each.first_answer for each in starts]),
    )
