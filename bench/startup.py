"""(a) How long from the start of the emulator to `ready`, and to the first regenerated key."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from bench.apps import HELLO_WORLD, OURS, request_for
from bench.figures import ratio, seconds_with_range
from bench.http_client import Connection
from bench.processes import Emulator
from bench.progress import Progress
from bench.report import Aim, Measurement

_PAIRS, _QUICK_PAIRS = 15, 1
_READY_RATIO = 1.4
_FIRST_ANSWER_SECONDS = 0.65


@dataclass(frozen=True, slots=True)
class _Start:
    """Seconds from the start of the process."""

    ready: float
    first_answer: float


def measure(*, quick: bool, progress: Progress) -> Measurement:
    """Start both apps in turn; raises BenchError."""
    pairs = _QUICK_PAIRS if quick else _PAIRS
    progress(f"{pairs} pairs of starts")
    for app in (OURS, HELLO_WORLD):
        _start(app)  # fills the page cache and writes what Python compiles
    ours: list[_Start] = []
    hello: list[_Start] = []
    for _ in range(pairs):
        ours.append(_start(OURS))
        hello.append(_start(HELLO_WORLD))
    ready_ratio = _median_ready(ours) / _median_ready(hello)
    first_answer = statistics.median(each.first_answer for each in ours)
    return Measurement(
        title="Start",
        method=f"Seconds from the start of `python -m emulator` (the cloud and the app's host start side by side) to "
        f"its line `ready`, and to the first 200 of a request that is sent then. Median of {pairs} starts (least-"
        f"greatest), the app and hello-world in turn, files cached and compiled by starts before.",
        header=("app", "to `ready`, s", "from there to the first 200, s", "start to first 200, s"),
        rows=[_row("this app, regenerateKey", ours), _row("hello-world, GET", hello)],
        aims=[
            Aim(f"`ready` within {_READY_RATIO}x of hello-world", ratio(ready_ratio), ready_ratio <= _READY_RATIO),
            Aim(
                f"start to the first regenerated key within {_FIRST_ANSWER_SECONDS} s",
                f"{first_answer:.3f} s",
                first_answer <= _FIRST_ANSWER_SECONDS,
            ),
        ],
    )


def _start(app: Path) -> _Start:
    with Emulator(app) as emulator:
        ready = emulator.wait_until_ready()
        with Connection(emulator.url) as connection:
            connection.ask(request_for(app, emulator.url))
        return _Start(ready, time.perf_counter() - emulator.started)


def _median_ready(starts: list[_Start]) -> float:
    return statistics.median(each.ready for each in starts)


def _row(name: str, starts: list[_Start]) -> tuple[str, ...]:
    return (
        name,
        seconds_with_range([each.ready for each in starts]),
        seconds_with_range([each.first_answer - each.ready for each in starts]),
        seconds_with_range([each.first_answer for each in starts]),
    )
