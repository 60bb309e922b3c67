"""`python -m prove`: try to break the app's promises, and write docs/reliability.md."""

import argparse
import importlib
import importlib.util
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from bench import machine
from bench.errors import BenchError
from bench.progress import Progress
from bench.subjects import names_of, subjects
from prove.report import Part, render

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"

_EPILOG = """
examples:
  make prove ARGS="--only matrix"    one part, as a try
  make prove ARGS=--quick            all of them in short

Each step is told when it begins. Exit code: 0 if every promise holds, 1 if one does not or could not be tried, 130
after Ctrl-C, which stops everything that was started.
"""


class _Run(Protocol):
    def __call__(self, *, quick: bool, progress: Progress) -> Part: ...


# Modules of this package, in the order of the page.
_PARTS = tuple(
    name
    for name in ("matrix", "properties", "secrecy", "hostile", "load")
    if importlib.util.find_spec(f"prove.{name}") is not None
)


def main() -> int:
    """Run what the command line asks for; return the exit code: 1 if a promise does not hold, or could not be tried."""
    options = _parser().parse_args()
    chosen: list[str] = options.only or list(_PARTS)
    about = machine.facts()
    # Ended by another program, it stops what it has started, as it does on Ctrl-C.
    signal.signal(signal.SIGTERM, _on_sigterm)
    started = time.monotonic()
    parts: list[Part] = []
    name = ""
    try:
        for name in chosen:
            began = time.monotonic()
            run: _Run = importlib.import_module(f"prove.{name}").run
            parts.append(run(quick=options.quick, progress=_announce(name)))
            took = f"{time.monotonic() - began:.0f} s"
            about.append((f"{parts[-1].title} took", took))
            print(f"{name}: {parts[-1].result} ({took})", flush=True)
    except (BenchError, OSError) as error:
        print(f"error: {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
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


def _on_sigterm(_number: int, _frame: object) -> None:
    sys.exit(143)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m prove",
        description="Try to break the app's promises, and write docs/reliability.md: twenty minutes to half an hour.",
        epilog=f"parts:\n{subjects('prove', _PARTS)}\n{_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a few seconds each, to see that it works; writes nothing")
    parser.add_argument(
        "--only", type=names_of(_PARTS), metavar="NAME,…", help=f"of {', '.join(_PARTS)}; writes nothing"
    )
    return parser


def _announce(name: str) -> Callable[[str], None]:
    return lambda what: print(f"{name}: {what} ...", flush=True)


if __name__ == "__main__":
    sys.exit(main())
