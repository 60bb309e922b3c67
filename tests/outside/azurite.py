"""Azurite, Microsoft's emulator of Azure Storage, on the ports that `UseDevelopmentStorage=true` means."""

import contextlib
import subprocess
import tempfile
import time
from typing import Self

from tests.outside.process import OutsideError, stop_group
from tests.support.ports import is_open

# https://learn.microsoft.com/azure/storage/common/storage-use-azurite: blob, queue, table
_PORTS = (10000, 10001, 10002)
_START_SECONDS = 60.0


class Azurite:
    """Runs while the context lasts, in memory alone; one that serves already is used and left as it is."""

    def __init__(self, *, needed: bool) -> None:
        self._needed = needed
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if not self._needed or all(map(is_open, _PORTS)):
            return self
        directory = self._stack.enter_context(tempfile.TemporaryDirectory())
        output = self._stack.enter_context(tempfile.TemporaryFile())
        # the extension may speak a newer API than this Azurite knows by name
        command = ["azurite", "--inMemoryPersistence", "--silent", "--skipApiVersionCheck"]
        process = subprocess.Popen(  # noqa: S603 - a command of ours, found on PATH as its users find it
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._stack.callback(stop_group, process)
        deadline = time.monotonic() + _START_SECONDS
        while not all(map(is_open, _PORTS)):
            if process.poll() is not None or time.monotonic() > deadline:
                output.seek(0)
                said = output.read().decode(errors="replace")
                self._stack.close()
                ports = ", ".join(map(str, _PORTS))
                raise OutsideError(f"Azurite does not come to serve on the ports {ports} of 127.0.0.1:\n{said}")
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
