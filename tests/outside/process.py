"""Ending what was started, with all that it has started itself."""

import contextlib
import os
import signal
import subprocess

_STOP_SECONDS = 30.0


class OutsideError(Exception):
    """Something could not be started; the message is for the user."""


def stop_group(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process that leads a session of its own to end, and end its whole group if it does not in time."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
