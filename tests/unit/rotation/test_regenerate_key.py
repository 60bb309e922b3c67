"""The regeneration of one key under the guard: what it refuses, what force does, and what it delivers."""

from dataclasses import replace
from typing import Any

import pytest

from shared.errors import AppError, ArmRejected, UpstreamFailed
from shared.key_vault_errors import KeyVaultForbidden, KeyVaultUnavailable
from shared.redaction import Secret
from shared.rotation.model import Json
from tests.support.orchestration import Action, Durable, Run, regeneration, rotation
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World


async def regenerate(durable: Durable, key_type: str, instance_id: str = "g1", **asked: Any) -> Json:
    """Regenerate a key and return the orchestration's output."""
    run = durable.start("regenerate_key", instance_id, regeneration(key_type, **asked))
    await durable.run(until=lambda: run.ended)
    assert run.output is not None
    return run.output


async def test_a_key_that_nobody_publishes_is_regenerated(quick: Quick) -> None:
    """The answer is that of the regenerate routes; there is nothing to deliver, and the guard is free again."""
    world = quick(World("a"))
    durable = Durable(world)
    output = await regenerate(durable, "Secondary")
    assert output["status"] == "Succeeded"
    assert output["answer"]["fingerprint"] == world.cloud.fingerprint(SECONDARY)
    assert output["answer"]["delivery"] == {"status": "NotPublished", "secrets": []}
    assert world.cloud.regenerated == [SECONDARY]
    assert durable.holder() is None


async def test_a_published_key_is_refused(quick: Quick) -> None:
    """Consumers hold it: KeyInUse with the secrets, and nothing changes."""
    world = quick(World("a"))
    output = await regenerate(Durable(world), "Primary")
    assert (output["status"], output["error"]["code"]) == ("Canceled", "KeyInUse")
    assert output["error"]["additionalInfo"][0]["info"]["secrets"] == [world.vault.versions["a"][-1].id]
    assert world.cloud.regenerated == []


async def test_a_key_in_grace_is_refused(quick: Quick) -> None:
    """Consumers may still hold it: GracePending with the time and the rotation."""
    world = quick(World("a"))
    durable = Durable(world)
    rotated = await durable.rotate(hold=True)
    output = await regenerate(durable, "Primary")
    assert (output["status"], output["error"]["code"]) == ("Canceled", "GracePending")
    info = output["error"]["additionalInfo"][0]["info"]
    assert info == {"at": rotated["revocation"]["at"], "id": "r1"}
    assert world.cloud.regenerated == [SECONDARY]


async def test_force_regenerates_a_published_key_and_publishes_it_at_once(quick: Quick) -> None:
    """The new key stands in every secret that published the old one, whatever their tags say."""
    world = quick(World("a", "b", tag="Secondary"))
    durable = Durable(world)
    durable.check = lambda: None
    output = await regenerate(durable, "Primary", force=True)
    assert world.active == world.cloud.keys[PRIMARY]
    assert output["answer"]["delivery"] == {
        "status": "Delivered",
        "secrets": [world.vault.versions[name][-1].id for name in "ab"],
    }
    assert world.cloud.regenerated == [PRIMARY]


async def test_force_on_a_key_in_grace_settles_its_revocation(quick: Quick) -> None:
    """The old key is dead before its time: its revocation only proves that."""
    world = quick(World("a"))
    durable = Durable(world)
    await durable.rotate(hold=True)
    assert (await regenerate(durable, "Primary", force=True))["status"] == "Succeeded"
    await durable.run()
    revoked = durable.runs["r1-revoke"].output
    assert revoked is not None
    assert (revoked["status"], revoked["proof"]) == ("Done", "Dead")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]


async def test_force_asks_first_whether_the_key_can_be_published(quick: Quick) -> None:
    """A secret in which nobody could publish the key is found before the key that it holds is gone."""
    world = quick(World("a", "b"))
    odd = world.vault.versions["b"][-1]
    world.vault.versions["b"] = [replace(odd, value=Secret('{"key": "' + world.cloud.keys[PRIMARY] + '"}'))]
    durable = Durable(world)
    durable.check = lambda: None
    output = await regenerate(durable, "Primary", force=True)
    assert (output["status"], output["error"]["code"]) == ("Failed", "SecretFormatUnknown")
    assert world.cloud.regenerated == []


async def test_a_publication_that_fails_is_told_in_the_delivery(quick: Quick) -> None:
    """The key is regenerated and not delivered: the answer says so, with the error."""
    world = quick(World("a"))
    world.vault.failures["set", "a"] = KeyVaultForbidden("no", target="a")
    durable = Durable(world)
    durable.check = lambda: None
    output = await regenerate(durable, "Primary", force=True)
    assert output["status"] == "Succeeded"
    delivery = output["answer"]["delivery"]
    assert (delivery["status"], delivery["secrets"], delivery["error"]["code"]) == ("Failed", [], "KeyVaultForbidden")
    assert not {"status", "headers", "retriable"} & delivery["error"].keys()


async def test_a_secret_that_publishes_the_key_at_the_last_moment_gets_the_new_one(quick: Quick) -> None:
    """Between the last look and the regeneration somebody published the key: the check afterwards finds it."""
    world = quick(World("a"))
    old = world.cloud.keys[SECONDARY]

    async def meddle(run: Run, action: Action) -> None:
        del run
        if action.name == "regenerate_key_once":
            world.vault.put("b", old, tag="Secondary")

    durable = Durable(world, after=meddle)
    durable.check = lambda: None
    output = await regenerate(durable, "Secondary")
    assert output["answer"]["delivery"]["status"] == "Delivered"
    world.require_live()


@pytest.mark.parametrize("force", [False, True])
async def test_if_match_is_held_against_the_key(quick: Quick, force: bool) -> None:
    """Another fingerprint: 412, and nothing is changed, force or not; the right one lets it pass."""
    world = quick(World("a"))
    durable = Durable(world)
    output = await regenerate(durable, "Secondary", if_match=["sha256:0123456789abcdef"], force=force)
    assert (output["status"], output["error"]["status"]) == ("Canceled", 412)
    assert world.cloud.regenerated == []
    output = await regenerate(durable, "Secondary", "g2", if_match=[world.cloud.fingerprint(SECONDARY)])
    assert output["status"] == "Succeeded"


async def test_it_does_not_run_beside_a_rotation(quick: Quick) -> None:
    """The guard lets one at a time change keys."""
    world = quick(World("a"))
    durable = Durable(world)
    durable.start("rotate_key", "r1", rotation())
    run = durable.start("regenerate_key", "g1", regeneration("Secondary"))
    await durable.run()
    assert run.output is not None
    assert run.output["error"]["code"] == "RotationInProgress"
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]


@pytest.mark.parametrize(
    ("operation", "error", "code"),
    [
        pytest.param("list_keys", ArmRejected(429, "TooManyRequests", "m"), "TooManyRequests", id="throttled"),
        pytest.param("regenerate_key", UpstreamFailed("m"), "UpstreamError", id="ARM fails"),
    ],
)
async def test_a_caller_that_waits_gets_the_error_at_once(
    quick: Quick, operation: str, error: AppError, code: str
) -> None:
    """What a synchronous call would answer is not waited for: the clients have tried more than once by then."""
    world = quick(World("a"))
    world.cloud.failures[operation] = [error] * 10
    durable = Durable(world)
    before = world.clock.now
    output = await regenerate(durable, "Secondary", source="http")
    assert (output["status"], output["error"]["code"]) == ("Failed", code)
    assert world.clock.now == before
    assert world.cloud.regenerated == []


async def test_without_key_vault_nothing_is_regenerated(quick: Quick) -> None:
    """The secrets cannot be read first, so nobody knows who holds the key: 503, at once."""
    world = quick(World("a"))
    world.vault.failures["list", ""] = KeyVaultUnavailable("m", doubtful=False)
    output = await regenerate(Durable(world), "Secondary", source="http")
    assert (output["error"]["code"], output["error"]["status"]) == ("KeyVaultUnavailable", 503)
    assert world.cloud.regenerated == []


async def test_an_event_is_more_patient(quick: Quick) -> None:
    """Nobody waits for it: what passes by itself is waited for."""
    world = quick(World("a"))
    world.cloud.failures["list_keys"] = [ArmRejected(429, "TooManyRequests", "m")] * 3
    assert (await regenerate(Durable(world), "Secondary", source="event"))["status"] == "Succeeded"


async def test_without_a_key_vault_only_the_key_is_regenerated(quick: Quick) -> None:
    """An app without a vault looks for no secret, says so, and tells its steps."""
    world = quick(World())
    durable = Durable(world)
    output = await regenerate(durable, "Primary", key_vault=False)
    assert output["answer"]["delivery"] == {"status": "NotConfigured", "secrets": []}
    assert world.cloud.regenerated == [PRIMARY]
    steps = [action.input for action in durable.runs["g1"].actions if action.kind == "activity"]
    assert {step["keyVault"] for step in steps} == {False}


async def test_one_that_waits_gets_its_turn(quick: Quick) -> None:
    """A regeneration that an event asks for waits for a rotation, and is then refused as any other."""
    world = quick(World("a"))
    durable = Durable(world)
    durable.start("rotate_key", "r1", rotation())
    run = durable.start("regenerate_key", "g1", regeneration("Primary") | {"waits": True})
    await durable.run(until=lambda: run.ended)
    assert run.output is not None
    assert run.output["error"]["code"] == "GracePending"
