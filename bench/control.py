"""The emulated Azure's control API, as far as the bench needs it."""

import json
from collections import Counter
from typing import Any, cast

from bench.http_client import Connection, request_bytes


class Control:
    """The control API at `url` (`http://127.0.0.1:<port>/_control`); every method may raise BenchError or OSError."""

    def __init__(self, url: str) -> None:
        self.url = url

    def delay_regenerations(self, seconds: float) -> None:
        """Let ARM take so long for each regeneration; 0: no longer than it needs."""
        rules = [{"service": "arm", "operation": "regenerateKey", "delaySeconds": seconds}] if seconds else []
        self._call("PUT", "faults", rules)

    def forget_requests(self) -> None:
        """Let `requests` count from now."""
        self._call("DELETE", "requests", status=204)

    def requests(self) -> Counter[tuple[str, str]]:
        """Return how often the cloud was asked, by service and operation; whatever it answered counts."""
        entries = cast("list[dict[str, Any]]", json.loads(self._call("GET", "requests")))
        return Counter((entry["service"], entry["operation"] or "(none)") for entry in entries)

    def orchestrations(self, *names: str) -> list[dict[str, Any]]:
        """Return the orchestrations of those names, `{id, name, status, input, output, customStatus, history}`, the
        oldest first."""
        instances = cast("list[dict[str, Any]]", json.loads(self._call("GET", "durable"))["instances"])
        return [each for each in instances if each["name"] in names]

    def hold_events(self) -> None:
        """Let Event Grid deliver nothing, so that what the app does about events is not measured with the rest."""
        self._call("PUT", "events/delivery", {"held": True})

    def endpoints(self) -> dict[str, Any]:
        """Return the addresses of the emulated Azure, its certificate authority and a token for ARM."""
        return json.loads(self._call("GET", "endpoints"))

    def secret(self) -> dict[str, Any]:
        """Return the first secret, `{name, versions}`, its oldest version first."""
        return json.loads(self._call("GET", "secrets"))[0]

    def set_secret(self, secret: dict[str, Any]) -> None:
        """Set a new version of a secret, as if by hand."""
        self._call("POST", "secrets", secret)

    def _call(self, method: str, path: str, body: object = None, *, status: int = 200) -> bytes:
        with Connection(self.url) as connection:
            return connection.ask(request_bytes(method, f"{self.url}/{path}", body), status=status)
