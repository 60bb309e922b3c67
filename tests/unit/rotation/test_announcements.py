"""What an orchestration announces: which event, with what in it, and when nobody is told."""

import json
from typing import Any

import pytest

from shared.rotation import announcements
from shared.rotation.guard import revocation_id
from shared.rotation.model import Json, utc_text
from tests.support.announced import TELLINGS, Story, tell, told
from tests.support.fakes import CASK_KEY, LEGACY_KEY
from tests.support.leaks import find_leaks
from tests.support.orchestration import RESOURCE_ID
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World

AT = "2026-01-01T12:00:00Z"
REQUEST: Json = {"resourceId": RESOURCE_ID, "guardKey": "k", "source": "event", "reason": None}


def view(status: str, **members: object) -> Json:
    """Return the output of an orchestration."""
    return {
        "status": status,
        "stage": "Delivered",
        "plan": None,
        "resourceId": RESOURCE_ID,
        "activeKey": None,
        "fingerprints": {"new": None, "old": None},
        "secrets": [],
        "revocation": {"status": "NotRequested"},
        **members,
    }


def failed(status: str, code: str = "Code", message: str = "Message.") -> Json:
    """Return the output of one that ended with an error, as the orchestrators keep it."""
    return view(
        status,
        error={"code": code, "message": message, "status": 409, "headers": {}, "retriable": False, "details": []},
    )


def tellings(orchestrator: str, output: Json, **request: Any) -> Json | None:
    """Return what is announced."""
    return announcements.outcome(orchestrator, "i1", REQUEST | request, output, AT)


@pytest.mark.parametrize(
    ("orchestrator", "output", "source", "type_", "operation"),
    [
        ("rotate_key", view("Succeeded"), "http", "Rotated", "Rotate"),
        ("rotate_key", failed("Failed"), "http", "RotationFailed", "Rotate"),
        ("rotate_key", failed("Canceled"), "http", "RotationCanceled", "Rotate"),
        ("rotate_key", failed("Canceled", "GracePending"), "event", "RotationCanceled", "Rotate"),
        ("rotate_key", failed("Canceled", "StaleEvent"), "event", None, None),
        ("rotate_key", failed("Failed", "StaleEvent"), "event", "RotationFailed", "Rotate"),
        (
            "regenerate_key",
            view("Succeeded", answer={"delivery": {"status": "X"}}),
            "http",
            "Regenerated",
            "Regenerate",
        ),
        ("regenerate_key", failed("Failed"), "http", "RotationFailed", "Regenerate"),
        ("regenerate_key", failed("Canceled"), "event", "RotationCanceled", "Regenerate"),
        ("regenerate_key", failed("Canceled"), "http", None, None),
        ("repair_secrets", view("Succeeded", secrets=[{"id": "s"}]), "event", "Repaired", "Repair"),
        ("repair_secrets", view("Succeeded"), "event", None, None),
        ("repair_secrets", failed("Failed"), "timer", "RotationFailed", "Repair"),
        ("repair_secrets", failed("Canceled"), "timer", None, None),
        ("rotate_key", view("Running"), "http", None, None),
        ("announce_outcome", {"status": "Published"}, "", None, None),
        ("something_else", view("Succeeded"), "http", None, None),
    ],
)
def test_each_end_has_its_event_or_none(
    orchestrator: str, output: Json, source: str, type_: str | None, operation: str | None
) -> None:
    """The type is the contract's, and the operation says what it was about."""
    announced = tellings(orchestrator, output, source=source)
    assert (announced and announced["type"]) == (type_ and f"CommunicationKey.{type_}")
    assert (announced and announced["data"]["operation"]) == operation


@pytest.mark.parametrize(("status", "type_"), [("Done", "Revoked"), ("Failed", "RevocationFailed"), ("Canceled", None)])
def test_each_end_of_a_revocation_has_its_event_or_none(status: str, type_: str | None) -> None:
    """A revocation that was called off, or overtaken, changed nothing."""
    request: Json = {**REQUEST, "keyType": "Primary", "fingerprint": "sha256:1", "superseded": []}
    announced = announcements.outcome("revoke_key", revocation_id("r1"), request, {"status": status, "at": AT}, AT)
    assert (announced and announced["type"]) == (type_ and f"CommunicationKey.{type_}")


async def test_a_rotation_tells_which_key_is_in_use(quick: Quick) -> None:
    """Everything that a consumer needs to know of it, and no member that says nothing."""
    announced, world = await tell(quick, "Rotated", "a rotation")
    assert announced == {
        "id": "r1",
        "type": "CommunicationKey.Rotated",
        "resourceId": RESOURCE_ID,
        "time": announced["time"],
        "data": {
            "id": "r1",
            "operation": "Rotate",
            "resourceId": RESOURCE_ID,
            "activeKey": "Secondary",
            "plan": "Rotate",
            "fingerprints": {"new": world.cloud.fingerprint(SECONDARY), "old": world.cloud.fingerprint(PRIMARY)},
            "secrets": [world.vault.versions[name][-1].id for name in "ab"],
            "revocation": {"status": "Scheduled", "at": announced["data"]["revocation"]["at"]},
            "reason": "quarterly",
        },
    }
    kept, _ = await tell(quick, "Rotated", "without revocation")
    assert kept["data"]["revocation"] == {"status": "NotRequested"}


async def test_a_failure_tells_how_far_it_came(quick: Quick) -> None:
    """A new key that nobody may use yet has its fingerprint there; the error is code and message alone."""
    late, world = await tell(quick, "RotationFailed", "after the new key was made")
    assert late["data"]["fingerprints"]["new"] == world.cloud.fingerprint(SECONDARY)
    assert late["data"]["error"].keys() == {"code", "message"}
    assert late["data"]["error"]["code"] == "KeyVaultForbidden"
    early, _ = await tell(quick, "RotationFailed", "before anything changed")
    assert "new" not in early["data"]["fingerprints"]
    assert "secrets" not in early["data"]
    assert "revocation" not in early["data"]


async def test_a_regeneration_tells_what_became_of_its_delivery(quick: Quick) -> None:
    """Which key, its fingerprints, and whether consumers can have it."""
    forced, world = await tell(quick, "Regenerated", "by force")
    assert forced["data"]["keyType"] == "Primary"
    assert forced["data"]["fingerprints"]["new"] == world.cloud.fingerprint(PRIMARY)
    assert forced["data"]["delivery"] == {"status": "Delivered"}
    assert len(forced["data"]["secrets"]) == 2
    undelivered, _ = await tell(quick, "Regenerated", "that could not be published")
    assert undelivered["data"]["delivery"]["status"] == "Failed"
    assert undelivered["data"]["delivery"]["error"].keys() == {"code", "message"}
    direct, world = await tell(quick, "Regenerated", "directly")
    assert direct["id"] == direct["data"]["id"] == "6b1f9a3e-0000-4000-8000-000000000000"
    assert direct["time"] == utc_text(world.clock.now)
    assert direct["data"]["fingerprints"] == {"new": world.cloud.fingerprint(PRIMARY)}
    assert direct["data"]["delivery"] == {"status": "NotConfigured"}


async def test_a_revocation_is_told_under_its_rotations_id(quick: Quick) -> None:
    """The event has an id of its own; data names the rotation, the dead key and the versions that published it."""
    announced, world = await tell(quick, "Revoked", "with proof")
    assert (announced["id"], announced["data"]["id"]) == ("r1-revoke", "r1")
    assert announced["data"]["keyType"] == "Primary"
    assert announced["data"]["secrets"] == [world.vault.versions[name][0].id for name in "ab"]
    assert announced["data"]["fingerprints"].keys() == {"old"}
    assert announced["data"]["revocation"]["status"] == "Done"
    assert announced["data"]["revocation"]["proof"] == "Dead"
    unproven, _ = await tell(quick, "Revoked", "without proof")
    assert unproven["data"]["revocation"]["proof"] == "Unavailable"
    broken, _ = await tell(quick, "RevocationFailed", "at Key Vault")
    assert broken["data"]["error"]["code"] == "KeyVaultUnavailable"
    assert broken["data"]["revocation"]["status"] == "Failed"


async def test_the_same_end_is_the_same_announcement(quick: Quick) -> None:
    """An orchestrator that is replayed announces nothing else than before."""
    story = Story(quick(World("a")))
    run = await story.rotate()
    assert told(run) == told(run)


@pytest.mark.parametrize(("type_", "name"), TELLINGS)
async def test_no_announcement_holds_a_key(quick: Quick, type_: str, name: str) -> None:
    """Whatever happened, no key that was ever issued, no part of one, and no connection string is told."""
    announced, world = await tell(quick, type_, name)
    text = json.dumps(announced)
    assert find_leaks(text, world.cloud.issued) == []
    assert "accesskey" not in text.lower()
    assert "null" not in text


@pytest.mark.parametrize("secret", [LEGACY_KEY, CASK_KEY, f"accesskey={LEGACY_KEY}"])
def test_free_text_is_scrubbed_and_bounded(secret: str) -> None:
    """The words of errors and of callers hold no key, also where one would be cut in two, and fill no event."""
    output = failed("Failed", message="x" * 980 + f" {secret}")
    output["error"]["code"] = secret
    announced = tellings("rotate_key", output, reason=f"{secret} " * 500)
    assert announced is not None
    data = announced["data"]
    for text in (data["error"]["code"], data["error"]["message"], data["reason"]):
        assert find_leaks(text, [LEGACY_KEY, CASK_KEY]) == []
        assert len(text) <= 1_000


def test_half_a_surrogate_pair_is_not_passed_on() -> None:
    """Every text can be sent as UTF-8."""
    announced = tellings("rotate_key", failed("Failed", message="a\ud800b"), reason="\udfff")
    assert announced is not None
    assert (announced["data"]["error"]["message"], announced["data"]["reason"]) == ("a?b", "?")


def test_many_secrets_are_counted_rather_than_told() -> None:
    """The first hundred ids are named: an event stays below 64 KB, the unit in which Event Grid counts."""
    ids = [f"https://{'v' * 24}.vault.azure.net/secrets/{'s' * 127}/{number:032}" for number in range(2_000)]
    output = view("Succeeded", secrets=[{"id": id_, "name": "n"} for id_ in ids], fingerprints={"new": "a", "old": "b"})
    announced = tellings("rotate_key", output, reason="r" * 5_000)
    assert announced is not None
    assert announced["data"]["secrets"] == ids[:100]
    assert announced["data"]["secretsOmitted"] == 1_900
    assert len(json.dumps(announced)) < 48 * 1024
    exact = tellings("rotate_key", view("Succeeded", secrets=[{"id": id_} for id_ in ids[:100]]))
    assert exact is not None
    assert "secretsOmitted" not in exact["data"]
