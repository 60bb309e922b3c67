"""No downtime: during a rotation and its revocation, whatever goes wrong, a consumer is never refused.

Two consumers run through each case: one that reads the secret before every request, and one that keeps what it has
read for longer than it takes until the next version, as Key Vault references do, but shorter than the grace period.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from shared.rotation.activities import STEPS
from tests.support.consumer import Consumer
from tests.support.emulator import CA_FILE, Emulator
from tests.support.leaks import find_leaks
from tests.support.rotations import SECRET, accepts, regenerations, resource, result, revoked, secret, start

pytestmark = pytest.mark.own_host

_GRACE_SECONDS = 5
_PROBES = 200


def _arm(operation: str, **effect: object) -> dict[str, Any]:
    return {"service": "arm", "operation": operation, **effect}


def _vault(operation: str, **effect: object) -> dict[str, Any]:
    return {"service": "keyvault", "operation": operation, **effect}


def _rerun(step: str, **effect: object) -> dict[str, Any]:
    return {"service": "durable", "operation": step, "times": 1, **effect}


CASES: dict[str, list[Mapping[str, Any]]] = {
    "nothing goes wrong": [],
    "the answer of regenerateKey is lost": [_arm("regenerateKey", times=1, disconnect="after")],
    "regenerateKey fails after it has happened": [_arm("regenerateKey", times=1, status=503, after=True)],
    "regenerateKey is lost on the way": [_arm("regenerateKey", times=1, disconnect="before")],
    "regenerateKey is throttled": [_arm("regenerateKey", times=2, status=429, retryAfter=1)],
    "listKeys fails": [_arm("listKeys", times=3, status=503)],
    "the answer of setSecret is lost": [_vault("setSecret", times=1, disconnect="after")],
    "setSecret is throttled": [_vault("setSecret", times=2, status=429, retryAfter=1)],
    "Key Vault fails": [_vault("listSecrets", times=2, status=503), _vault("getSecret", times=3, status=503)],
    "the data plane fails": [{"service": "communication", "operation": "listPhoneNumbers", "times": 60, "status": 503}],
    "every step runs twice at once": [_rerun(step, rerun="now") for step in STEPS],
    "every step runs again later": [_rerun(step, rerun="late", delaySeconds=1.5) for step in STEPS],
}


@dataclass(frozen=True, slots=True)
class Seen:
    """What a case left behind."""

    started: str
    ended: dict[str, Any]
    told: dict[str, Any]
    old_accepted: bool
    new_accepted: bool
    regenerations: int
    versions: list[dict[str, Any]]
    consumers: list[Consumer]
    leaks: list[str]


def _run(name: str) -> Seen:
    with Emulator("--log-level", "debug") as emulator:
        if name == "a new key takes seconds to spread":
            found = resource(emulator)
            key = {"resourceId": found["resourceId"], "propagationSeconds": 2}
            emulator.call_control("POST", "resources", key)
            value = f"endpoint=https://{found['hostName']}/;accesskey={resource(emulator)['keys']['primary']}"
            tags = secret(emulator)["versions"][-1]["tags"]
            emulator.call_control("POST", "secrets", {"name": SECRET, "value": value, "tags": tags})
        old = resource(emulator)["keys"]["primary"]
        consumers = [
            Consumer(emulator.control, SECRET, CA_FILE),
            Consumer(emulator.control, SECRET, CA_FILE, cache_seconds=_GRACE_SECONDS * 0.6),
        ]
        with consumers[0], consumers[1]:
            emulator.call_control("PUT", "faults", CASES.get(name, []))
            started = start(emulator, {"gracePeriod": f"PT{_GRACE_SECONDS}S"})
            ended = result(emulator, started)
            told = revoked(emulator, started)
            for consumer in consumers:
                consumer.wait_for_probes(_PROBES)
        emulator.call_control("PUT", "faults", [])
        found = resource(emulator)
        durable = str(emulator.call_control("GET", "durable"))
        system_key = emulator.call_control("GET", "endpoints")["systemKey"]
        return Seen(
            started.text,
            ended.json,
            told,
            accepts(emulator, old),
            accepts(emulator, found["keys"]["secondary"]),
            regenerations(emulator),
            secret(emulator)["versions"],
            consumers,
            find_leaks(durable + emulator.output + started.text + ended.text, [*found["issuedKeys"], system_key]),
        )


NAMES = [*CASES, "a new key takes seconds to spread"]


@pytest.fixture(scope="module")
def cases() -> Iterator[dict[str, Seen | Exception]]:
    """Every case, each in an emulator of its own, four at a time."""

    def run(name: str) -> Seen | Exception:
        try:
            return _run(name)
        except (AssertionError, OSError) as error:
            return error

    with ThreadPoolExecutor(4) as pool:
        yield dict(zip(NAMES, pool.map(run, NAMES), strict=True))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_a_rotation_is_no_outage(cases: dict[str, Seen | Exception], name: str) -> None:
    """Succeeded, the old key proven dead, two regenerations in all, no secret in the state, and no probe refused."""
    seen = cases[name]
    if isinstance(seen, Exception):
        raise seen
    assert seen.ended["status"] == "Succeeded", seen.ended
    assert (seen.told["revocation"]["status"], seen.told["revocation"].get("proof")) == ("Done", "Dead"), seen.told
    assert (seen.old_accepted, seen.new_accepted) == (False, True)
    assert seen.regenerations == 2
    assert seen.versions[-1]["enabled"]
    for consumer in seen.consumers:
        assert consumer.failures == []
        assert consumer.probes >= _PROBES
    assert seen.leaks == []
