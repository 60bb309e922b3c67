"""Starting a rotation through the running app and waiting for what becomes of it."""

import time
from typing import Any

from tests.support.emulator import Emulator, Reply
from tests.support.patience import patient

ROTATIONS = "/api/rotations"
SECRET = "MyCommunicationResource-connection-string"


def start(emulator: Emulator, body: dict[str, Any] | None = None, **headers: str) -> Reply:
    """POST a rotation and return the reply."""
    return emulator.post(ROTATIONS, body, {name.replace("_", "-"): value for name, value in headers.items()})


def path_of(url: str | None) -> str:
    """Return the path of a URL of the app."""
    assert url is not None
    return "/" + url.split("/", 3)[3]


def result(emulator: Emulator, started: Reply, seconds: float = 60) -> Reply:
    """Poll Location as a Logic Apps HTTP action does, until something else than 202 comes."""
    assert started.status == 202, started
    location = path_of(started.header("location"))
    deadline = time.monotonic() + patient(seconds)
    while (reply := emulator.get(location)).status == 202:
        assert time.monotonic() < deadline, reply.text
        time.sleep(0.1)
    return reply


def status(emulator: Emulator, started: Reply) -> dict[str, Any]:
    """Return the rotation's status."""
    reply = emulator.get(path_of(started.header("operation-location")))
    assert reply.status == 200, reply
    return reply.json


def revoked(emulator: Emulator, started: Reply, seconds: float = 60) -> dict[str, Any]:
    """Wait until the old key's revocation has ended, one way or another, and return the status."""
    deadline = time.monotonic() + patient(seconds)
    while (told := status(emulator, started))["revocation"]["status"] == "Scheduled":
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
    return told


def resource(emulator: Emulator) -> dict[str, Any]:
    """Return the one resource with its keys."""
    (found,) = emulator.call_control("GET", "resources")
    return found


def secret(emulator: Emulator, name: str = SECRET) -> dict[str, Any]:
    """Return a secret with its versions."""
    (found,) = [each for each in emulator.call_control("GET", "secrets") if each["name"] == name]
    return found


def accepts(emulator: Emulator, key: str) -> bool:
    """Say whether the data plane accepts the key now."""
    body = {"resourceId": resource(emulator)["resourceId"], "key": key}
    return emulator.call_control("POST", "probe", body)["accepted"]


def outlast_deadline(emulator: Emulator) -> None:
    """Make ARM so slow once that a regenerate takes longer than the deadline of the setup `HASTY`."""
    slow = {"service": "arm", "operation": "listKeys", "delaySeconds": 5, "times": 1}
    emulator.call_control("PUT", "faults", [slow])


def regenerations(emulator: Emulator) -> int:
    """Return how many keys were really regenerated."""
    entries = emulator.call_control("GET", "requests")
    return sum(entry["operation"] == "regenerateKey" and entry["effect"] for entry in entries)
