"""Starting `python -m emulator` as its users do, talking to it, and ending it without a trace."""

import io
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import IO, Any, Self, cast
from urllib.parse import urlsplit

import pytest

from tests.support.patience import patient

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
APPS = Path(__file__).resolve().parent / "apps"
CA_FILE = PROJECT_ROOT / ".emulator" / "ca.pem"
# The app that somebody else has started, if the tests are to be held against that one: see outside.py.
OUTSIDE = os.environ.get("E2E_BASE_URL", "")
_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
# What the tester has set for other purposes must not reach the app.
_APP_SETTINGS = re.compile(
    r"(?:ARM|AZURE|KEY_VAULT|ROTATION|EVENT_GRID|COMMUNICATION|FUNCTIONS|WEBSITE|APPLICATIONINSIGHTS|OTEL)_.*"
    r"|ALLOWED_COMMUNICATION_SERVICES|RECONCILE_SCHEDULE|REQUEST_DEADLINE_SECONDS|REQUIRED_APP_ROLES"
    r"|PYTHON_(?:ENABLE|APPLICATIONINSIGHTS)_.*"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP response: `headers` are (name in lower case, value) pairs, repeated ones as often as they came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the first header of that name (given in lower case), or None."""
        return next((value for known, value in self.headers if known == name), None)

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def send(
    method: str,
    url: str,
    body: bytes | str | Mapping[str, object] | list[Any] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    repeated: Sequence[tuple[str, str]] = (),
    timeout: float = 30,
) -> Reply:
    """Send one request on a connection of its own; the URL goes out as it is.

    A mapping or a list is sent as JSON; `repeated` are further headers, whose names may occur more than once.
    """
    parts = urlsplit(url)
    target = url.partition("://")[2].partition("/")[1] + url.partition("://")[2].partition("/")[2] or "/"
    pairs = [*(headers or {}).items(), *repeated]
    names = {name.lower() for name, _ in pairs}
    if isinstance(body, str):
        body = body.encode()
    elif body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        if "content-type" not in names:
            pairs.append(("Content-Type", "application/json"))
    host = cast("str", parts.hostname)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=CA_FILE)
        connection = HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    else:
        connection = HTTPConnection(host, parts.port, timeout=timeout)
    try:
        connection.putrequest(method, target, skip_host="host" in names, skip_accept_encoding=True)
        for name, value in pairs:
            connection.putheader(name, value)
        if body is not None and "transfer-encoding" not in names and "content-length" not in names:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        received = tuple((name.lower(), value) for name, value in response.getheaders())
        return Reply(response.status, received, response.read())
    finally:
        connection.close()


class Output:
    """One output stream of a process, read to its end by a thread."""

    def __init__(self, stream: IO[str], on_line: Callable[[str], None] | None = None) -> None:
        self._lines: list[str] = []
        self._stream = stream
        self._on_line = on_line
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """Everything that has come so far."""
        return "".join(self._lines)

    def wait_for_end(self) -> None:
        """Wait until whoever held the stream is gone."""
        self._thread.join(_STOP_SECONDS)
        if not self._thread.is_alive():
            self._stream.close()

    def _read(self) -> None:
        for line in self._stream:
            self._lines.append(line)
            if self._on_line is not None:
                self._on_line(line)


class Emulator:
    """`python -m emulator` with free ports: a context manager that is left when no process of it runs any more.

    `settings` go into its environment; None takes a variable away. `app` is the directory of a function app.
    """

    def __init__(
        self,
        *flags: str,
        app: Path | None = None,
        settings: Mapping[str, str | None] | None = None,
        module: str = "emulator",
    ) -> None:
        self._command = [sys.executable, "-m", module, "--port", "0", *flags]
        if module == "emulator" and "--control-port" not in flags:
            self._command += ["--control-port", "0"]
        if app is not None:
            self._command += ["--app", str(app)]
        environment = {name: value for name, value in os.environ.items() if not _APP_SETTINGS.fullmatch(name)}
        for name, value in (settings or {}).items():
            environment.pop(name, None)
            if value is not None:
                environment[name] = value
        self._environment = environment
        self._ready = threading.Event()
        self.app = self.control = ""

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, stdout: int = subprocess.PIPE) -> None:
        """Start the process and return at once; `stdout` may be a file descriptor, whose output is not read here."""
        if OUTSIDE:
            pytest.skip("starts a host of its own; E2E_BASE_URL names one that runs")
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            self._command,
            cwd=PROJECT_ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stderr is not None
        self._out = Output(self.process.stdout or io.StringIO(), self._on_line)
        self._err = Output(self.process.stderr)

    def wait_until_ready(self) -> None:
        """Wait for the line `ready`; AssertionError with all output if it does not come."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready.wait(0.02):
            ended = self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"not ready (exit code {self.process.poll()}):\n{self.output}")
        greeting = self._out.text
        app = re.search(r"^Functions app +(\S+)", greeting, re.MULTILINE)
        control = re.search(r"^Emulated Azure +(\S+)/_control", greeting, re.MULTILINE)
        self.app, self.control = (found[1] if found else "" for found in (app, control))

    def wait_for(self, text: str, *, after: int = 0) -> None:
        """Wait until the output holds this text, from that character on; AssertionError if it does not come."""
        deadline = time.monotonic() + patient(_START_SECONDS)
        while text not in self.output[after:]:
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.output}"
            time.sleep(0.005)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it with a signal, wait until all its processes are gone, and return its exit code."""
        processes = self.processes()
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait_for_end(processes)

    def wait_for_end(self, processes: list[int] | None = None) -> int:
        """Wait until it and `processes` (default: its present ones) are gone; return its exit code."""
        processes = self.processes() if processes is None else processes
        try:
            code = self.process.wait(_STOP_SECONDS)
            deadline = time.monotonic() + _STOP_SECONDS
            while left := [pid for pid in processes if is_running(pid)]:
                assert time.monotonic() < deadline, f"still running: {left}\n{self.output}"
                time.sleep(0.01)
        finally:
            for pid in (self.process.pid, *processes):
                if is_running(pid):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            self._out.wait_for_end()
            self._err.wait_for_end()
        return code

    def processes(self) -> list[int]:
        """Return the ids of the running processes that it has started."""
        return [pid for pid, parent in _parents().items() if parent == self.process.pid and is_running(pid)]

    @property
    def stdout(self) -> str:
        """What it printed for its user so far."""
        return self._out.text

    @property
    def stderr(self) -> str:
        """What it, the app and the host logged so far."""
        return self._err.text

    @property
    def output(self) -> str:
        """All output of all its processes so far."""
        return self.stdout + self.stderr

    def request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any
    ) -> Reply:
        """Send a request to the app (a path), or to any URL; for the rest see `send`."""
        url = self.app + path if path.startswith("/") else path
        return send(method, url, body, headers, **options)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        """GET from the app."""
        return self.request("GET", path, None, headers)

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
        """POST to the app; a mapping is sent as JSON."""
        return self.request("POST", path, b"" if body is None else body, headers)

    def call_control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API, such as `call_control("PUT", "faults", [...])`, and return its JSON, None if empty."""
        headers = {"Content-Type": "application/json"} if method in {"POST", "PUT"} else {}
        content = json.dumps({} if body is None else body) if headers else None
        reply = send(method, f"{self.control}/_control/{path}", content, headers)
        assert reply.status < 300, reply
        return reply.json if reply.body else None

    def instances(self) -> list[dict[str, Any]]:
        """Return the app's orchestrations, oldest first; see `DurableView.instances`."""
        return self.call_control("GET", "durable")["instances"]

    def reset(self) -> None:
        """Bring the cloud back to its start."""
        self.call_control("POST", "reset")

    def _on_line(self, line: str) -> None:
        if line == "ready\n":
            self._ready.set()


def is_running(pid: int) -> bool:
    """Whether the process is there and not merely waiting to be reaped."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    try:
        return not Path("/proc/self/stat").exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _parents() -> dict[int, int]:
    if not Path("/proc/self/stat").exists():
        listed = subprocess.run(
            ["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        return {int(pid): int(parent) for pid, parent in (line.split() for line in listed.splitlines())}
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has just ended
    return parents
