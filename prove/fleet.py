"""Many resources with a secret each, rotated at once, and what that has cost; for load.py."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bench.apps import OURS
from bench.errors import BenchError
from bench.history import Orchestration
from bench.http_client import Connection, request_bytes
from bench.processes import Emulator

_SUBSCRIPTION = "/subscriptions/11112222-3333-4444-5555-666677778888"
_LOOK_SECONDS = 0.2
_ENDED = ("Completed", "Failed", "Terminated")
# what ARM counts as a write
WRITES = (("arm", "listKeys"), ("arm", "regenerateKey"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What has become of rotations that were asked for at once.

    Attributes:
        seconds: from the first request to the end of the last orchestration, repairs and revocations included.
        statuses: how many rotations ended in which status.
        revocations: how many revocations ended in which status.
        regenerated: keys that ARM regenerated, whatever it answered.
        versions: how many secrets have so many versions.
        calls: to the cloud by service and operation; `refused`: of those to ARM answered with 429.
        orchestrations: what ran, as its history tells.
        incomplete: orchestrations that failed or were terminated.
        held: guards that somebody still holds.
        delivered: deliveries of events to the app; `events`: how many there were.
        resident: bytes of the app's process before, at the end, and some seconds later.
    """

    seconds: float
    statuses: Counter[str]
    revocations: Counter[str]
    regenerated: int
    versions: Counter[int]
    calls: Counter[tuple[str, str]]
    refused: int
    orchestrations: Sequence[Orchestration]
    incomplete: int
    held: int
    events: int
    delivered: int
    resident: tuple[int, int, int]

    @property
    def writes(self) -> int:
        """Writes that ARM has done."""
        return sum(self.calls[each] for each in WRITES) - self.refused


class Fleet:
    """The emulator with `count` resources, each with a secret; a context manager that stops it."""

    def __init__(self, count: int) -> None:
        self._emulator = Emulator(OURS, key_vault=True, settings={"ALLOWED_COMMUNICATION_SERVICES": _SUBSCRIPTION})
        self._names = [f"fleet-{number:03}" for number in range(count)]

    def __enter__(self) -> Self:
        self._emulator.__enter__()
        try:
            self._emulator.wait_until_ready()
            with Connection(self._emulator.control.url) as control:
                for name in self._names:
                    made = json.loads(
                        control.ask(self._request("POST", "resources", {"resourceId": _id(name)}), status=201)
                    )
                    value = f"endpoint=https://{made['hostName']}/;accesskey={made['keys']['primary']}"
                    tags = {"CredentialId": "Primary", "ProviderAddress": _id(name), "ValidityPeriodDays": "90"}
                    control.ask(
                        self._request("POST", "secrets", {"name": name, "value": value, "tags": tags}), status=201
                    )
        except BaseException:
            self._emulator.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._emulator.__exit__()

    def throttle(self, burst: int, per_second: float) -> None:
        """Let ARM do so many writes at once, and so many a second in the long run."""
        self._ask("PUT", "throttling", {"enabled": True, "capacity": burst, "refillPerSecond": per_second})

    def repeat_events(self, times: int) -> None:
        """Let each event be delivered so many times, at once."""
        self._ask("PUT", "faults", [{"service": "eventgrid", "operation": "deliver", "duplicate": times - 1}])

    def rotate(self, body: Mapping[str, Any], *, give_up: float, rest: float) -> Outcome:
        """Rotate every resource at once, and wait until all is over; raises BenchError after `give_up` seconds.

        `rest` are the seconds after which the app's size is read once more.
        """
        before = self._resident()
        self._emulator.control.forget_requests()
        url = f"{self._emulator.url}/api/rotations"
        started = time.monotonic()
        with Connection(self._emulator.url) as connection:
            ids = [
                json.loads(connection.ask(request_bytes("POST", url, {"resourceId": _id(name), **body}), status=202))[
                    "id"
                ]
                for name in self._names
            ]
            for id_ in ids:
                look = request_bytes("GET", f"{url}/{id_}")
                while _goes_on(json.loads(connection.ask(look))):
                    if time.monotonic() - started > give_up:
                        raise BenchError(f"Rotations did not end within {give_up:g} s.")
                    time.sleep(_LOOK_SECONDS)
            told = self._when_all_is_over(started + give_up)
            seconds = time.monotonic() - started
            ended = self._resident()
            time.sleep(rest)
            shown = [json.loads(connection.ask(request_bytes("GET", f"{url}/{id_}"))) for id_ in ids]
        return self._outcome(shown, told, seconds, (before, ended, self._resident()))

    def _when_all_is_over(self, give_up_at: float) -> dict[str, Any]:
        """Return what the engine tells once nothing runs and no event is on its way."""
        while True:
            pending = [each for each in self._ask("GET", "events") if each["status"] == "Pending"]
            told = self._ask("GET", "durable")
            if not pending and all(each["status"] in _ENDED for each in told["instances"]):
                return told
            if time.monotonic() > give_up_at:
                raise BenchError("Orchestrations, or deliveries of events, did not end in time.")
            time.sleep(_LOOK_SECONDS)

    def _outcome(
        self, shown: list[dict[str, Any]], told: dict[str, Any], seconds: float, resident: tuple[int, int, int]
    ) -> Outcome:
        requests: list[dict[str, Any]] = self._ask("GET", "requests")
        events: list[dict[str, Any]] = self._ask("GET", "events")
        secrets = [each for each in self._ask("GET", "secrets") if each["name"] in set(self._names)]
        guards = [each["state"] for each in told["entities"] if each["state"]]
        return Outcome(
            seconds=seconds,
            statuses=Counter(each["status"] for each in shown),
            revocations=Counter(each["revocation"]["status"] for each in shown),
            regenerated=sum(each["operation"] == "regenerateKey" and each["effect"] for each in requests),
            versions=Counter(len(each["versions"]) for each in secrets),
            calls=Counter((each["service"], each["operation"] or "(none)") for each in requests),
            refused=sum(each["service"] == "arm" and each["status"] == 429 for each in requests),
            orchestrations=[Orchestration.parse(each) for each in told["instances"]],
            incomplete=sum(each["status"] != "Completed" for each in told["instances"]),
            held=sum(_parsed(state)["holder"] is not None for state in guards),
            events=sum(each["direction"] == "in" for each in events),
            delivered=sum(each["attempts"] for each in events),
            resident=resident,
        )

    def _resident(self) -> int:
        """Return the resident bytes of the app's process: the emulator's child."""
        (child,) = Path(f"/proc/{self._emulator.pid}/task/{self._emulator.pid}/children").read_text().split()
        return int(Path(f"/proc/{child}/statm").read_text().split()[1]) * 4096

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        with Connection(self._emulator.control.url) as control:
            return json.loads(control.ask(self._request(method, path, body)))

    def _request(self, method: str, path: str, body: object = None) -> bytes:
        return request_bytes(method, f"{self._emulator.control.url}/{path}", body)


def _id(name: str) -> str:
    return f"{_SUBSCRIPTION}/resourceGroups/Fleet/providers/Microsoft.Communication/communicationServices/{name}"


def _goes_on(status: dict[str, Any]) -> bool:
    return status["status"] in ("NotStarted", "Running") or status["revocation"]["status"] == "Scheduled"


def _parsed(state: Any) -> dict[str, Any]:
    return json.loads(state) if isinstance(state, str) else state
