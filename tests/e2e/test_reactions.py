"""The loop closes by itself: what happens in the cloud is answered by the app, once, and told without a key."""

import json
from collections.abc import Iterator

import pytest

from tests.support.emulator import Emulator
from tests.support.leaks import find_leaks
from tests.support.outside import SHORT_GRACE, running
from tests.support.reactions import (
    events,
    eventually,
    expire,
    instances,
    published,
    regenerate_outside,
    settled,
)
from tests.support.rotations import SECRET, accepts, regenerations, resource, secret


def _others(emulator: Emulator, count: int) -> None:
    """Make so many further resources beside the one that is there, each with a secret."""
    beside = resource(emulator)["resourceId"]
    for number in range(count):
        made = emulator.call_control("POST", "resources", {"resourceId": f"{beside}-{number}"})
        tags = {"CredentialId": "Primary", "ProviderAddress": made["resourceId"], "ValidityPeriodDays": "90"}
        body = {"name": f"other-{number}", "value": made["keys"]["primary"], "tags": tags}
        emulator.call_control("POST", "secrets", body)


@pytest.fixture
def alone() -> Iterator[Emulator]:
    """An app of its own: nothing is left in Durable's state by other tests. The old key's grace is three seconds."""
    with running(SHORT_GRACE) as app:
        yield app


def test_a_secret_near_its_expiry_is_rotated_once_and_redelivery_changes_nothing(alone: Emulator) -> None:
    """Key Vault's event rotates within seconds; the old key dies; every event again, and nothing happens."""
    before = resource(alone)["keys"]
    expire(alone)
    eventually(lambda: published(alone) != before["primary"], "the new key")
    assert published(alone) == resource(alone)["keys"]["secondary"]
    eventually(lambda: events(alone, "out", "CommunicationKey.Revoked"), "the revocation")
    settled(alone)
    assert not accepts(alone, before["primary"])
    assert regenerations(alone) == 2
    versions = secret(alone)["versions"]
    assert len(versions) == 3

    told = [each["type"] for each in events(alone, "out")]
    assert told == ["CommunicationKey.Rotated", "CommunicationKey.Revoked"]
    ran = [each["id"] for each in instances(alone)]
    for each in events(alone, "in"):
        alone.call_control("POST", f"events/{each['id']}/redeliver")
    settled(alone)
    assert regenerations(alone) == 2
    assert secret(alone)["versions"] == versions
    assert [each["type"] for each in events(alone, "out")] == told
    assert [each["id"] for each in instances(alone)] == ran


def test_a_key_regenerated_behind_our_back_is_repaired(alone: Emulator) -> None:
    """ARM's event makes the secret publish what is alive; the other key's regeneration changes nothing."""
    new = regenerate_outside(alone, "Primary")
    eventually(lambda: published(alone) == new, "the repair")
    eventually(lambda: events(alone, "out", "CommunicationKey.Repaired"), "the event that tells it")
    settled(alone)
    versions = len(secret(alone)["versions"])
    regenerate_outside(alone, "Secondary")
    settled(alone)
    assert published(alone) == new
    assert len(secret(alone)["versions"]) == versions == 2
    assert [each["type"] for each in events(alone, "out")] == ["CommunicationKey.Repaired"]
    assert regenerations(alone) == 2


def test_what_is_told_holds_no_key(alone: Emulator) -> None:
    """A rotation, a repair, a forced regeneration, a revocation: no key in any event that goes out, or in the log."""
    expire(alone)
    eventually(lambda: events(alone, "out", "CommunicationKey.Revoked"), "the revocation")
    regenerate_outside(alone, "Secondary")
    eventually(lambda: events(alone, "out", "CommunicationKey.Repaired"), "the repair")
    settled(alone)
    assert alone.post("/api/regenerateKey?force=true", {"keyType": "Secondary"}).status == 200
    eventually(lambda: events(alone, "out", "CommunicationKey.Regenerated"), "the regeneration")
    keys = resource(alone)["issuedKeys"]
    out = json.dumps(events(alone, "out"))
    assert find_leaks(out, keys) == []
    assert find_leaks(json.dumps(alone.call_control("GET", "durable")), keys) == []
    assert find_leaks(alone.output, keys) == []


def test_an_event_that_got_lost_is_made_up_for_by_the_timer(alone: Emulator) -> None:
    """While deliveries are held back, the timer finds the secret; the event, when it comes at last, finds that done."""
    before = resource(alone)["keys"]["primary"]
    alone.call_control("PUT", "events/delivery", {"held": True})
    version = expire(alone)
    assert alone.post("/admin/functions/reconcile", {}).status == 202
    eventually(lambda: published(alone) != before, "the new key")
    alone.call_control("PUT", "events/delivery", {"held": False})
    settled(alone)
    rotations = instances(alone, "rotate_key")
    assert len(rotations) == 1
    assert rotations[0]["input"]["secret"] == {"name": SECRET, "version": version}


def test_the_timer_waits_while_arm_throttles(alone: Emulator) -> None:
    """There is room for two resources at once and five ask: every one is looked at all the same."""
    _others(alone, 4)
    alone.call_control("PUT", "throttling", {"enabled": True, "capacity": 2, "refillPerSecond": 2})
    assert alone.post("/admin/functions/reconcile", {}).status == 202
    alone.wait_for("reconcile {")
    (line,) = [each for each in alone.output.splitlines() if "reconcile {" in each]
    found = json.loads(line.partition("reconcile ")[2])
    assert (found["resources"], found["sound"], found["failed"]) == (5, 5, 0)
    assert any(entry["status"] == 429 for entry in alone.call_control("GET", "requests"))


def test_without_a_key_vault_an_event_regenerates(direct: Emulator) -> None:
    """The simplest wiring: a request through a topic regenerates the key, once, and the result is told."""
    before = resource(direct)["keys"]["secondary"]
    told = {
        "specversion": "1.0",
        "id": "request-1",
        "source": "/somebody",
        "type": "CommunicationKey.RegenerateRequested",
        "data": {"keyType": "secondary"},
    }
    for _ in range(3):
        direct.call_control("POST", "events", told)
    eventually(lambda: resource(direct)["keys"]["secondary"] != before, "the new key")
    (out,) = eventually(lambda: events(direct, "out", "CommunicationKey.Regenerated"), "the event that tells it")
    settled(direct)
    assert regenerations(direct) == 1
    assert out["event"]["data"]["delivery"] == {"status": "NotConfigured"}
