"""The steps one by one: what they look at, what they change, and that they change it once."""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import ArmRejected, NotConfigured, Problem, RegenerationOutcome, UpstreamFailed
from shared.parameters import KeyType
from shared.redaction import AccessKey, Secret
from shared.resource_id import ResourceId
from shared.rotation import activities, blueprint
from shared.rotation.activities import STEPS, Steps
from shared.rotation.model import Json
from tests.support.orchestration import RESOURCE_ID
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World
from tests.support.vault import OTHER

REGENERATE: Json = {"published": False, "delivers": True, "create": False, "instanceId": "r1"}


async def take(world: World, name: str, **request: Any) -> Json:
    """Take a step and return what stands under `ok`."""
    answer = await world.step(name, {"resourceId": RESOURCE_ID, **request})
    assert "ok" in answer, answer
    return answer["ok"]


async def fail(world: World, name: str, **request: Any) -> Json:
    """Take a step and return its error."""
    answer = await world.step(name, {"resourceId": RESOURCE_ID} | request)
    assert "error" in answer, answer
    return answer["error"]


def test_the_names_are_those_that_histories_know() -> None:
    """An activity that is renamed breaks every rotation that is on its way."""
    assert (
        set(STEPS)
        == {*blueprint.STEPS}
        == {
            "inspect_resource",
            "regenerate_key_once",
            "prove_alive",
            "publish_key",
            "prove_dead",
            "disable_superseded",
        }
    )


async def test_an_inspection_tells_fingerprints_alone() -> None:
    """Both keys, and what each secret publishes with its tag and date; no key."""
    world = World("a", "b", tag="Secondary")
    found = await take(world, "inspect_resource")
    assert found["keys"] == {
        "Primary": world.cloud.fingerprint(PRIMARY),
        "Secondary": world.cloud.fingerprint(SECONDARY),
    }
    assert [(each["name"], each["fingerprint"], each["keyType"]) for each in found["secrets"]] == [
        (name, world.cloud.fingerprint(PRIMARY), "Secondary") for name in "ab"
    ]
    assert not any(key in str(found) for key in world.cloud.issued)


@pytest.mark.parametrize("name", sorted(STEPS))
async def test_a_resource_that_is_not_allowed_is_not_touched(name: str) -> None:
    """Whoever started it, and whatever was allowed then: ARM and the vault are not asked, and it is not tried again."""
    world = World("a")
    error = await fail(world, name, resourceId=str(OTHER), keyType="Secondary", expected="sha256:0", **REGENERATE)
    assert (error["code"], error["retriable"]) == ("ResourceNotAllowed", False)
    assert (world.vault.listings, world.cloud.regenerated) == (0, [])


async def test_half_an_answer_of_arm_is_none() -> None:
    """listKeys without one of the keys decides nothing: it is asked again."""
    world = World("a")
    del world.cloud.keys[SECONDARY]
    error = await fail(world, "inspect_resource")
    assert (error["code"], error["retriable"]) == ("UpstreamResponseInvalid", True)


async def test_a_key_is_regenerated_if_it_is_the_expected_one() -> None:
    """The answer is that of the routes, redacted, with the new fingerprint."""
    world = World("a")
    done = await take(
        world, "regenerate_key_once", keyType="Secondary", expected=world.cloud.fingerprint(SECONDARY), **REGENERATE
    )
    assert done["fingerprint"] == world.cloud.fingerprint(SECONDARY) == done["answer"]["fingerprint"]
    assert world.cloud.regenerated == [SECONDARY]


async def test_a_key_that_has_changed_is_done_already() -> None:
    """The same step again finds another fingerprint than the expected one, and changes nothing."""
    world = World("a")
    step = REGENERATE | {"keyType": "Secondary", "expected": world.cloud.fingerprint(SECONDARY)}
    assert (await take(world, "regenerate_key_once", **step))["fingerprint"] == world.cloud.fingerprint(SECONDARY)
    assert (await take(world, "regenerate_key_once", **step))["fingerprint"] == world.cloud.fingerprint(SECONDARY)
    assert world.cloud.regenerated == [SECONDARY]


async def test_a_key_that_a_secret_holds_is_left_alone() -> None:
    """Read right before: KeyInUse names the secret; nothing is asked of ARM."""
    world = World("a")
    error = await fail(
        world, "regenerate_key_once", keyType="Primary", expected=world.cloud.fingerprint(PRIMARY), **REGENERATE
    )
    assert (error["code"], error["retriable"]) == ("KeyInUse", False)
    assert world.cloud.regenerated == []


async def test_a_key_that_is_to_be_taken_from_its_secrets_is_regenerated() -> None:
    """Forced: whoever publishes it, it goes."""
    world = World("a")
    step = REGENERATE | {"keyType": "Primary", "expected": world.cloud.fingerprint(PRIMARY), "published": True}
    await take(world, "regenerate_key_once", **step)
    assert world.cloud.regenerated == [PRIMARY]


async def test_another_run_that_was_faster_is_no_error() -> None:
    """Two runs of one step: the slower one finds at the last moment that the key is another one, and agrees."""
    world = World("a")
    expected = world.cloud.fingerprint(SECONDARY)
    listed = world.cloud.list_keys

    async def overtaken(resource: ResourceId, *, request_id: str) -> Mapping[KeyType, AccessKey]:
        if world.vault.listings:
            world.cloud.rotate_from_outside(SECONDARY)
            world.vault.listings = 0
        return await listed(resource, request_id=request_id)

    world.cloud.list_keys = overtaken  # pyright: ignore[reportAttributeAccessIssue]  # a stand-in for the method
    done = await take(world, "regenerate_key_once", keyType="Secondary", expected=expected, **REGENERATE)
    assert done["fingerprint"] == world.cloud.fingerprint(SECONDARY) != expected
    assert world.cloud.regenerated == []


@pytest.mark.parametrize("names", [["a", "b"], None])
@pytest.mark.parametrize("delivers", [True, False])
async def test_secrets_are_read_again_before_a_second_call(names: list[str] | None, delivers: bool) -> None:
    """A call with an unknown outcome is watched for seconds; a key that somebody publishes meanwhile is left alone."""
    world = World("a", "b")
    old = world.cloud.keys[SECONDARY]
    lost = UpstreamFailed("m", outcome=RegenerationOutcome.UNKNOWN)
    world.cloud.failures["regenerate_key"] = [lost]
    listed = world.cloud.list_keys

    async def meddled(resource: ResourceId, *, request_id: str) -> Mapping[KeyType, AccessKey]:
        # the watch after the lost answer
        if not world.cloud.failures["regenerate_key"]:
            world.vault.put("b", old, tag="Secondary")
        return await listed(resource, request_id=request_id)

    world.cloud.list_keys = meddled  # pyright: ignore[reportAttributeAccessIssue]  # a stand-in for the method
    step = REGENERATE | {"keyType": "Secondary", "expected": world.cloud.fingerprint(SECONDARY), "delivers": delivers}
    error = await fail(world, "regenerate_key_once", **step | ({"names": names} if names else {}))
    assert error["code"] == lost.code
    assert world.cloud.regenerated == []
    assert world.vault.listings == (0 if names else 1)


async def test_what_hinders_a_delivery_is_found_first() -> None:
    """A secret of a format of its own: the error comes before the key is gone, unless nothing is to be delivered."""
    world = World("a")
    odd = world.vault.versions["a"][-1]
    world.vault.versions["a"] = [replace(odd, value=Secret('{"json": true}'))]
    step = {"keyType": "Secondary", "expected": world.cloud.fingerprint(SECONDARY)}
    error = await fail(world, "regenerate_key_once", **REGENERATE | step)
    assert error["code"] == "SecretFormatUnknown"
    assert world.cloud.regenerated == []
    await take(world, "regenerate_key_once", **REGENERATE | step | {"delivers": False})
    assert world.cloud.regenerated == [SECONDARY]


async def publish(world: World, key_type: KeyType, *replaces: str, create: bool = False) -> list[Json]:
    """Publish a key in the secrets that publish one of these fingerprints."""
    step = {"keyType": key_type.value, "fingerprint": world.cloud.fingerprint(key_type)}
    return (await take(world, "publish_key", **step, replaces=list(replaces), create=create))["secrets"]


async def test_a_key_is_published_over_what_was_expected() -> None:
    """The secrets that publish the old key get the new one; each tells the version before."""
    world = World("a", "b")
    before = [world.vault.versions[name][-1].id for name in "ab"]
    published = await publish(world, SECONDARY, world.cloud.fingerprint(PRIMARY))
    assert [each["supersededId"] for each in published] == before
    assert world.active == world.cloud.keys[SECONDARY]


async def test_a_validity_that_is_too_short_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    """The secret is published all the same, for the default time, and its owner is told in the log."""
    world = World("a")
    [before] = world.vault.versions["a"]
    world.vault.versions["a"] = [replace(before, tags={**before.tags, "ValidityPeriodDays": "30"})]
    assert len(await publish(world, SECONDARY, world.cloud.fingerprint(PRIMARY))) == 1
    assert world.vault.versions["a"][-1].tags["ValidityPeriodDays"] == "90"
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line.startswith("secret a: The tag ValidityPeriodDays says 30")


@pytest.mark.parametrize(("error", "outcome"), [(ArmRejected(403, "c", "m"), "NotRegenerated"), (None, "Regenerated")])
async def test_each_regeneration_has_its_line_in_the_audit(
    caplog: pytest.LogCaptureFixture, error: ArmRejected | None, outcome: str
) -> None:
    """Whatever came of it, under the id of its orchestration."""
    world = World("a")
    world.cloud.failures["regenerate_key"] = [error] if error is not None else []
    step = REGENERATE | {"keyType": "Secondary", "expected": world.cloud.fingerprint(SECONDARY)}
    with caplog.at_level(logging.INFO):
        await world.step("regenerate_key_once", {"resourceId": RESOURCE_ID, **step})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "audit"]
    told = json.loads(line.removeprefix("audit "))
    assert (told["action"], told["outcome"], told["instanceId"]) == ("RegenerateKey", outcome, "r1")


async def test_publishing_again_changes_nothing() -> None:
    """The second run finds the value in its place, and tells the same versions."""
    world = World("a")
    once = await publish(world, SECONDARY, world.cloud.fingerprint(PRIMARY))
    assert await publish(world, SECONDARY, world.cloud.fingerprint(PRIMARY)) == once
    assert world.vault.sets == 1


async def test_a_secret_that_publishes_something_else_is_left_alone() -> None:
    """It was set since that was decided: a step that comes late undoes nothing."""
    world = World("a", "b")
    old = world.cloud.fingerprint(PRIMARY)
    world.vault.put("b", "by hand" * 10)
    assert [each["name"] for each in await publish(world, SECONDARY, old)] == ["a"]
    assert world.vault.published()["b"] == "by hand" * 10


@pytest.mark.parametrize("create", [True, False])
async def test_a_secret_is_created_where_that_was_asked(create: bool) -> None:
    """Only an adoption creates one."""
    world = World()
    published = await publish(world, SECONDARY, create=create)
    assert [each["name"] for each in published] == ["MyCommunicationResource-connection-string"] * create
    if create:
        assert await publish(world, SECONDARY, create=True) == published


@pytest.mark.parametrize("name", ["prove_alive", "publish_key"])
async def test_a_key_that_is_another_one_by_now_is_not_published(quick: Quick, name: str) -> None:
    """Neither proof nor publication takes another key than the one that was decided on."""
    world = quick(World("a"))
    step: Json = {"keyType": "Secondary", "fingerprint": "sha256:0123456789abcdef", "replaces": [], "create": False}
    error = await fail(world, name, **step)
    assert (error["code"], error["retriable"]) == ("KeyChanged", False)
    assert world.vault.sets == 0


async def test_a_live_key_is_proven(quick: Quick) -> None:
    """The data plane accepts it."""
    world = quick(World("a"))
    step = {"keyType": "Secondary", "fingerprint": world.cloud.fingerprint(SECONDARY)}
    assert await take(world, "prove_alive", **step) == {}


async def test_a_dead_key_is_proven_by_the_version_that_held_it(quick: Quick) -> None:
    """Its value comes from the superseded version; as long as it is alive, there is no proof."""
    world = quick(World("a"))
    old = world.vault.versions["a"][-1]
    step = {"keyType": "Primary", "fingerprint": old.fingerprint, "superseded": [old.id]}
    error = await fail(world, "prove_dead", **step)
    assert (error["code"], error["retriable"]) == ("NotProven", True)
    world.cloud.rotate_from_outside(PRIMARY)
    assert await take(world, "prove_dead", **step) == {"proof": "Dead"}


@pytest.mark.parametrize(
    "superseded", [[], ["https://vault.example/secrets/a/gone"], ["https://vault.example/secrets/b/1"]]
)
async def test_a_dead_key_that_nobody_holds_cannot_be_proven(quick: Quick, superseded: list[str]) -> None:
    """No version, or none that holds it: Unavailable."""
    world = quick(World("a"))
    step = {"keyType": "Primary", "fingerprint": "sha256:0123456789abcdef", "superseded": superseded}
    assert await take(world, "prove_dead", **step) == {"proof": "Unavailable"}


async def test_superseded_versions_are_disabled_if_they_hold_the_dead_key() -> None:
    """Those of the dead key alone, and never the current one; the second time nothing is left to do."""
    world = World("a")
    first = world.vault.versions["a"][-1]
    world.vault.put("a", world.cloud.keys[SECONDARY])
    second = world.vault.versions["a"][-1]
    world.vault.put("a", world.cloud.keys[PRIMARY])
    third = world.vault.versions["a"][-1]
    step = {"fingerprint": first.fingerprint, "superseded": [first.id, second.id, third.id]}
    assert await take(world, "disable_superseded", **step) == {"disabled": [first.id]}
    assert await take(world, "disable_superseded", **step) == {"disabled": []}
    assert world.vault.enabled("a") == [False, True, True]


async def test_an_error_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    """An activity never raises: code, status, headers and retriable come as they are, and one warning is logged."""
    world = World("a")
    world.cloud.failures["list_keys"] = [ArmRejected(429, "TooManyRequests", "m", headers={"Retry-After": "7"})]
    error = await fail(world, "inspect_resource")
    assert (error["code"], error["status"], error["retriable"]) == ("TooManyRequests", 429, True)
    assert error["headers"] == {"Retry-After": "7"}
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_a_defect_is_an_answer_too(caplog: pytest.LogCaptureFixture) -> None:
    """An unexpected exception is logged, and nothing of it gets into a history."""
    world = World("a")
    error = await fail(world, "inspect_resource", resourceId="s3cr3t")
    assert (error["code"], error["status"], error["retriable"]) == ("InternalServerError", 500, False)
    assert "s3cr3t" not in str(error)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_missing_settings_are_an_answer() -> None:
    """The steps cannot be had: the error names what is missing."""

    async def steps() -> Steps:
        raise NotConfigured([Problem("MissingSetting", "m", "KEY_VAULT_URL")])

    answer = await activities.answer(steps, "inspect_resource", {"resourceId": RESOURCE_ID})
    assert answer["error"]["code"] == "NotConfigured"
