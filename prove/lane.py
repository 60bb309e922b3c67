"""One running app with its emulated Azure, in which cells run one after another, each from a fresh start."""

import ssl
import time
from collections.abc import Callable
from http.client import HTTPSConnection
from typing import Any, Self, cast
from urllib.parse import urlsplit

from bench.apps import OURS
from bench.errors import BenchError
from bench.processes import Emulator
from prove.client import Answer, Client

Json = dict[str, Any]
_LOOK_SECONDS = 0.1
_OK = 200
# A direct regenerate is announced in the background: the app gathers for a quarter of a second what to announce, and
# waits up to five seconds between two attempts.
_QUIET_SECONDS, _QUIET_UNANNOUNCED_SECONDS, _QUIET_WITHIN = 0.6, 6.0, 30.0


class Lane:
    """`python -m emulator` with the app; a context manager. Every method may raise BenchError or OSError."""

    def __init__(self, *flags: str, key_vault: bool = True, settings: dict[str, str] | None = None) -> None:
        self._emulator = Emulator(OURS, *flags, key_vault=key_vault, settings=settings)
        self._direct = not key_vault
        self.answers: list[str] = []

    def __enter__(self) -> Self:
        try:
            self._emulator.wait_until_ready()
        except BaseException:
            self._emulator.__exit__()
            raise
        self.control_url = self._emulator.control.url
        self._control, self._app = Client(self.control_url), Client(self._emulator.url)
        self._endpoints: Json = self.control("GET", "endpoints")
        self._context = ssl.create_default_context(cafile=str(self._endpoints["caFile"]))
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        self._app.close()
        self._emulator.__exit__()

    def reset(self) -> None:
        """Go back to the start: one resource, its secret, no faults, nothing under way, and events held back."""
        self.rest()
        self.control("POST", "reset")
        self.control("DELETE", "durable")
        self.control("PUT", "events/delivery", {"held": True})
        self.answers.clear()

    def rest(self) -> None:
        """Wait until nothing is told of direct regenerates any more; what the engine knows of is not waited for."""
        if not self._direct:
            return
        seen, since = self.requests(), time.monotonic()

        def quiet() -> bool:
            nonlocal seen, since
            if seen != (now := self.requests()):
                seen, since = now, time.monotonic()
            announced = not now or (now[-1]["service"] == "eventgrid" and now[-1]["status"] == _OK)
            return time.monotonic() - since > (_QUIET_SECONDS if announced else _QUIET_UNANNOUNCED_SECONDS)

        if not wait_until(quiet, _QUIET_WITHIN):
            raise BenchError("The app does not stop asking the cloud for something.")

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Call the control API and return its JSON."""
        answer = self._control.ask(method, f"/_control/{path}", body)
        if answer.status >= 300:
            raise BenchError(f"{method} /_control/{path}: {answer.text}")
        return answer.json

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Answer:
        """Send a request to the app, and remember what it answered."""
        answer = self._app.ask(method, path, body, headers)
        self.answers.append(answer.text)
        return answer

    def resource(self) -> Json:
        """Return the one resource with its keys."""
        return cast("list[Json]", self.control("GET", "resources"))[0]

    def requests(self) -> list[Json]:
        """Return what the cloud was asked, oldest first."""
        return self.control("GET", "requests")

    def durable(self) -> Json:
        """Return `{"instances", "entities"}`."""
        return self.control("GET", "durable")

    def events(self) -> list[Json]:
        """Return what passed through Event Grid, oldest first."""
        return self.control("GET", "events")

    def faults(self, *rules: Json) -> None:
        """Put these fault rules in place of all others."""
        self.control("PUT", "faults", list(rules))

    def accepts(self, key: str, resource_id: str) -> bool:
        """Say whether the data plane accepts a key now."""
        return self.control("POST", "probe", {"resourceId": resource_id, "key": key})["accepted"]

    def published(self) -> str:
        """Return the access key that the one secret's current version publishes."""
        return published_key(cast("list[Json]", self.control("GET", "secrets")))

    def regenerate_outside(self, resource_id: str, key_type: str) -> None:
        """Regenerate a key straight at ARM, as somebody with a tool of their own does."""
        parts = urlsplit(str(self._endpoints["arm"]))
        connection = HTTPSConnection(parts.hostname or "", parts.port, timeout=30, context=self._context)
        try:
            connection.request(
                "POST",
                f"{resource_id}/regenerateKey?api-version=2023-03-31",
                f'{{"keyType": "{key_type}"}}',
                {"Authorization": f"Bearer {self._endpoints['token']}", "Content-Type": "application/json"},
            )
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise BenchError(f"ARM did not regenerate: {answer.status}")

    def deliver_regeneration(self) -> None:
        """Deliver ARM's event of the last regeneration, which was held back."""
        operation = "microsoft.communication/communicationservices/regeneratekey/action"
        told = [
            each["id"]
            for each in self.events()
            if operation == str(each["event"].get("data", {}).get("operationName", "")).lower()
        ]
        if not told:
            raise BenchError("ARM has told of no regeneration.")
        self.control("POST", f"events/{told[-1]}/redeliver", {})

    def reconcile(self) -> None:
        """Run the timer now."""
        self.ask("POST", "/admin/functions/reconcile", {})

    def log(self) -> str:
        """Return all that app, host and cloud have logged."""
        return self._emulator.log()

    @property
    def secrets_of_the_host(self) -> list[str]:
        """The host's own keys and a token, which nobody else may see either."""
        return [str(self._endpoints[name]) for name in ("functionKey", "systemKey", "token") if self._endpoints[name]]


def published_key(secrets: list[Json]) -> str:
    """Return the access key in the first secret's current version."""
    value = str(secrets[0]["versions"][-1]["value"])
    return value.partition("accesskey=")[2] or value


def wait_until(look: Callable[[], bool], seconds: float, *, every: float = _LOOK_SECONDS) -> bool:
    """Look until something is so, for at most so many seconds; return whether it came to be."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True
