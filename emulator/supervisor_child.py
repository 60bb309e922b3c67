"""The app's host as a child process: started, watched, stopped."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from emulator.host.supervision import Confidences
from emulator.supervisor_options import PROJECT_ROOT, Options

# Exit code of a host that could not start and has said why.
HOST_NOT_STARTED = 3
# A little longer than the host gives itself, so that it is the one to say what still ran.
_STOP_SECONDS = 20.0

_spawned: list[subprocess.Popen[bytes]] = []


class Child:
    """A running host. `ready` gives the facts that it reports once it serves; `ended` is done when it has ended."""

    def __init__(self, options: Options, environment: Mapping[str, str], told: Confidences, certificate: str) -> None:
        """Start the process with this whole environment; `certificate` is a PEM file."""
        self._report, report_write = os.pipe()
        command = [sys.executable, "-m", "emulator.host", "--supervised", "--ready-fd", str(report_write)]
        command += ["--app", str(options.app), "--port", str(options.port)]
        command += ["--https", "--certificate", certificate] if options.https else []
        command += ["--auth"] if options.auth else []
        command += ["--log-level", options.log_level] if options.log_level else []
        self._process = subprocess.Popen(  # noqa: S603 - our own module, with our own arguments
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=sys.stderr,  # what the app prints is log output; stdout tells the user what runs where
            pass_fds=(report_write,),
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops the child in order
        )
        _spawned.append(self._process)
        os.close(report_write)
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        self._stdin = self._process.stdin
        with contextlib.suppress(BrokenPipeError):  # it has ended already; `ended` will tell
            self._stdin.write(told.as_line())
            self._stdin.flush()
        self._buffer = b""

    def watch(self) -> None:
        """Begin to listen to the child, in the running event loop."""
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[dict[str, Any]] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._report, self._read_report)

    async def exit_code(self) -> int:
        """Return the exit code (negative: killed by that signal) of a child that has ended."""
        return await asyncio.to_thread(self._process.wait)

    async def stop(self) -> None:
        """End the child, in order if it does so in time, and wait for its end."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            await self.exit_code()

    def kill(self) -> None:
        """End the child at once."""
        self._process.kill()

    def close(self) -> None:
        """Close the pipes to a child that has ended."""
        asyncio.get_running_loop().remove_reader(self._report)
        os.close(self._report)
        with contextlib.suppress(BrokenPipeError):
            self._stdin.close()

    def _read_report(self) -> None:
        received = os.read(self._report, 65536)
        self._buffer += received
        line, newline, _ = self._buffer.partition(b"\n")
        if newline and not self.ready.done():
            self.ready.set_result(json.loads(line))
        if not received:
            # The child holds the other end as long as it lives.
            asyncio.get_running_loop().remove_reader(self._report)
            self.ended.set_result(None)


def kill_spawned() -> None:
    """End every child of this process at once; for a signal handler."""
    for process in _spawned:
        process.kill()
        process.wait()
