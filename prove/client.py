"""An HTTP client that takes whatever is answered, on connections that are kept."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from bench.errors import BenchError

_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON, None where there is none; BenchError where it is something else."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError:
            raise BenchError(f"An answer that is no JSON: {self.status} {self.body[:200]!r}") from None

    @property
    def text(self) -> str:
        """All of it: status, headers and body."""
        return f"{self.status} {dict(self.headers)} {self.body.decode(errors='replace')}"


class Client:
    """Talks to one origin (`http://host:port`), for one thread at a time."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_SECONDS)

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request, its body as JSON if there is one (bytes go as they are); OSError if there is no answer."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {**({"Content-Type": "application/json"} if content is not None else {}), **(headers or {})}
        try:
            self._connection.request(method, path, content, sent)
            response = self._connection.getresponse()
            received = response.read()
        except HTTPException as error:
            self._connection.close()
            raise OSError(f"{method} {path}: {type(error).__name__}: {error}") from error
        except OSError:
            self._connection.close()
            raise
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, received)

    def close(self) -> None:
        """Close the connection; it opens again at the next request."""
        self._connection.close()
