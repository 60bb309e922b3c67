"""The app in a Functions host that somebody else has started: E2E_BASE_URL says where.

Its cloud is that of `python -m emulator --cloud-only` (E2E_CONTROL_URL, default http://127.0.0.1:7072); E2E_SETUP names
the settings that the app was started with, one of SETUPS; E2E_LOG_FILE, if there is one, holds what the host logs.
`python -m tests.outside` starts all of that and runs the tests. What needs more of a host than HTTP is skipped.
"""

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from tests.support.emulator import OUTSIDE, Emulator, Reply
from tests.support.event_cases import SETTINGS
from tests.support.reactions import settled

_DURABLE = "/runtime/webhooks/durabletask"


@dataclass(frozen=True, slots=True)
class Setup:
    """What an app is started with besides the settings that `--cloud-only` prints; an empty one takes one away."""

    name: str
    key_vault: bool = True
    debug: bool = False
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def cloud_flags(self) -> tuple[str, ...]:
        """The flags of `python -m emulator` that concern the cloud."""
        return () if self.key_vault else ("--no-key-vault",)

    @property
    def host_flags(self) -> tuple[str, ...]:
        """Those that concern the app's host."""
        return ("--log-level", "debug") if self.debug else ()


PLAIN = Setup("plain")
DIRECT = Setup("direct", key_vault=False)
# many resources, and no timer that would mend what is to stay broken
EVENTS = Setup("events", settings=SETTINGS)
# and whatever else is in the subscription is allowed
SHORT_GRACE = Setup(
    "short-grace",
    settings={
        "ROTATION_GRACE_PERIOD": "PT3S",
        "ALLOWED_COMMUNICATION_SERVICES": "/subscriptions/11112222-3333-4444-5555-666677778888",
    },
)
# nothing happens by itself: no event comes, and none goes out
QUIET = Setup("quiet", settings={"EVENT_GRID_TOPIC_ENDPOINT": ""})
QUIET_DIRECT = Setup("quiet-direct", key_vault=False, settings={"EVENT_GRID_TOPIC_ENDPOINT": ""})
DEBUG = Setup("debug", key_vault=False, debug=True, settings={"PYTHON_ENABLE_DEBUG_LOGGING": "1"})
# a busy machine takes a second for the start of an orchestration alone
HASTY = Setup("hasty", settings={"REQUEST_DEADLINE_SECONDS": "3"})
SETUPS = {each.name: each for each in (PLAIN, DIRECT, EVENTS, SHORT_GRACE, QUIET, QUIET_DIRECT, DEBUG, HASTY)}


def running(setup: Setup) -> Emulator:
    """Return the app with this setup, a context manager: one of its own, or the outside one.

    Skips where the outside one was started with another setup.
    """
    if not OUTSIDE:
        return Emulator(*setup.cloud_flags, *setup.host_flags, settings=setup.settings)
    if (there := os.environ.get("E2E_SETUP", PLAIN.name)) != setup.name:
        pytest.skip(f"needs an app with the setup {setup.name}; the one outside has {there}")
    return OutsideHost(setup)


class OutsideHost(Emulator):
    """The app and the cloud that run already, behind the interface of those that tests start themselves."""

    def __init__(self, setup: Setup) -> None:
        super().__init__()
        self._setup = setup
        log = os.environ.get("E2E_LOG_FILE")
        self._log = Path(log) if log else None

    def start(self, stdout: int = -1) -> None:
        """Look at what runs; AssertionError if the cloud is not that of the setup."""
        del stdout
        self.app = OUTSIDE.rstrip("/")
        self.control = os.environ.get("E2E_CONTROL_URL", "http://127.0.0.1:7072").rstrip("/")
        endpoints = self.call_control("GET", "endpoints")
        assert (endpoints["keyVault"] is not None) == self._setup.key_vault, f"the cloud is not {self._setup}"
        assert endpoints["app"] == self.app, f"the cloud delivers events to {endpoints['app']}, not to {self.app}"
        self._since = datetime.now(UTC)
        self._offset = self._log.stat().st_size if self._log else 0
        self.reset()

    def wait_until_ready(self) -> None:
        """Nothing: it runs."""

    def stop(self, number: int = 0) -> int:
        """Leave it running, without faults."""
        del number
        self.reset()
        return 0

    @property
    def output(self) -> str:
        """What the host has logged since `start`; skips where nobody says in which file."""
        if self._log is None:
            pytest.skip("looks into the log of the host: E2E_LOG_FILE names none")
        with self._log.open("rb") as log:
            log.seek(self._offset)
            return log.read().decode(errors="replace")

    def reset(self) -> None:
        """Bring the cloud back to its start, once what other tests have set off in the same host has come to rest."""
        self.call_control("PUT", "faults", [])
        self.call_control("PUT", "events/delivery", {"held": False})
        # what does not rest in time may concern this test, which will say so
        with contextlib.suppress(AssertionError):
            settled(self)
        super().reset()

    def call_control(self, method: str, path: str, body: Any = None) -> Any:
        """Call the control API; what it cannot know of a host that is not its own, that host is asked for."""
        if (method, path) == ("GET", "durable"):
            return {"instances": [self._with_history(each) for each in self.instances()], "entities": self._entities()}
        if path.startswith("durable/") and path.endswith("/terminate"):
            id_ = quote(path.removeprefix("durable/").removesuffix("/terminate"), safe="")
            reply = self.post(f"{_DURABLE}/instances/{id_}/terminate?reason=a%20test")
            assert reply.status == 202, reply
            return None
        return super().call_control(method, path, body)

    def instances(self) -> list[dict[str, Any]]:
        """Return the orchestrations since `start`, oldest first; see `DurableView.instances`, without the history.

        https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api#get-all-instances-status
        """
        query = urlencode({"showInput": "true", "top": 1000, "createdTimeFrom": self._since.isoformat()})
        listed: list[dict[str, Any]] = []
        token: str | None = ""
        while token is not None:
            headers = {"x-ms-continuation-token": token} if token else {}
            reply = self._ask(f"/instances?{query}", headers)
            listed += reply.json
            token = reply.header("x-ms-continuation-token") or None
        listed.sort(key=lambda each: each["createdTime"])
        return [_instance(each) for each in listed if not each["instanceId"].startswith("@")]

    def _with_history(self, instance: dict[str, Any]) -> dict[str, Any]:
        query = "showInput=true&showHistory=true&showHistoryOutput=true"
        reply = self._ask(f"/instances/{quote(instance['id'], safe='')}?{query}")
        return instance | {"history": reply.json["historyEvents"]}

    def _entities(self) -> list[dict[str, Any]]:
        listed = self._ask("/entities?fetchState=true&top=1000").json
        return [{"id": "@{name}@{key}".format(**each["entityId"]), "state": each["state"]} for each in listed]

    def _ask(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        reply = self.get(_DURABLE + path, headers)
        assert reply.status in (200, 202), reply
        return reply


def _instance(told: dict[str, Any]) -> dict[str, Any]:
    same = {name: told[name] for name in ("name", "input", "output", "customStatus")}
    return {"id": told["instanceId"], "status": told["runtimeStatus"], **same}
