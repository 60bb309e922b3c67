"""What a regenerate, a step and an orchestration tell: spans, counts and lines, once each."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.clock import utc_now
from shared.errors import AppError, ArmRejected, DeadlineExceeded, UpstreamFailed
from shared.key_vault_errors import KeyVaultForbidden
from shared.parameters import KeyType
from shared.regeneration import Regeneration, Regenerator
from shared.rotation import announcing
from shared.rotation.activities import STEPS
from shared.rotation.model import Json
from tests.support.fakes import LEGACY_KEY, RESOURCE, FakeSleep, ScriptedKeyManagement, Step, access_key
from tests.support.orchestration import Durable, Run, regeneration, repair
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World
from tests.support.telemetry import Point, Telemetry, attributes, is_failed

SHARED = Path(__file__).resolve().parents[3] / "shared"
NEW = access_key(LEGACY_KEY)
REQUEST = Regeneration(resource=RESOURCE, key_type=KeyType.PRIMARY, request_id="r", trigger="event")


def regenerator(answer: Any, *, deadline: float = 30.0, sends: bool = True) -> Regenerator:
    """Return the use case on a management that answers so."""
    keys = ScriptedKeyManagement([Step(answer, sends=sends)])
    return Regenerator(keys=keys, deadline=deadline, sleep=FakeSleep())


async def test_a_regenerate_is_a_span_and_a_count(telemetry: Telemetry) -> None:
    """Which key of which resource, for whom, what came of it, and the new key's fingerprint."""
    await regenerator(NEW).regenerate(REQUEST)
    told = telemetry.only("regenerate_key")
    assert attributes(told) == {
        "acs.resource_id": str(RESOURCE),
        "acs.key_type": "Primary",
        "acs.trigger": "event",
        "acs.outcome": "Regenerated",
        "acs.fingerprint": NEW.fingerprint,
    }
    assert not is_failed(told)
    assert LEGACY_KEY not in told.to_json()
    counted = {"acs.key_type": "Primary", "acs.outcome": "Regenerated", "acs.trigger": "event"}
    assert telemetry.metrics()["acs.keys.regenerated"] == [(counted, 1)]


@pytest.mark.parametrize(
    ("answer", "deadline", "outcome", "code"),
    [
        (ArmRejected(403, "AuthorizationFailed", LEGACY_KEY), 30, "NotRegenerated", "AuthorizationFailed"),
        (RuntimeError(LEGACY_KEY), 30, "Unknown", "InternalServerError"),
        (asyncio.Event(), 0.01, "Unknown", DeadlineExceeded.code),
    ],
    ids=["refused", "defect", "deadline"],
)
async def test_a_regenerate_that_fails_says_what_has_become_of_the_key(
    telemetry: Telemetry, answer: Any, deadline: float, outcome: str, code: str
) -> None:
    """Span and count have the outcome and the error's code, and nothing of its message."""
    with pytest.raises(AppError):
        await regenerator(answer, deadline=deadline).regenerate(REQUEST)
    told = telemetry.only("regenerate_key")
    assert is_failed(told)
    assert (attributes(told)["acs.outcome"], attributes(told)["error.type"]) == (outcome, code)
    ((counted, number),) = telemetry.metrics()["acs.keys.regenerated"]
    assert (counted["acs.outcome"], counted["error.type"], number) == (outcome, code, 1)
    assert LEGACY_KEY not in telemetry.everything()


async def test_a_regenerate_that_is_cancelled_is_told(telemetry: Telemetry) -> None:
    """Nobody knows then what has become of the key."""
    task = asyncio.create_task(regenerator(asyncio.Event()).regenerate(REQUEST))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    told = attributes(telemetry.only("regenerate_key"))
    assert (told["acs.outcome"], told["error.type"]) == ("Unknown", "CancelledError")


async def test_every_step_of_a_rotation_is_a_span_under_the_rotations_id(quick: Quick, telemetry: Telemetry) -> None:
    """Activities alone have spans, of their own names; those of the revocation have the id of its rotation."""
    durable = Durable(quick(World("a")))
    await durable.rotate()
    assert {span.name for span in telemetry.spans} == {*STEPS, "regenerate_key"}
    steps = [attributes(span) for span in telemetry.spans if span.name != "regenerate_key"]
    assert {step["acs.rotation.id"] for step in steps} == {"r1"}
    assert {step["acs.resource_id"] for step in steps} == {str(RESOURCE)}
    for key in durable.world.cloud.issued:
        assert key not in telemetry.everything()


async def test_a_regenerate_belongs_to_its_step(quick: Quick, telemetry: Telemetry) -> None:
    """The use case's span is a child of the activity's."""
    durable = Durable(quick(World("a")))
    await durable.rotate(hold=True)
    parent, child = telemetry.only("regenerate_key_once"), telemetry.only("regenerate_key")
    assert child.parent is not None
    assert parent.context is not None
    assert child.parent.span_id == parent.context.span_id


@pytest.mark.parametrize(
    ("failure", "code"),
    [(UpstreamFailed("m"), "UpstreamError"), (RuntimeError(LEGACY_KEY), "RuntimeError")],
    ids=["ours", "a defect"],
)
async def test_a_step_that_answers_with_an_error_has_failed(
    telemetry: Telemetry, failure: Exception, code: str
) -> None:
    """It raises nothing, and its span says so all the same, by the code alone."""
    world = World("a")
    world.cloud.failures["list_keys"] = [failure]  # pyright: ignore[reportArgumentType]  # any exception will do
    answer = await world.step("inspect_resource", {"resourceId": str(RESOURCE), "instanceId": "r1-revoke"})
    assert "error" in answer
    told = telemetry.only("inspect_resource")
    assert is_failed(told)
    assert (attributes(told)["error.type"], attributes(told)["acs.rotation.id"]) == (code, "r1")
    assert LEGACY_KEY not in told.to_json()
    assert list(told.events) == []


async def test_telling_the_topic_is_a_span(telemetry: Telemetry) -> None:
    """What is published, about what, and whether it failed."""

    async def none() -> None:
        return None

    event: Json = {"id": "r1-revoke", "type": "CommunicationKey.Revoked", "resourceId": str(RESOURCE)}
    await announcing.publish_event(none, event)
    assert attributes(telemetry.only("publish_event")) == {
        "acs.resource_id": str(RESOURCE),
        "acs.rotation.id": "r1",
        "cloudevents.event_type": "CommunicationKey.Revoked",
    }


async def test_a_rotation_and_its_revocation_are_counted_once(quick: Quick, telemetry: Telemetry) -> None:
    """By plan, outcome and trigger; the delivery's duration once, and each regeneration with what caused it."""
    durable = Durable(quick(World("a", "b")))
    await durable.rotate()
    told = telemetry.metrics()
    assert told["acs.rotations"] == [
        ({"acs.operation": "Rotate", "acs.outcome": "Succeeded", "acs.trigger": "test", "acs.plan": "Rotate"}, 1)
    ]
    assert told["acs.revocations"] == [({"acs.outcome": "Done", "acs.proof": "Dead"}, 1)]
    assert by(told["acs.keys.regenerated"], "acs.key_type", "acs.trigger") == {
        ("Secondary", "test"): 1,
        ("Primary", "revocation"): 1,
    }
    assert len(told["acs.delivery.duration"]) == 1


async def test_a_forced_regenerate_measures_its_delivery_too(quick: Quick, telemetry: Telemetry) -> None:
    """It publishes what it has regenerated; without a published key there is no delivery to measure."""
    durable = Durable(quick(World("a")))
    durable.check = lambda: None
    durable.start("regenerate_key", "g1", regeneration("Secondary"))
    await durable.run()
    assert "acs.delivery.duration" not in telemetry.metrics()
    durable.start("regenerate_key", "g2", regeneration("Primary", force=True))
    await durable.run()
    told = telemetry.metrics()
    assert len(told["acs.delivery.duration"]) == 1
    assert by(told["acs.rotations"], "acs.operation", "acs.outcome") == {("Regenerate", "Succeeded"): 1}
    assert by(told["acs.keys.regenerated"], "acs.trigger") == {("test",): 1}


async def test_a_repair_measures_no_delivery(quick: Quick, telemetry: Telemetry) -> None:
    """It publishes a key that somebody else has regenerated, nobody knows when."""
    world = quick(World("a"))
    durable = Durable(world)
    durable.check = lambda: None
    world.cloud.rotate_from_outside(PRIMARY)
    durable.start("repair_secrets", "p1", repair())
    await durable.run()
    told = telemetry.metrics()
    assert "acs.delivery.duration" not in told
    assert by(told["acs.rotations"], "acs.operation", "acs.plan") == {("Repair", "Repair"): 1}


async def test_the_delivery_is_measured_from_the_regeneration(quick: Quick, telemetry: Telemetry) -> None:
    """A step that was begun anew an hour later counts the hour."""
    world = quick(World("a"))
    request: Json = {
        "resourceId": str(RESOURCE),
        "keyType": "Secondary",
        "fingerprint": world.cloud.fingerprint(SECONDARY),
        "replaces": [world.cloud.fingerprint(PRIMARY)],
        "create": False,
    }
    before = (utc_now() - timedelta(hours=1)).isoformat()
    await world.step("publish_key", request | {"regeneratedAt": before})
    ((_, seconds),) = telemetry.metrics()["acs.delivery.duration"]
    assert 3600 <= seconds < 3700


async def test_what_fails_is_counted_by_its_code(quick: Quick, telemetry: Telemetry) -> None:
    """A rotation that Key Vault denies, and a refused one."""
    world = quick(World("a"))
    durable = Durable(world)
    world.vault.failures["set", "a"] = KeyVaultForbidden("m")
    await durable.rotate(hold=True)
    await Durable(quick(World())).rotate(hold=True)
    told = by(telemetry.metrics()["acs.rotations"], "acs.outcome", "error.type")
    assert told == {("Failed", "KeyVaultForbidden"): 1, ("Canceled", "ActiveKeyUnknown"): 1}


async def test_a_revocation_that_is_called_off_is_counted_and_written_down(
    quick: Quick, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    """So that nobody takes it for one that is overdue."""
    durable = Durable(quick(World("a")))
    await durable.rotate(hold=True)
    durable.decide("r1-revoke", "cancel")
    with caplog.at_level(logging.INFO, "audit"):
        await durable.run()
    assert telemetry.metrics()["acs.revocations"] == [({"acs.outcome": "Canceled"}, 1)]
    (line,) = ends(caplog, "RevokeKey")
    assert (line["acs.outcome"], line["acs.rotation.id"]) == ("Canceled", "r1")


async def test_a_replay_counts_and_writes_nothing(
    quick: Quick, telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An orchestrator runs again and again; what it tells, it tells when it is no replay."""
    monkeypatch.setattr(Run, "is_replaying", True)
    durable = Durable(quick(World("a")))
    with caplog.at_level(logging.INFO, "audit"):
        await durable.rotate()
    assert {"acs.rotations", "acs.revocations"} & set(telemetry.metrics()) == set()
    assert ends(caplog, "RotateKey") == []


async def test_the_end_of_a_rotation_is_written_down(quick: Quick, caplog: pytest.LogCaptureFixture) -> None:
    """With its plan, the new key, and when the old one is due to end; then the end of that."""
    durable = Durable(quick(World("a")))
    with caplog.at_level(logging.INFO, "audit"):
        view = await durable.rotate()
    (rotated,), (revoked,) = ends(caplog, "RotateKey"), ends(caplog, "RevokeKey")
    assert rotated == {
        "acs.action": "RotateKey",
        "acs.outcome": "Succeeded",
        "acs.resource_id": str(RESOURCE),
        "acs.rotation.id": "r1",
        "acs.plan": "Rotate",
        "acs.fingerprint": view["fingerprints"]["new"],
        "acs.revocation.status": "Scheduled",
        "acs.revocation.at": view["revocation"]["at"],
    }
    assert revoked == {
        "acs.action": "RevokeKey",
        "acs.outcome": "Done",
        "acs.resource_id": str(RESOURCE),
        "acs.rotation.id": "r1",
        "acs.key_type": "Primary",
        "acs.fingerprint": view["fingerprints"]["old"],
        "acs.proof": "Dead",
    }


def test_orchestrators_open_no_span() -> None:
    """They run again and again: each replay would tell a span anew."""
    for name in ("workflow", "moves", "steps", "revocation", "entity", "guard", "endings"):
        assert "telemetry.spans" not in (SHARED / "rotation" / f"{name}.py").read_text("utf-8")


def by(points: list[Point], *names: str) -> dict[tuple[Any, ...], float]:
    """Return the sums by some attributes."""
    sums: dict[tuple[Any, ...], float] = {}
    for told, value in points:
        key = tuple(told.get(name) for name in names)
        sums[key] = sums.get(key, 0) + value
    return sums


def ends(caplog: pytest.LogCaptureFixture, action: str) -> list[dict[str, Any]]:
    """Return the attributes of the audit's lines of an action that has ended."""
    told = [
        {name: value for name, value in vars(record).items() if name.startswith(("acs.", "error.", "http."))}
        for record in caplog.records
        if record.name == "audit"
    ]
    over = ("Succeeded", "Failed", "Canceled", "Done")
    return [each for each in told if each["acs.action"] == action and each["acs.outcome"] in over]
