"""`python -m prove`: try to break the app's promises, and write docs/reliability.md."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import machine
from bench.errors import BenchError
from bench.subjects import names_of, subjects
from prove.apart import Apart, Timed, stop_on_signals
from prove.report import Part, render

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"

_EPILOG = """
examples:
  make prove ARGS="--only matrix"    one part, as a try
  make prove ARGS=--quick            all of them in short

Each step is told when it begins. Exit code: 0 if every promise holds, 1 if one does not or could not be tried, 130
after Ctrl-C, which stops everything that was started.
"""


# Modules of this package, in the order of the page; those of a stage run side by side.
_STAGES = (("matrix",), ("properties",), ("secrecy", "hostile", "throttled"), ("load",))
_PARTS = tuple(name for stage in _STAGES for name in stage)


def main() -> int:
    """Run what the command line asks for; return the exit code: 1 if a promise does not hold, or could not be tried."""
    options = _parser().parse_args()
    chosen: list[str] = options.only or list(_PARTS)
    about = machine.facts()
    # Ended by another program, it stops what it has started, as it does on Ctrl-C.
    stop_on_signals()
    started = time.monotonic()
    parts: list[Part] = []
    try:
        for stage in _STAGES:
            for name, (part, seconds) in _side_by_side([name for name in stage if name in chosen], quick=options.quick):
                parts.append(part)
                about.append((f"{part.title} took", f"{seconds:.0f} s"))
                print(f"{name}: {part.result} ({seconds:.0f} s)", flush=True)
    except (BenchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    about.append(("the run took", f"{time.monotonic() - started:.0f} s"))
    page = render(parts, about)
    print(f"\n{page}")
    if options.quick or options.only:
        print("Nothing was written: that takes a whole run.")
    else:
        _PAGE.write_text(page, encoding="utf-8")
        for part in parts:
            for name, text in part.files.items():
                (_PAGE.parent / name).write_text(text, encoding="utf-8")
        print(f"Written to {_PAGE}.")
    return 1 if any(part.failures for part in parts) else 0


def _side_by_side(names: Sequence[str], *, quick: bool) -> Iterator[tuple[str, Timed]]:
    """Run parts at the same time, and give each with what came of it, in the order given."""
    with ExitStack() as stack:
        running = [(name, stack.enter_context(Apart(name, quick=quick))) for name in names]
        for name, part in running:
            try:
                yield name, part.result()
            except BenchError as error:
                raise BenchError(f"{name}: {error}") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m prove",
        description="Try to break the app's promises, and write docs/reliability.md: some twenty minutes.",
        epilog=f"parts:\n{subjects('prove', _PARTS)}\n{_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a few seconds each, to see that it works; writes nothing")
    parser.add_argument(
        "--only", type=names_of(_PARTS), metavar="NAME,…", help=f"of {', '.join(_PARTS)}; writes nothing"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
