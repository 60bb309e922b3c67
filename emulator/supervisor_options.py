"""The command line of `python -m emulator`."""

import argparse
from dataclasses import dataclass
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parent.parent

_EPILOG = """\
Settings of the app, the first that has one wins: the environment (a variable that is set but empty counts), then
"Values" of local.settings.json in the app's directory (empty ones do not count), then the emulator's own, which
point at the emulated Azure. The managed identity and the certificates are always the emulator's.

Ctrl-C stops everything. Exit code: 0 after "ready", 130 before it, 1 if something could not start.
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
        description="Run an Azure Functions app and an emulated Azure beside it, offline.",
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
    add("--port", type=int, default=7071, help="the app's port on 127.0.0.1; 0: a free one (default: %(default)s)")
    add("--https", action="store_true", help="serve the app over TLS; its authority is .emulator/ca.pem")
    add("--auth", action="store_true", help="enforce function keys, as in Azure (default: open, as with func start)")
    add("--control-port", type=int, default=7072, help="port of the control API; 0: a free one (default: %(default)s)")
    add(
        "--no-key-vault",
        action="store_true",
        help="run the app without a Key Vault: KEY_VAULT_URL is left unset, and the cloud has no vault",
    )
    add(
        "--cloud-only",
        action="store_true",
        help="run the emulated Azure alone, and print the settings with which `func start` runs the app against it",
    )
    add(
        "--log-level",
        choices=("debug", "info", "warning", "error", "critical"),
        help="least level of log lines, of app and cloud (default: what host.json says; info for the cloud)",
    )
    given = parser.parse_args(arguments)
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
