"""A rotation from its start to the end of the old key: each row of the plan table, and what is left behind."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.key_vault_errors import KeyVaultForbidden
from shared.resource_id import AllowList
from tests.support.orchestration import Durable, rotation
from tests.support.rotation import GRACE, PRIMARY, SECONDARY, Quick, World
from tests.support.vault import OTHER, connected, secret


async def test_a_rotation_moves_consumers_to_the_other_key_and_ends_the_old_one(quick: Quick) -> None:
    """The other key is regenerated, proven and published; the old one lives on through its grace and is proven dead."""
    world = quick(World("a"))
    old, durable = world.cloud.keys[PRIMARY], Durable(world)
    output = await durable.rotate(hold=True)
    assert (output["status"], output["plan"], output["activeKey"]) == ("Succeeded", "Rotate", "Secondary")
    assert output["revocation"] == {"status": "Scheduled", "at": "2026-01-01T13:00:02Z"}
    assert output["fingerprints"]["new"] == world.cloud.fingerprint(SECONDARY)
    assert world.cloud.regenerated == [SECONDARY]
    assert world.active == world.cloud.keys[SECONDARY]
    assert world.cloud.live(old)
    assert durable.holder() is None
    await durable.run()
    assert ended(durable) == ("Done", "Dead")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]
    assert not world.cloud.live(old)
    assert world.vault.enabled("a") == [False, True]
    assert (durable.holder(), durable.pending()) == (None, None)
    world.require_grace()


async def test_rotations_take_turns(quick: Quick) -> None:
    """The next rotation goes back to the first slot, and no consumer ever holds a dead key."""
    world = quick(World("a", "b"))
    durable = Durable(world)
    for turn, active in enumerate((SECONDARY, PRIMARY, SECONDARY)):
        output = await durable.rotate(f"r{turn}")
        assert (output["status"], output["activeKey"]) == ("Succeeded", active)
        assert ended(durable, f"r{turn}") == ("Done", "Dead")
    assert len(world.cloud.regenerated) == 6
    world.require_grace()


async def test_every_secret_of_the_resource_is_published(quick: Quick) -> None:
    """Several secrets move together, and all their old versions are disabled at the end."""
    world = quick(World("a", "b", "c"))
    durable = Durable(world)
    output = await durable.rotate()
    assert [each["name"] for each in output["secrets"]] == ["a", "b", "c"]
    assert [world.vault.enabled(name) for name in "abc"] == [[False, True]] * 3


@pytest.mark.parametrize("secrets", [30, 300])
async def test_a_resource_may_have_many_secrets(quick: Quick, secrets: int) -> None:
    """What the status shows on the way has room for some; at the end all are told, and all their old versions die."""
    world = quick(World(*(f"a-secret-of-many-{number}" for number in range(secrets))))
    durable = Durable(world)
    output = await durable.rotate()
    assert (output["status"], len(output["secrets"])) == ("Succeeded", secrets)
    assert len(durable.runs["r1"].statuses[-1]["secrets"]) == (secrets if secrets == 30 else 0)
    assert (durable.runs["r1-revoke"].output or {})["status"] == "Done"
    assert [world.vault.enabled(name) for name in world.vault.versions] == [[False, True]] * secrets


async def test_a_wrong_tag_changes_nothing(quick: Quick) -> None:
    """The value decides which key is in use: a tag that names the other slot does not make it the one to regenerate."""
    world = quick(World("a", tag="Secondary"))
    output = await Durable(world).rotate(hold=True)
    assert (output["status"], output["activeKey"]) == ("Succeeded", "Secondary")
    assert world.cloud.regenerated == [SECONDARY]


async def test_a_secret_with_a_dead_key_is_repaired_first(quick: Quick) -> None:
    """A secret that publishes no live key gets the one of its slot, and is then rotated like the others."""
    world = World("a")
    world.vault.put("a", "dead" * 22)
    quick(world)
    durable = Durable(world)
    durable.check = lambda: None
    output = await durable.rotate()
    assert (output["status"], output["plan"]) == ("Succeeded", "Rotate")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]
    world.require_live()


async def test_after_a_repair_the_old_key_is_still_proven_dead_and_disabled(quick: Quick) -> None:
    """The version that the repair has set is the one that publishes the old key: it is found and disabled."""
    world = quick(World("a"))
    world.vault.put("a", "dead" * 22)
    durable = Durable(world)
    durable.check = lambda: None
    await durable.rotate()
    assert ended(durable) == ("Done", "Dead")
    # set by hand, dead, repaired, rotated: of ours, the repaired one published the key that was revoked
    assert world.vault.enabled("a") == [True, True, False, True]


async def test_secrets_that_disagree_converge_on_the_newer_one(quick: Quick) -> None:
    """Two live keys are published: the newer one goes everywhere, the other one gets its grace, nothing is rotated."""
    world = quick(World("a", "b"))
    world.vault.put("b", world.cloud.keys[SECONDARY], tag="Secondary")
    durable = Durable(world)
    output = await durable.rotate(hold=True)
    assert (output["status"], output["error"]["code"], output["plan"]) == ("Canceled", "SecretsDisagreed", "Converge")
    assert world.active == world.cloud.keys[SECONDARY]
    assert world.cloud.regenerated == []
    await durable.run()
    assert ended(durable) == ("Done", "Dead")
    assert world.cloud.regenerated == [PRIMARY]
    world.require_grace()


async def test_adopting_creates_the_secret(quick: Quick) -> None:
    """Without a secret the request says which key is in use; the other one is regenerated and published."""
    world = quick(World())
    durable = Durable(world)
    output = await durable.rotate(active_key="Primary")
    assert (output["status"], output["plan"], output["activeKey"]) == ("Succeeded", "Adopt", "Secondary")
    assert world.active == world.cloud.keys[SECONDARY]
    # no version ever published the old key, so nothing holds it that could be tried
    assert ended(durable) == ("Done", "Unavailable")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]


async def test_a_secret_that_cannot_be_created_is_found_out_before_anything_changes(quick: Quick) -> None:
    """The default name is somebody else's: the rotation fails, and no key was regenerated."""
    world = quick(World())
    name = "MyCommunicationResource-connection-string"
    other = secret(connected("x"), name=name, tags={"ProviderAddress": str(OTHER)})
    world.vault.versions[name] = [other]
    output = await Durable(world).rotate(active_key="Primary")
    assert (output["status"], output["error"]["code"]) == ("Failed", "SecretNotOurs")
    assert world.cloud.regenerated == []


async def test_without_a_secret_and_without_a_word_nothing_is_done(quick: Quick) -> None:
    """Nobody says which key is in use: neither is touched."""
    world = quick(World())
    output = await Durable(world).rotate()
    assert (output["status"], output["error"]["code"]) == ("Canceled", "ActiveKeyUnknown")
    assert world.cloud.regenerated == []


async def test_a_resource_that_is_not_allowed_any_more_is_refused(quick: Quick) -> None:
    """Whoever started it: it ends as canceled, with nothing touched."""
    world = quick(World("a"))
    world.steps = replace(world.steps, allowed=AllowList([]))
    output = await (durable := Durable(world)).rotate()
    assert (output["status"], output["error"]["code"]) == ("Canceled", "ResourceNotAllowed")
    assert (world.cloud.regenerated, world.vault.sets, durable.holder()) == ([], 0, None)


async def test_a_second_rotation_waits_for_the_grace_period(quick: Quick) -> None:
    """The other key is still in grace: refused, with the time, and nothing changes."""
    world = quick(World("a"))
    durable = Durable(world)
    first = await durable.rotate(hold=True)
    second = await durable.rotate("r2", hold=True)
    assert (second["status"], second["error"]["code"]) == ("Canceled", "GracePending")
    assert first["revocation"]["at"] in second["error"]["message"]
    assert world.cloud.regenerated == [SECONDARY]
    await durable.run()
    world.require_grace()


async def test_a_key_that_is_not_to_be_revoked_has_its_grace_all_the_same(quick: Quick) -> None:
    """With revoke=false the old key lives on for good, until a later rotation takes it, and never before its grace."""
    world = quick(World("a"))
    old, durable = world.cloud.keys[PRIMARY], Durable(world)
    output = await durable.rotate(revoke=False)
    assert output["revocation"] == {"status": "NotRequested"}
    assert list(durable.runs) == ["r1"]
    refused = await durable.rotate("r2", hold=True)
    assert refused["error"]["code"] == "GracePending"
    world.clock.tick(GRACE)
    assert world.cloud.live(old)
    assert (await durable.rotate("r3", hold=True))["status"] == "Succeeded"
    world.require_grace()


async def test_superseding_takes_the_key_in_grace_at_once(quick: Quick) -> None:
    """After a leak the key in grace is regenerated and published at once, and its own revocation only proves it."""
    world = quick(World("a"))
    first, durable = world.cloud.keys[PRIMARY], Durable(world)
    await durable.rotate(hold=True)
    leaked = world.active
    output = await durable.rotate("r2", supersede=True, grace=timedelta(0), hold=True)
    assert (output["status"], output["activeKey"]) == ("Succeeded", "Primary")
    assert not world.cloud.live(first)
    await durable.run()
    assert ended(durable, "r1") == ("Done", "Dead")
    assert ended(durable, "r2") == ("Done", "Dead")
    assert not world.cloud.live(leaked)
    assert world.cloud.regenerated == [SECONDARY, PRIMARY, SECONDARY]


async def test_a_grace_period_is_never_shorter_than_promised(quick: Quick) -> None:
    """Told in whole seconds, it is rounded up: consumers that have left in the midst of a second have all of it."""
    world = quick(World("a"))
    world.clock.tick(timedelta(milliseconds=900))
    durable = Durable(world)
    output = await durable.rotate()
    ((_, left),) = [each for each in world.left if world.cloud.live(each[0]) is False]
    assert datetime.fromisoformat(output["revocation"]["at"]) >= left + GRACE


async def test_a_grace_of_nothing_ends_at_once(quick: Quick) -> None:
    """gracePeriod PT0S: the old key is regenerated right after the new one is delivered."""
    world = quick(World("a"))
    durable = Durable(world)
    await durable.rotate(grace=timedelta(0))
    assert ended(durable) == ("Done", "Dead")
    assert world.clock.now < world.left[0][1] + timedelta(seconds=5)


async def test_another_holder_is_named_and_nothing_is_done(quick: Quick) -> None:
    """The guard refuses a second orchestration, with the id of the first."""
    world = quick(World("a"))
    durable = Durable(world)
    first = durable.start("rotate_key", "r1", rotation())
    await durable.run(until=lambda: durable.actions_done == 2)
    second = durable.start("rotate_key", "r2", rotation())
    await durable.run(until=lambda: second.ended)
    assert second.output is not None
    assert (second.output["status"], second.output["error"]["code"]) == ("Canceled", "RotationInProgress")
    assert second.output["error"]["additionalInfo"] == [{"type": "RotationHolder", "info": {"id": "r1"}}]
    await durable.run()
    assert first.output is not None
    assert first.output["status"] == "Succeeded"


async def test_a_holder_that_was_terminated_is_overtaken_by_whoever_knows(quick: Quick) -> None:
    """Who starts in the place of an ended holder gets the claim, without waiting for its end."""
    world = quick(World("a"))
    durable = Durable(world)
    durable.start("rotate_key", "r1", rotation())
    await durable.run(until=lambda: durable.actions_done == 2)
    durable.terminate("r1")
    assert (await durable.rotate("r2", hold=True))["error"]["code"] == "RotationInProgress"
    assert (await durable.rotate("r3", instead_of="r1", hold=True))["status"] == "Succeeded"


async def test_a_claim_that_somebody_else_has_taken_stops_the_change(quick: Quick) -> None:
    """Before a change the claim is renewed: whoever has lost it changes nothing any more."""
    world = quick(World("a"))
    durable = Durable(world)
    first = durable.start("rotate_key", "r1", rotation())
    await durable.run(until=lambda: durable.actions_done == 2)
    world.clock.tick(timedelta(hours=2))
    second = await durable.rotate("r2", hold=True)
    await durable.run(until=lambda: first.ended)
    outputs = {first.output["status"] if first.output else None, second["status"]}
    assert outputs == {"Failed", "Succeeded"} or outputs == {"Canceled", "Succeeded"}
    assert world.cloud.regenerated == [SECONDARY]


async def test_a_failed_publication_leaves_both_keys_alive(quick: Quick) -> None:
    """One of two secrets cannot be set: Failed, with the outcome; nobody loses a key, and the next one converges."""
    world = quick(World("a", "b"))
    world.vault.failures["set", "b"] = KeyVaultForbidden("no", target="b")
    durable = Durable(world)
    output = await durable.rotate(hold=True)
    assert (output["status"], output["error"]["code"], output["error"]["status"]) == (
        "Failed",
        "KeyVaultForbidden",
        403,
    )
    assert {"type": "RegenerationOutcome", "info": {"outcome": "Regenerated"}} in output["error"]["additionalInfo"]
    assert durable.holder() is None
    world.vault.failures.clear()
    second = await durable.rotate("r2")
    assert second["error"]["code"] == "SecretsDisagreed"
    assert len(set(world.vault.published().values())) == 1
    world.require_grace()


async def test_secrets_mended_by_hand_after_a_failure_do_not_cost_the_old_key_its_grace(quick: Quick) -> None:
    """The old key was protected before the first secret left it, so not even a later rotation takes it too early."""
    world = quick(World("a", "b"))
    world.vault.failures["set", "b"] = KeyVaultForbidden("no", target="b")
    durable = Durable(world)
    await durable.rotate(hold=True)
    world.vault.put("b", world.cloud.keys[SECONDARY], tag="Secondary")
    world.require_live()
    assert (await durable.rotate("r2", hold=True))["error"]["code"] == "GracePending"
    world.require_grace()


@pytest.mark.parametrize("asked", [{}, {"supersede": True}, {"revoke": False}], ids=str)
async def test_the_request_may_not_contradict_the_secrets(quick: Quick, asked: dict[str, Any]) -> None:
    """activeKey names a key that the secrets do not publish: refused, with the property as the target."""
    world = quick(World("a"))
    output = await Durable(world).rotate(active_key="Secondary", **asked)
    assert (output["status"], output["error"]["code"]) == ("Canceled", "SecretsDisagreed")
    assert output["error"]["target"] == "activeKey"
    assert world.cloud.regenerated == []


def ended(durable: Durable, rotation_id: str = "r1") -> tuple[str, str]:
    """Return how a rotation's revocation ended, and the proof."""
    output = durable.runs[f"{rotation_id}-revoke"].output
    assert output is not None
    return output["status"], output["proof"]


async def test_a_version_that_is_no_longer_current_is_not_rotated(quick: Quick) -> None:
    """An event about a version that is overtaken meanwhile is refused under the guard, and nothing is touched."""
    world = quick(World("a"))
    version = world.vault.versions["a"][-1].version
    world.vault.put("a", world.cloud.keys[PRIMARY])
    durable = Durable(world)
    output = await durable.rotate(secret=("a", version))
    assert (output["status"], output["error"]["code"]) == ("Canceled", "StaleEvent")
    assert world.cloud.regenerated == []
    assert len(world.vault.versions["a"]) == 2
    assert durable.holder() is None


async def test_a_version_that_had_to_be_repaired_first_is_rotated(quick: Quick) -> None:
    """The expiring secret publishes a dead key: it gets the live one, and the version that this made is not stale."""
    world = quick(World("a"))
    version = world.vault.versions["a"][-1].version
    world.cloud.rotate_from_outside(PRIMARY)
    durable = Durable(world)
    durable.check = lambda: None
    output = await durable.rotate(secret=("a", version), hold=True)
    assert (output["status"], output["activeKey"]) == ("Succeeded", "Secondary")
    assert world.active == world.cloud.keys[SECONDARY]


async def test_two_rotations_that_wait_take_turns(quick: Quick) -> None:
    """Events about two secrets of one resource at once: the second one waits, and then has nothing to do."""
    world = quick(World("a", "b"))
    durable = Durable(world)
    for name in "ab":
        version = world.vault.versions[name][-1].version
        durable.start("rotate_key", f"r-{name}", rotation(secret=(name, version), waits=True))
    await durable.run()
    first, second = (durable.runs[f"r-{name}"].output for name in "ab")
    assert first is not None
    assert second is not None
    assert first["status"] == "Succeeded"
    assert (second["status"], second["error"]["code"]) == ("Canceled", "StaleEvent")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]
    world.require_grace()
