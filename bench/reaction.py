"""(g) How soon the app acts on what happens in the cloud, and what it costs where nothing is to be done."""

import json
import ssl
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.apps import OURS
from bench.control import Control
from bench.errors import BenchError
from bench.figures import milliseconds, percentile
from bench.history import Orchestration, median, step_rows
from bench.processes import Emulator
from bench.progress import Progress
from bench.report import Measurement, Table

_REPAIRS, _QUICK_REPAIRS = 40, 1
_ROTATIONS, _QUICK_ROTATIONS = 20, 1
_LOOK_SECONDS = 0.01
_GIVE_UP_SECONDS = 60.0


class _Cloud:
    """The emulated Azure as somebody else uses it: at ARM itself, and setting secrets by hand."""

    def __init__(self, control: Control) -> None:
        self.control = control
        told = control.endpoints()
        self._tls = ssl.create_default_context(cafile=told["caFile"])
        tags = control.secret()["versions"][-1]["tags"]
        self._url = f"{told['arm']}{tags['ProviderAddress']}/regenerateKey?api-version=2023-03-31"
        self._headers = {"Authorization": f"Bearer {told['token']}", "Content-Type": "application/json"}

    def regenerate(self, key_type: str) -> str:
        """Regenerate a key; return the new one."""
        body = json.dumps({"keyType": key_type}).encode()
        request = urllib.request.Request(self._url, body, self._headers, method="POST")  # noqa: S310 - https, ours
        with urllib.request.urlopen(request, context=self._tls) as response:  # noqa: S310 - as above
            return json.load(response)[f"{key_type.lower()}Key"]

    def current(self) -> dict[str, Any]:
        """Return the secret's current version."""
        return self.control.secret()["versions"][-1]

    def expire_soon(self) -> None:
        """Set the secret anew, with ten days to live."""
        secret = self.control.secret()
        now = secret["versions"][-1]
        soon = (datetime.now(UTC) + timedelta(days=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.control.set_secret({"name": secret["name"], "value": now["value"], "tags": now["tags"], "expiresOn": soon})


def measure(*, quick: bool, progress: Progress) -> Measurement:
    """Regenerate the published key from outside, and let secrets expire, one after the other; raises BenchError."""
    repairs, rotations = (_QUICK_REPAIRS, _QUICK_ROTATIONS) if quick else (_REPAIRS, _ROTATIONS)
    progress(f"{repairs} repairs, and {rotations} rotations before an expiry")
    with Emulator(OURS, key_vault=True, settings={"ROTATION_GRACE_PERIOD": "PT0S"}) as emulator:
        emulator.wait_until_ready()
        cloud = _Cloud(emulator.control)
        _repair(cloud)  # imports, opens connections, gets tokens
        repaired = [_repair(cloud) for _ in range(repairs)]
        echoes = [_echo(cloud) for _ in range(repairs)]
        rotated = [_rotate(cloud) for _ in range(rotations)]
        # the last revocation's regeneration has its echo too
        _wait(lambda: _running(cloud) == 0, "the end of the last look")
        ran = [Orchestration.parse(each) for each in emulator.control.orchestrations("repair_secrets")]
    mended = [each for each in ran if "publish_key" in each.steps]
    looked = [each for each in ran if "publish_key" not in each.steps]
    calls = sum(echoes, Counter[tuple[str, str]]())
    return Measurement(
        title="Reaction",
        method=f"{repairs} regenerations of the published key straight at the emulated ARM, until the secret publishes "
        f"the new one; then {repairs} of the other key, after which nothing is to be done; then {rotations} secrets "
        f"set to expire in ten days, until they publish the other key. One after the other, Azure and Event Grid at "
        f"0 ms; the client looks every {_LOOK_SECONDS * 1000:.0f} ms.",
        tables=[
            Table(
                ("", "p50, ms", "p95, ms"),
                [
                    ("from a regeneration outside to the secret with the new key", *_percentiles(repaired)),
                    ("from a secret near its expiry to one with the other key", *_percentiles(rotated)),
                ],
            ),
            Table(("of a repair", "p50, ms"), step_rows(mended)),
            Table(
                ("where nothing is to be done", ""),
                [
                    ("all of it, p50", f"{milliseconds(median(looked, lambda each: each.seconds))} ms"),
                    *[
                        (f"{service} {operation}, calls", f"{n / len(echoes):.4g}")
                        for (service, operation), n in sorted(calls.items())
                    ],
                ],
            ),
        ],
    )


def _repair(cloud: _Cloud) -> float:
    key_type = cloud.current()["tags"]["CredentialId"]
    started = time.perf_counter()
    key = cloud.regenerate(key_type)
    _wait(lambda: key in cloud.current()["value"], "the repair")
    return time.perf_counter() - started


def _echo(cloud: _Cloud) -> Counter[tuple[str, str]]:
    """Regenerate the key that nobody publishes; return what the app asks of Azure because of it."""
    ended = _ended(cloud)
    other = {"Primary": "Secondary", "Secondary": "Primary"}[cloud.current()["tags"]["CredentialId"]]
    cloud.control.forget_requests()
    cloud.regenerate(other)
    _wait(lambda: _ended(cloud) > ended, "the look")
    calls = cloud.control.requests()
    calls[("arm", "regenerateKey")] -= 1
    return +calls


def _ended(cloud: _Cloud) -> int:
    return sum(each["status"] == "Completed" for each in cloud.control.orchestrations("repair_secrets"))


def _running(cloud: _Cloud) -> int:
    return sum(each["status"] in ("Pending", "Running") for each in cloud.control.orchestrations("repair_secrets"))


def _rotate(cloud: _Cloud) -> float:
    before = cloud.current()["value"]
    started = time.perf_counter()
    cloud.expire_soon()
    _wait(lambda: cloud.current()["value"] != before, "the rotation")
    seconds = time.perf_counter() - started
    # the next one would be refused before the old key is dead
    _wait(lambda: _all_revoked(cloud), "the revocation")
    return seconds


def _all_revoked(cloud: _Cloud) -> bool:
    rotations = [each["id"] for each in cloud.control.orchestrations("rotate_key")]
    ended = {each["id"] for each in cloud.control.orchestrations("revoke_key") if each["status"] == "Completed"}
    return all(f"{rotation}-revoke" in ended for rotation in rotations)


def _wait(seen: Callable[[], bool], what: str) -> None:
    deadline = time.perf_counter() + _GIVE_UP_SECONDS
    while not seen():
        if time.perf_counter() > deadline:
            raise BenchError(f"After {_GIVE_UP_SECONDS:.0f} s {what} had not come.")
        time.sleep(_LOOK_SECONDS)


def _percentiles(samples: list[float]) -> tuple[str, str]:
    return milliseconds(percentile(samples, 50)), milliseconds(percentile(samples, 95))
