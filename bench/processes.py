"""The measured processes, started as a user starts them, and stopped again."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self, cast

from bench.control import Control
from bench.errors import BenchError

ROOT = Path(__file__).resolve().parent.parent
# All that the measured processes get of this one's environment: a developer's settings, certificates and Python
# options (PYTHONDONTWRITEBYTECODE above all) would make figures that nobody else can repeat.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
_EXPORT = re.compile(r"export (\w+)='(.*)'")


class Process:
    """`python -m module …` with its log in a temporary file; a context manager that stops it.

    `started` is the `time.perf_counter()` from just before it was started. Its environment is `settings` and next to
    nothing else.
    """

    def __init__(self, module: str, *arguments: str, settings: Mapping[str, str] | None = None) -> None:
        inherited = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self._what = " ".join((module, *arguments))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process; __exit__ closes it
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**inherited, **(settings or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        # The type checker does not know that pipes were asked for.
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # it has ended already, with a line unread
            self._stdin.close()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise BenchError(f"{self._what} did not stop.{self._last_log_lines()}") from None
        finally:
            self._stdout.close()
            self._log.close()

    def write_line(self, line: str) -> None:
        """Write a line to the process's stdin."""
        self._stdin.write(line.encode() + b"\n")
        self._stdin.flush()

    def read_line(self, seconds: float = _START_SECONDS) -> str:
        """Return the next line of the process's stdout, without its end.

        Raises:
            BenchError: it ended, or wrote none in `seconds`; the message shows the end of its log.
        """
        watchdog = threading.Timer(seconds, self._process.kill)
        # a signal in the midst of its start leaves it running, and the end of this process must not wait for it
        watchdog.daemon = True
        try:
            watchdog.start()
            line = self._stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise BenchError(f"{self._what} ended, or was too slow and was ended.{self._last_log_lines()}")
        return line.decode().rstrip("\n")

    def lines_until_ready(self) -> list[str]:
        """Return the lines that `python -m emulator` writes before `ready`; BenchError as for `read_line`."""
        lines: list[str] = []
        while (line := self.read_line()) != "ready":
            lines.append(line)
        return lines

    def resident_bytes(self) -> int:
        """Return the process's resident set size."""
        statm = Path(f"/proc/{self.pid}/statm")
        if statm.exists():
            return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        ps = shutil.which("ps")
        if ps is None:
            raise BenchError("The size of a process cannot be read: there is neither /proc nor ps.")
        told = subprocess.run([ps, "-o", "rss=", "-p", str(self.pid)], capture_output=True, text=True, check=True)
        return int(told.stdout) * 1024

    def log(self) -> str:
        """Return what it wrote to stderr so far."""
        # not by seeking: the child writes at the position that it shares with this descriptor
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), size, 0).decode(errors="replace")

    def _last_log_lines(self) -> str:
        lines = self.log().splitlines()[-20:]
        return "\n".join(("", *lines))


class Emulator(Process):
    """`python -m emulator`, as `make start` runs it, with the app in `directory`, a Key Vault or none, and `flags`.

    `url` (of the app) and `control` are there once it is ready: that is waited for by `wait_until_ready`.
    """

    def __init__(
        self, directory: Path, *flags: str, key_vault: bool, settings: Mapping[str, str] | None = None
    ) -> None:
        vault = [] if key_vault else ["--no-key-vault"]
        ports = ("--port", "0", "--control-port", "0")
        super().__init__("emulator", "--app", str(directory), *ports, *vault, *flags, settings=settings)
        self.url = ""

    def wait_until_ready(self) -> float:
        """Return the seconds from the start of the process to its line `ready`; BenchError if it does not come."""
        lines = self.lines_until_ready()
        seconds = time.perf_counter() - self.started
        self.url = _value(lines, "Functions app")
        self.control = _control(lines)
        return seconds


class Cloud(Process):
    """The emulated Azure alone, so that several apps, and the SDK call without an app, can share it.

    It has no Key Vault: apps on it regenerate with one direct call.
    """

    def __init__(self) -> None:
        super().__init__("emulator", "--cloud-only", "--no-key-vault", "--control-port", "0")

    def __enter__(self) -> Self:
        try:
            lines = self.lines_until_ready()
        except BaseException:
            self.__exit__()
            raise
        self.settings = {match[1]: match[2] for match in map(_EXPORT.fullmatch, lines) if match}
        self.control = _control(lines)
        # it would try to deliver the events of all regenerations, to whoever listens on the app's usual port
        self.control.hold_events()
        return super().__enter__()


class Host(Process):
    """The Functions host with the app in `directory`, against `cloud`: the process that the emulator has as child.

    `url` is there once it is ready: that is waited for by `wait_until_ready`, so that several can start at once.
    """

    def __init__(self, directory: Path, cloud: Cloud) -> None:
        super().__init__(
            # It reports on stdout what it reports to the emulator, which is its parent otherwise.
            "emulator.host",
            "--app",
            str(directory),
            "--port",
            "0",
            "--ready-fd",
            "1",
            settings=cloud.settings,
        )
        self.url = ""

    def wait_until_ready(self) -> Self:
        """Return when it serves; BenchError if it never does."""
        facts = cast("dict[str, object]", json.loads(self.read_line()))
        self.url = str(facts["url"])
        return self


class BareCall(Process):
    """The SDK call without Functions around it, against `cloud`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__("bench.bare_call", settings=cloud.settings)

    def run(self, count: int) -> list[float]:
        """Make `count` calls, one after the other; return the seconds that each took."""
        self.write_line(str(count))
        return cast("list[float]", json.loads(self.read_line()))


def _control(lines: list[str]) -> Control:
    return Control(_value(lines, "Emulated Azure").removesuffix("/endpoints"))


def _value(lines: list[str], label: str) -> str:
    for line in lines:
        if line.startswith(f"{label} "):
            return line.removeprefix(label).split()[0]
    raise BenchError(f"The emulator's greeting has no line {label!r}: {lines}")
