"""Talking to the app `durable`, and running a host with a control API that is not the emulator's."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self

from emulator.host.access import AccessKeys
from emulator.host.supervision import Confidences
from tests.support.emulator import APPS, PROJECT_ROOT, Output, Reply, send
from tests.support.local_server import LocalServer

KEYS = AccessKeys(function="the-function-key", system="the-system-key", master="the-master-key")
ENDED = ("COMPLETED", "FAILED", "TERMINATED")
_SECONDS = 30.0


class DurableApp:
    """The app `durable` at `url`; `code` is a key that each request brings."""

    def __init__(self, url: str, code: str = "") -> None:
        self.url = url
        self._headers = {"x-functions-key": code} if code else {}

    def request(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Reply:
        """Send a request with a JSON body, none if it is None."""
        content = None if body is None else json.dumps(body).encode()
        if method == "POST" and content is None:
            content = b""
        given = {"Content-Type": "application/json", **self._headers, **(headers or {})}
        return send(method, self.url + path, content, given)

    def start(self, name: str, value: object = None, query: str = "", headers: Mapping[str, str] | None = None) -> str:
        """Start an orchestration and return its id."""
        reply = self.request("POST", f"/start/{name}{query}", value, headers)
        assert reply.status == 202, reply
        return str(reply.json["id"])

    def state(self, instance_id: str) -> Any:
        """Return what the typed client sees, None if there is no such instance."""
        return self.request("GET", f"/state/{instance_id}").json

    def wait(self, instance_id: str, *statuses: str) -> Any:
        """Return the state once it has one of these statuses (default: it has ended)."""
        deadline = time.monotonic() + _SECONDS
        while True:
            state = self.state(instance_id)
            if state is not None and state["status"] in (statuses or ENDED):
                return state
            assert time.monotonic() < deadline, state
            time.sleep(0.01)

    def run(self, name: str, value: object = None, query: str = "") -> Any:
        """Run an orchestration to its end and return its state."""
        return self.wait(self.start(name, value, query))

    def output(self, name: str, value: object = None) -> Any:
        """Run an orchestration, which must complete, and return its output."""
        state = self.run(name, value)
        assert state["status"] == "COMPLETED", state
        return state["output"]

    def raise_event(self, instance_id: str, event: str, payload: object = None) -> Reply:
        """Raise an event with the typed client."""
        return self.request("POST", f"/raise/{instance_id}/{event}", payload)


class ControlStandIn(LocalServer):
    """Answers `POST /_control/durable/faults/take` with what `answers` has for the operation, in turn, else null."""

    def __init__(self, answers: Mapping[str, Sequence[object]], status: int = 200) -> None:
        self.asked: list[str] = []
        answered = {name: list(values) for name, values in answers.items()}
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/_control/durable/faults/take"
                assert set(body) == {"operation"}
                stand_in.asked.append(body["operation"])
                left = answered.get(body["operation"], [])
                content = json.dumps(left.pop(0) if left else None).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
                """Say nothing."""

        super().__init__(Handler)
        self.url = self.origin


class SupervisedHost:
    """`python -m emulator.host` with the app `durable`, started as the supervisor does; keys are enforced."""

    def __init__(self, control_url: str | None) -> None:
        read, write = os.pipe()
        command = [sys.executable, "-m", "emulator.host", "--supervised", "--auth", "--ready-fd", str(write)]
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, "--app", str(APPS / "durable"), "--port", "0"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(write,),
        )
        os.close(write)
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.write(Confidences(keys=KEYS, control_url=control_url).as_line())
        self.process.stdin.flush()
        self._log = Output(open(self.process.stderr.fileno(), closefd=False))  # noqa: SIM115 - as text
        with open(read) as report:  # noqa: PTH123 - a file descriptor
            self.facts: dict[str, Any] = json.loads(report.readline())
        self.app = DurableApp(self.facts["url"], KEYS.master)

    @property
    def log(self) -> str:
        """What it logged so far."""
        return self._log.text

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _where: TracebackType | None
    ) -> None:
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.close()  # the parent's end, for the host
        self.process.wait(_SECONDS)
        self._log.wait_for_end()
        self.process.stderr.close()
