"""`python -m bench`: measure, and write bench/results.md."""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bench import guarded, latency, machine, memory, reaction, rotation, startup, throughput
from bench.errors import BenchError
from bench.progress import Progress
from bench.report import Measurement, render
from bench.subjects import names_of, subjects

_RESULTS = Path(__file__).resolve().parent / "results.md"

_EPILOG = """
examples:
  make bench ARGS="--only latency,memory"    some of them, as a try
  make bench ARGS=--quick                    all of them in short; the figures mean nothing

Each step is told when it begins. Exit code: 0 if everything was measured, 1 if something could not be, 130 after
Ctrl-C, which stops everything that was started. An aim that is not met is a result, and no failure.
"""


class _Measure(Protocol):
    def __call__(self, *, quick: bool, progress: Progress) -> Measurement: ...


_MEASUREMENTS: dict[str, _Measure] = {
    "startup": startup.measure,
    "latency": latency.measure,
    "throughput": throughput.measure,
    "memory": memory.measure,
    "rotation": rotation.measure,
    "guarded": guarded.measure,
    "reaction": reaction.measure,
}


def main() -> int:
    """Measure what the command line asks for; return the exit code: 1 if something could not be measured.

    An aim that is not met is a result, and no failure.
    """
    options = _parser().parse_args()
    chosen: list[str] = options.only or list(_MEASUREMENTS)
    about = machine.facts()
    # Ended by another program, it stops what it has started, as it does on Ctrl-C.
    signal.signal(signal.SIGTERM, _on_sigterm)
    started = time.monotonic()
    try:
        measurements = [_MEASUREMENTS[name](quick=options.quick, progress=_announce(name)) for name in chosen]
    except (BenchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    about.append(("the run took", f"{time.monotonic() - started:.0f} s"))
    page = render(measurements, about, judged=not options.quick)
    print(f"\n{page}")
    if options.quick or options.only:
        print("Nothing was written: that takes a whole run.")
    else:
        _RESULTS.write_text(page, encoding="utf-8")
        print(f"Written to {_RESULTS}.")
    return 0


def _on_sigterm(_number: int, _frame: object) -> None:
    sys.exit(143)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure the app against its baselines, and write bench/results.md, on a quiet machine.",
        epilog=f"measurements:\n{subjects('bench', _MEASUREMENTS)}\n{_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a few seconds each, to see that it works; writes nothing")
    parser.add_argument(
        "--only",
        type=names_of(_MEASUREMENTS),
        metavar="NAME,…",
        help=f"of {', '.join(_MEASUREMENTS)}; writes nothing",
    )
    return parser


def _announce(name: str) -> Callable[[str], None]:
    return lambda what: print(f"{name}: {what} ...", flush=True)


if __name__ == "__main__":
    sys.exit(main())
