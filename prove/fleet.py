"""Many resources with a secret each, rotated at once, and what that has cost; for load.py and throttled.py."""

import json
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

from bench.apps import OURS
from bench.errors import BenchError
from bench.history import Orchestration
from bench.http_client import Connection, request_bytes
from bench.processes import Emulator
from prove.outcome import Outcome

# ARM counts writes for each subscription by itself
_SUBSCRIPTIONS = (
    "/subscriptions/11112222-3333-4444-5555-666677778888",
    "/subscriptions/22223333-4444-5555-6666-777788889999",
)
_LOOK_SECONDS = 0.2
_ENDED = ("Completed", "Failed", "Terminated")
# what ARM counts as a write
_WRITES = (("arm", "listKeys"), ("arm", "regenerateKey"))
_THROTTLED = 429


class Fleet:
    """The emulator with `count` resources in two subscriptions, each with a secret; a context manager that stops it."""

    def __init__(self, count: int) -> None:
        allowed = {"ALLOWED_COMMUNICATION_SERVICES": ",".join(_SUBSCRIPTIONS)}
        self._emulator = Emulator(OURS, key_vault=True, settings=allowed)
        self._ids = {f"fleet-{number:03}": _id(number) for number in range(count)}

    def __enter__(self) -> Self:
        self._emulator.__enter__()
        try:
            self._emulator.wait_until_ready()
            with Connection(self._emulator.control.url) as control:
                for name, id_ in self._ids.items():
                    made = json.loads(control.ask(self._request("POST", "resources", {"resourceId": id_}), status=201))
                    value = f"endpoint=https://{made['hostName']}/;accesskey={made['keys']['primary']}"
                    tags = {"CredentialId": "Primary", "ProviderAddress": id_, "ValidityPeriodDays": "90"}
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
        """Let ARM do so many writes in a subscription at once, and so many a second in the long run."""
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
                json.loads(connection.ask(request_bytes("POST", url, {"resourceId": id_, **body}), status=202))["id"]
                for id_ in self._ids.values()
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
        secrets = [each for each in self._ask("GET", "secrets") if each["name"] in self._ids]
        guards = [each["state"] for each in told["entities"] if each["state"]]
        return Outcome(
            seconds=seconds,
            statuses=Counter(each["status"] for each in shown),
            revocations=Counter(each["revocation"]["status"] for each in shown),
            regenerated=sum(each["operation"] == "regenerateKey" and each["effect"] for each in requests),
            versions=Counter(len(each["versions"]) for each in secrets),
            calls=Counter((each["service"], each["operation"] or "(none)") for each in requests),
            refused=sum(each["service"] == "arm" and each["status"] == _THROTTLED for each in requests),
            writes=Counter(
                each["resourceId"].partition("/resourceGroups/")[0]
                for each in requests
                if (each["service"], each["operation"]) in _WRITES and each["status"] != _THROTTLED
            ),
            orchestrations=[Orchestration.parse(each) for each in told["instances"]],
            incomplete=sum(each["status"] != "Completed" for each in told["instances"]),
            held=sum(_parsed(state)["holder"] is not None for state in guards),
            events=sum(each["direction"] == "in" for each in events),
            delivered=sum(each["attempts"] for each in events),
            resident=resident,
        )

    def _resident(self) -> int:
        """Return the resident bytes of the app's process: the emulator's child."""
        ps = shutil.which("ps")
        if ps is None:
            raise BenchError("The size of the app's process cannot be read: there is no ps.")
        command = [ps, "-A", "-o", "ppid=,rss="]
        told = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  # a fixed command
        sizes = [
            int(size) for parent, size in map(str.split, told.stdout.splitlines()) if int(parent) == self._emulator.pid
        ]
        if len(sizes) != 1:
            raise BenchError(f"The emulator has {len(sizes)} child processes, where it has the app alone.")
        return sizes[0] * 1024

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        with Connection(self._emulator.control.url) as control:
            return json.loads(control.ask(self._request(method, path, body)))

    def _request(self, method: str, path: str, body: object = None) -> bytes:
        return request_bytes(method, f"{self._emulator.control.url}/{path}", body)


def _id(number: int) -> str:
    subscription = _SUBSCRIPTIONS[number % len(_SUBSCRIPTIONS)]
    name = f"fleet-{number:03}"
    return f"{subscription}/resourceGroups/Fleet/providers/Microsoft.Communication/communicationServices/{name}"


def _goes_on(status: dict[str, Any]) -> bool:
    return status["status"] in ("NotStarted", "Running") or status["revocation"]["status"] == "Scheduled"


def _parsed(state: Any) -> dict[str, Any]:
    return json.loads(state) if isinstance(state, str) else state
