"""An HTTP client that costs next to nothing: requests are bytes made beforehand, one socket each, kept alive.

A general client would take as long as the host for a small request, and the measurement would be of the client.
"""

import json
import re
import socket
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

from bench.errors import BenchError

_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"
_TIMEOUT_SECONDS = 60.0
_NO_CONTENT = 204


def request_bytes(method: str, url: str, body: object = None) -> bytes:
    """Return a whole request, with `body` as JSON if there is one."""
    parts = urlsplit(url)
    head = f"{method} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    content = b""
    if body is not None:
        content = json.dumps(body).encode()
        head += f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


class Connection:
    """One connection over plain HTTP/1.1; a context manager that closes it. OSError if it is refused or lost."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=_TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(self, request: bytes, *, status: int = 200) -> bytes:
        """Send a request and return the body of its answer; see `receive`."""
        self.send(request)
        return self.receive(status=status)

    def send(self, request: bytes) -> None:
        """Send a request; its answer must be received before the next one."""
        self._socket.sendall(request)

    def receive(self, *, status: int = 200) -> bytes:
        """Return the body of the answer; BenchError unless it has that status and a known length."""
        received = b""
        while (end := received.find(_END_OF_HEAD)) < 0:
            received += self._some()
        length = _CONTENT_LENGTH.search(received, 0, end + 2)
        expected = received.startswith(b"HTTP/1.1 %d " % status)
        if length is None and not (expected and status == _NO_CONTENT):
            raise BenchError(f"An answer without Content-Length: {received[:end].decode('latin-1')}")
        whole = end + len(_END_OF_HEAD) + (int(length[1]) if length else 0)
        while len(received) < whole:
            received += self._some()
        body = received[end + len(_END_OF_HEAD) :]
        if not expected:
            raise BenchError(
                f"A request failed: {received.partition(b'\r\n')[0].decode('latin-1')}; {body.decode(errors='replace')}"
            )
        return body

    def _some(self) -> bytes:
        received = self._socket.recv(65536)
        if not received:
            raise BenchError("A connection was closed before the answer was complete.")
        return received


@contextmanager
def connections(url: str, count: int) -> Generator[list[Connection]]:
    """Open `count` connections, and close them at the end."""
    with ExitStack() as stack:
        yield [stack.enter_context(Connection(url)) for _ in range(count)]
