"""The command line of `python -m emulator`."""

import argparse
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent
_LAST_PORT = 65535

_EPILOG = """\
examples:
  make start                                   the app and its cloud, open to all, as under func start
  make start ARGS="--auth --https"             function keys and TLS, as in Azure
  make start ARGS="--port 0 --control-port 0"  on free ports, beside another one
  make start ARGS="--app ../other-app"         another function app
  make start ARGS=--cloud-only                 for func start; emulator/README.md tells how

settings of the app, the first that has one wins: the environment (a variable that is set but empty counts), then
"Values" of local.settings.json in the app's directory (empty ones do not count), then the emulator's own, which
point at the emulated Azure. The managed identity and the certificates are always the emulator's.

environment: NO_COLOR=1 keeps colours away; PYTHON_ENABLE_DEBUG_LOGGING=1 shows the app's debug lines, as in Azure.

Ctrl-C stops everything; a second one at once. Exit code: 0 after "ready", 130 before it, 1 if something could not
start or the app died, 2 for a wrong command line.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line asks for; `app` is absolute."""

    app: Path
    port: int
    control_port: int
    https: bool
    auth: bool
    key_vault: bool
    cloud_only: bool
    log_level: str | None


def parse_options(arguments: list[str] | None = None) -> Options:
    """Read the command line (default: this process's own); ends the process with a message if it is malformed."""
    parser = argparse.ArgumentParser(
        prog="python -m emulator",
        description="Run an Azure Functions app and an emulated Azure beside it, offline. When both serve, `ready` "
        "stands on a line of its own, and curl lines to try follow.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--app",
        type=Path,
        default=PROJECT_ROOT,
        metavar="DIR",
        help="directory of the function app (default: this project)",
    )
    add(
        "--port",
        type=_port,
        default=7071,
        metavar="PORT",
        help="the app's port on 127.0.0.1; 0: a free one (default: %(default)s, as with func start)",
    )
    add("--https", action="store_true", help="serve the app over TLS; its authority is .emulator/ca.pem")
    add("--auth", action="store_true", help="enforce function keys, as in Azure (default: open, as with func start)")
    add(
        "--control-port",
        type=_port,
        default=7072,
        metavar="PORT",
        help="port of the control API, which shows and changes the cloud; 0: a free one (default: %(default)s)",
    )
    add(
        "--no-key-vault",
        action="store_true",
        help="run the app without a Key Vault: KEY_VAULT_URL is left unset, and the cloud has no vault",
    )
    add(
        "--cloud-only",
        action="store_true",
        help="run the emulated Azure alone, and print the settings with which func start runs the app against it; "
        "events are delivered to the app at --port (0: to none)",
    )
    add(
        "--log-level",
        choices=("debug", "info", "warning", "error", "critical"),
        metavar="LEVEL",
        help="least level of log lines, of app and cloud: debug, info, warning, error or critical (default: what "
        "host.json says; info for the cloud)",
    )
    given = parser.parse_args(arguments)
    if given.cloud_only and (given.https or given.auth):
        parser.error("--https and --auth are for the app's host, and --cloud-only runs none")
    return Options(
        app=given.app.resolve(),
        port=given.port,
        control_port=given.control_port,
        https=given.https,
        auth=given.auth,
        key_vault=not given.no_key_vault,
        cloud_only=given.cloud_only,
        log_level=given.log_level,
    )


def _port(text: str) -> int:
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a TCP port: give one from 0 (any free one) to {_LAST_PORT}")
    return port
