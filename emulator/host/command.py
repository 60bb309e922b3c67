"""The host's command line, and its life from the first line of output to the exit code."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import ssl
import sys
import threading
import time
from pathlib import Path

from emulator.cloud.addresses import PortUnavailableError, bind, port_of
from emulator.host.access import AccessKeys
from emulator.host.configuration import HostConfiguration, read_configuration
from emulator.host.errors import StartError
from emulator.host.logs import configure_logging, effective_level
from emulator.host.supervision import Confidences, read_confidences, report_ready, watch_parent

_log = logging.getLogger("emulator.host")
_PROJECT_ROOT = str(Path(__file__).resolve().parent.parent.parent)
_NOT_STARTED = 3
# Time for everything that follows the signal to stop; then the process ends whatever still runs.
_STOP_SECONDS = 15.0


def main(arguments: list[str] | None = None) -> int:
    """Run a host until it is told to stop; return the exit code (3: it could not start, told in one line)."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (StartError, PortUnavailableError) as error:
        message = (
            str(error)
            if isinstance(error, StartError)
            else f"{error.strerror}; choose another with --port (0: a free one)"
        )
        print(f"error: {message}", file=sys.stderr, flush=True)  # noqa: T201 - the one line for the user
        if isinstance(error, StartError) and error.details:
            _log.debug("Details:\n%s", error.details)
        _end_after(2)  # a thread that the app started at import must not keep the process
        return _NOT_STARTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m emulator.host", description="Serve one Azure Functions app.")
    parser.add_argument("--app", type=Path, required=True, metavar="DIR", help="the directory of host.json")
    parser.add_argument("--port", type=int, default=7071, help="port on 127.0.0.1; 0: a free one (default: 7071)")
    parser.add_argument("--https", action="store_true", help="serve TLS; needs --certificate")
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="PEM file with certificate and private key")
    parser.add_argument("--auth", action="store_true", help="enforce access keys, as in Azure")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error", "critical"), help="overrides host.json"
    )
    parser.add_argument(
        "--supervised",
        action="store_true",
        help="take the access keys from the first line of stdin, with the URL of the control API, and end when it ends",
    )
    parser.add_argument("--ready-fd", type=int, metavar="N", help="write a line of JSON there when serving")
    return parser


def _run(options: argparse.Namespace) -> int:
    stop = _Stop()
    told = Confidences(keys=AccessKeys.random(), control_url=None)
    if options.supervised:
        given = read_confidences()
        if given is None:
            return 0  # the parent has gone before it said anything
        told = given
        watch_parent(stop.request)
    directory: Path = options.app.resolve()
    if not directory.is_dir():
        raise StartError(f"There is no directory {directory}.")
    configuration = read_configuration(directory)
    configure_logging(effective_level(options.log_level, configuration.log_level))
    tls = _tls_context(options.certificate) if options.https else None
    with bind(options.port) as sock:
        _enter(directory)
        asyncio.run(_serve(directory, configuration, options, told=told, sock=sock, tls=tls, stop=stop))
    return 0


async def _serve(
    directory: Path,
    configuration: HostConfiguration,
    options: argparse.Namespace,
    *,
    told: Confidences,
    sock: socket.socket,
    tls: ssl.SSLContext | None,
    stop: "_Stop",
) -> None:
    # Imported here so that a port in use or a missing file is told before aiohttp has been loaded.
    from emulator.host.server import Host

    scheme = "http" if tls is None else "https"
    base_url = f"{scheme}://127.0.0.1:{port_of(sock)}"
    host = Host(
        directory,
        configuration,
        keys=told.keys,
        enforce_keys=options.auth,
        base_url=base_url,
        control_url=told.control_url,
    )
    await host.start(sock, tls)
    ended = stop.arm(asyncio.get_running_loop())
    if options.ready_fd is not None:
        report_ready(options.ready_fd, url=base_url, **host.facts())
    _log.info("Serving %s at %s", directory, base_url)
    if options.auth and not options.supervised:
        keys = told.keys
        _log.info("Function key: %s; system key: %s; master key: %s", keys.function, keys.system, keys.master)
    await ended.wait()
    _end_after(_STOP_SECONDS)
    await host.stop()


class _Stop:
    """The wish to stop: before the app serves it ends the process at once, afterwards it sets an event."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def arm(self, loop: asyncio.AbstractEventLoop) -> asyncio.Event:
        """From now on signals and `request` set the returned event."""
        self._loop = loop
        # Not the loop's own handlers: those are gone when it closes, and a further Ctrl-C would meet the exit.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: self.request())
        return self._event

    def request(self) -> None:
        """Stop; may be called from any thread, and from a signal handler."""
        if self._loop is None:
            os._exit(0)
        with contextlib.suppress(RuntimeError):  # the loop is closed: all is stopping anyway
            self._loop.call_soon_threadsafe(self._event.set)


def _enter(directory: Path) -> None:
    """Make the process look as Core Tools leave it to the app: its directory, its environment, nothing of ours."""
    if str(directory) != _PROJECT_ROOT:
        # `python -m` put the emulator's own directory there; an app that lives elsewhere must not import from it.
        sys.path[:] = [entry for entry in sys.path if (entry or str(Path.cwd())) != _PROJECT_ROOT]
    os.chdir(directory)
    os.environ.setdefault("AzureWebJobsScriptRoot", str(directory))
    os.environ.setdefault("FUNCTIONS_WORKER_RUNTIME", "python")
    os.environ.setdefault("AZURE_FUNCTIONS_ENVIRONMENT", "Development")
    # gRPC's core would write to stderr that the engine goes away, which it does at each stop
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


def _tls_context(certificate: Path | None) -> ssl.SSLContext:
    if certificate is None:
        raise StartError("--https needs --certificate.")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate)
    except OSError as error:
        raise StartError(f"The certificate {certificate} cannot be used: {error}.") from None
    return context


def _end_after(seconds: float) -> None:
    """End the process after this time, whatever is still running in it: a thread that never returns, for one."""

    def end() -> None:
        time.sleep(seconds)
        _log.error("Something still ran %.0f s after the host was told to stop: it is given up.", seconds)
        os._exit(1)

    threading.Thread(target=end, name="last resort", daemon=True).start()
