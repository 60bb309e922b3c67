"""`python -m tests.outside`: hold the e2e tests against the app in another Functions host, by default `func start`."""

import argparse
import shutil
import sys
from pathlib import Path

from bench.subjects import names_of
from tests.outside.azurite import Azurite
from tests.outside.hosts import HOSTS
from tests.outside.process import OutsideError
from tests.outside.run import Outcome, run_setup
from tests.support.emulator import PROJECT_ROOT
from tests.support.outside import SETUPS

_EPILOG = """\
What is needed for func: `npm install -g azure-functions-core-tools@4 azurite`, and the network, from which it gets its
extension bundle. One app is started for each setup. Every further argument goes to pytest: -k rotation, -x.

Exit code: 0 if every setup had tests and all of them passed, 1 if not, 2 for a wrong command line, 130 after Ctrl-C.
"""


def main() -> int:
    """Run the setups that the command line asks for; return the exit code."""
    options, rest = _parser().parse_known_args()
    chosen = [SETUPS[name] for name in options.setup or SETUPS]
    host = HOSTS[options.host]
    missing = [name for name in host.programs if shutil.which(name) is None]
    if missing:
        print(f"error: not found: {', '.join(missing)}. To install: {host.how_to_install}", file=sys.stderr)  # noqa: T201 - for the user
        return 1
    outcomes: list[Outcome] = []
    try:
        with Azurite(needed=host.needs_storage):
            for setup in chosen:
                _say(f"{setup.name}: starting the app under {options.host} ...")
                outcomes.append(run_setup(setup, host, options.port, options.logs, rest))
                _say(outcomes[-1].line)
    except OutsideError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - for the user
        return 1
    except KeyboardInterrupt:
        return 130
    passed = sum(each.passed for each in outcomes)
    _say(f"In all: {passed} tests passed against {options.host}. Logs, scrubbed: {options.logs}")
    return 0 if all(each.is_good for each in outcomes) else 1


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - for the user


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.outside",
        description="Hold the e2e tests against the app in another Functions host.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--host",
        choices=tuple(HOSTS),
        default="func",
        help="func: Azure Functions Core Tools; emulated: the project's own (default: %(default)s)",
    )
    add("--setup", type=names_of(SETUPS), metavar="NAME,…", help=f"of {', '.join(SETUPS)} (default: all)")
    add("--port", type=int, default=7071, help="the app's port (default: %(default)s)")
    add("--logs", type=Path, default=PROJECT_ROOT / ".emulator" / "outside", metavar="DIR", help="where logs are left")
    return parser


if __name__ == "__main__":
    sys.exit(main())
