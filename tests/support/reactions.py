"""Letting things happen in the emulated cloud, and waiting for what the app does about them by itself."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.support.emulator import Emulator
from tests.support.patience import patient
from tests.support.rotations import SECRET, resource, secret

WITHIN_SECONDS = 30.0


def eventually[T](look: Callable[[], T | None], what: str, seconds: float = WITHIN_SECONDS) -> T:
    """Look until something is there, and return it; AssertionError after so many seconds."""
    deadline = time.monotonic() + patient(seconds)
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {seconds} s"
        time.sleep(0.05)
    return found


def expire(emulator: Emulator, *, days: int = 10, name: str = SECRET) -> str:
    """Set the secret anew with an expiry in so many days, by hand; return the new version."""
    current = secret(emulator, name)["versions"][-1]
    expires_on = (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"name": name, "value": current["value"], "tags": current["tags"], "expiresOn": expires_on}
    emulator.call_control("POST", "secrets", body)
    return secret(emulator, name)["versions"][-1]["version"]


def regenerate_outside(emulator: Emulator, key_type: str = "Primary", resource_id: str | None = None) -> str:
    """Regenerate a key straight at the emulated ARM, as somebody with a tool of their own does; return the new one."""
    endpoints = emulator.call_control("GET", "endpoints")
    resource_id = resource_id or str(resource(emulator)["resourceId"])
    reply = emulator.request(
        "POST",
        f"{endpoints['arm']}{resource_id}/regenerateKey?api-version=2023-03-31",
        {"keyType": key_type},
        {"Authorization": f"Bearer {endpoints['token']}"},
    )
    assert reply.status == 200, reply
    return reply.json[f"{key_type.lower()}Key"]


def published(emulator: Emulator, name: str = SECRET) -> str:
    """Return the access key that the secret's current version publishes."""
    value: str = secret(emulator, name)["versions"][-1]["value"]
    return value.partition("accesskey=")[2] or value


def events(emulator: Emulator, direction: str | None = None, type_: str | None = None) -> list[dict[str, Any]]:
    """Return what passed through Event Grid, oldest first; of one direction and of one type, if that is said."""
    listed: list[dict[str, Any]] = emulator.call_control("GET", "events")
    return [each for each in listed if direction in (None, each["direction"]) and type_ in (None, each["type"])]


def instances(emulator: Emulator, name: str | None = None) -> list[dict[str, Any]]:
    """Return the orchestrations, oldest first; of one orchestrator, if that is said."""
    return [each for each in emulator.instances() if name in (None, each["name"])]


def settled(emulator: Emulator, seconds: float = WITHIN_SECONDS) -> None:
    """Wait until every event is delivered, and every orchestration but waiting revocations has ended."""

    def rests() -> bool:
        on_its_way = [each for each in events(emulator, "in") if each["status"] == "Pending"]
        running = [
            each
            for each in instances(emulator)
            if each["status"] in ("Pending", "Running")
            # this one only waits for the end of a grace period
            and not (each["name"] == "revoke_key" and "Revoking" not in json.dumps(each["customStatus"]))
        ]
        return not on_its_way and not running

    eventually(rests, "rest", seconds)
    # what ended last may have raised one more event
    time.sleep(0.3)
    eventually(rests, "rest", seconds)
