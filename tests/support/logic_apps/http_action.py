"""What the HTTP action of Azure Logic Apps sends, over real sockets.

https://learn.microsoft.com/azure/connectors/connectors-native-http for the asynchronous pattern and the headers that
are taken out; https://learn.microsoft.com/azure/logic-apps/error-exception-handling for what is repeated. Whether
polling sends the action's headers again is not documented; Azure/logicapps#611 says that it sends its authentication.
Here it sends that and nothing else: the worst case.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from shared.durations import parse_duration
from tests.support.emulator import Reply, send

_TAKEN_OUT = re.compile(
    r"accept-.*|allow|content-(?!disposition$|encoding$|type$).*|cookie|expires|host|last-modified|origin|set-cookie"
    r"|transfer-encoding",
    re.IGNORECASE,
)
_POLLS_EVERY = 20.0


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it went out, and the status of its answer (0: there was none)."""

    method: str
    url: str
    headers: Mapping[str, str]
    status: int


@dataclass(slots=True)
class HttpActions:
    """Sends requests; waits take `pace` of their time.

    `authenticate` turns an action's authentication into the headers that reach the app: for a managed identity what
    App Service adds once it has checked the token.
    """

    pace: float = 0.02
    authenticate: Callable[[Mapping[str, Any]], Mapping[str, str]] | None = None
    sent: list[Sent] = field(default_factory=list[Sent])
    waited: list[float] = field(default_factory=list[float])

    def wait(self, seconds: float) -> None:
        """Wait."""
        self.waited.append(seconds)
        time.sleep(seconds * self.pace)

    def run(self, inputs: Mapping[str, Any], *, polls: bool) -> tuple[str, dict[str, Any] | None]:
        """Return the action's status and its outputs; `polls`: it follows the asynchronous pattern."""
        policy = inputs["retryPolicy"]
        reply = self._exchange(inputs, polls=polls)
        for attempt in range(int(policy.get("count", 0))):
            if not _is_repeated(reply):
                break
            self.wait(_retry_after(reply) or _interval(policy, attempt))
            reply = self._exchange(inputs, polls=polls)
        if reply is None:
            return "Failed", None
        outputs = {"statusCode": reply.status, "headers": dict(reply.headers), "body": _body(reply)}
        return "Failed" if reply.status >= 400 else "Succeeded", outputs

    def _exchange(self, inputs: Mapping[str, Any], *, polls: bool) -> Reply | None:
        authentication = self._authentication(inputs)
        headers = {name: each for name, each in inputs["headers"].items() if not _TAKEN_OUT.fullmatch(name)}
        reply = self._send(inputs["method"], inputs["uri"], headers | authentication, inputs.get("body"))
        while polls and reply is not None and reply.status == 202 and reply.header("location"):
            self.wait(_retry_after(reply) or _POLLS_EVERY)
            reply = self._send("GET", str(reply.header("location")), authentication, None)
        return reply

    def _authentication(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        if "authentication" not in inputs:
            return {}
        assert self.authenticate is not None, "nobody says what becomes of an authentication"
        return dict(self.authenticate(inputs["authentication"]))

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> Reply | None:
        try:
            reply = send(method, url, None if body is None else json.dumps(body), headers)
        except (OSError, HTTPException):
            reply = None
        self.sent.append(Sent(method, url, headers, reply.status if reply else 0))
        return reply


def seconds(duration: str) -> float:
    """Return the seconds of an ISO 8601 duration."""
    return parse_duration(duration).total_seconds()


def _is_repeated(reply: Reply | None) -> bool:
    return reply is None or reply.status in (408, 429) or reply.status >= 500


def _interval(policy: Mapping[str, Any], attempt: int) -> float:
    if policy["type"] == "fixed":
        return seconds(policy["interval"])
    assert policy["type"] == "exponential"
    lowest, highest = seconds(policy["minimumInterval"]), seconds(policy["maximumInterval"])
    return min(highest, max(lowest, seconds(policy["interval"]) * 2**attempt))


def _retry_after(reply: Reply | None) -> float:
    return float((reply.header("retry-after") if reply else None) or 0)


def _body(reply: Reply) -> Any:
    if not reply.body:
        return None
    is_json = "json" in (reply.header("content-type") or "")
    return reply.json if is_json else reply.text
