"""The end of the old key: who decides, who is first, and what happens where the key was overtaken."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.conflicts import KeyInUse
from shared.key_vault_errors import KeyVaultForbidden, KeyVaultUnavailable
from shared.redaction import Secret
from shared.rotation.model import Json
from tests.support.orchestration import Action, Durable, Run, rotation
from tests.support.rotation import GRACE, PRIMARY, SECONDARY, Quick, World


async def waiting(quick: Quick, *secrets: str, grace: timedelta = GRACE) -> tuple[World, Durable]:
    """Return a world after a rotation, whose old key is in grace."""
    world = quick(World(*(secrets or ("a",))))
    durable = Durable(world)
    assert (await durable.rotate(hold=True, grace=grace))["status"] == "Succeeded"
    return world, durable


def told(durable: Durable, rotation_id: str = "r1") -> Json:
    """Return the output of a rotation's revocation."""
    output = durable.runs[f"{rotation_id}-revoke"].output
    assert output is not None
    return output


async def test_a_decision_to_revoke_ends_the_grace_at_once(quick: Quick) -> None:
    """`revoke`: the old key is dead long before its time."""
    world, durable = await waiting(quick)
    durable.decide("r1-revoke", "revoke")
    await durable.run()
    assert (told(durable)["status"], told(durable)["proof"], told(durable)["decision"]) == ("Done", "Dead", "revoke")
    assert world.cloud.regenerated == [SECONDARY, PRIMARY]
    assert durable.pending() is None


async def test_a_decision_to_cancel_lets_the_old_key_live(quick: Quick) -> None:
    """`cancel`: nothing is regenerated, now or at the end of the grace period, which still hinders a rotation."""
    world, durable = await waiting(quick)
    old = world.cloud.keys[PRIMARY]
    durable.decide("r1-revoke", "cancel")
    await durable.run(until=lambda: durable.runs["r1-revoke"].ended)
    assert told(durable)["status"] == "Canceled"
    assert (await durable.rotate("r2", hold=True))["error"]["code"] == "GracePending"
    world.clock.tick(GRACE)
    assert world.cloud.live(old)
    assert world.cloud.regenerated == [SECONDARY]
    assert (await durable.rotate("r3", hold=True))["status"] == "Succeeded"
    world.require_grace()


@pytest.mark.parametrize(("first", "status"), [("revoke", "Done"), ("cancel", "Canceled")])
async def test_the_first_decision_counts(quick: Quick, first: str, status: str) -> None:
    """Two decisions one after the other: the second one goes nowhere."""
    _, durable = await waiting(quick)
    durable.decide("r1-revoke", first)
    durable.decide("r1-revoke", "cancel" if first == "revoke" else "revoke")
    await durable.run()
    assert told(durable)["status"] == status


async def test_a_decision_before_the_wait_is_found_by_it(quick: Quick) -> None:
    """An event that is there already decides at once."""
    world = quick(World("a"))
    durable = Durable(world)

    async def early(run: Run, action: Action) -> None:
        if action.kind == "entity" and action.name.endswith("schedule") and "r1-revoke" in durable.runs:
            durable.decide("r1-revoke", "cancel")
            del run

    durable.after = early
    await durable.rotate()
    assert told(durable)["status"] == "Canceled"


async def test_a_decision_after_the_time_is_none(quick: Quick) -> None:
    """Once the grace period is over, nothing can be decided."""
    world, durable = await waiting(quick)
    revocation = durable.runs["r1-revoke"]
    await durable.run(until=lambda: "decision" in revocation.statuses[-1])
    durable.decide("r1-revoke", "cancel")
    await durable.run()
    assert (told(durable)["status"], told(durable)["decision"]) == ("Done", "due")
    assert not world.cloud.live(world.cloud.issued[0])


async def test_it_waits_for_whoever_holds_the_resource(quick: Quick) -> None:
    """A holder that died keeps the revocation waiting until the claim ends, and no longer."""
    world, durable = await waiting(quick)
    durable.start("rotate_key", "r2", rotation(supersede=True))
    await durable.run(until=lambda: (durable.holder() or {}).get("id") == "r2")
    durable.terminate("r2")
    durable.decide("r1-revoke", "revoke")
    held_at = world.clock.now
    await durable.run()
    assert told(durable)["status"] == "Done"
    assert world.clock.now >= held_at + timedelta(hours=1)


async def test_a_key_that_is_published_again_is_not_revoked(quick: Quick) -> None:
    """Somebody went back to the old key: the revocation fails and says which secret publishes it."""
    world, durable = await waiting(quick)
    world.vault.put("a", world.cloud.keys[PRIMARY])
    await durable.run()
    assert (told(durable)["status"], told(durable)["error"]["code"]) == ("Failed", KeyInUse.code)
    assert "status" not in told(durable)["error"]
    assert world.cloud.regenerated == [SECONDARY]
    assert (durable.holder(), durable.pending()) == (None, None)


async def test_a_revocation_needs_no_secret_that_can_be_published(quick: Quick) -> None:
    """A secret that nobody could publish a key in does not keep the old key alive."""
    world, durable = await waiting(quick)
    world.vault.put("odd", "no key")
    world.vault.versions["odd"] = [replace(world.vault.versions["odd"][0], value=Secret('{"json": true}'))]
    durable.check = lambda: None
    await durable.run(until=lambda: durable.runs["r1-revoke"].ended)
    assert told(durable)["status"] == "Done"


async def test_converging_back_to_the_old_key_cancels_its_revocation(quick: Quick) -> None:
    """One secret went back to the old key and is the newer one: all follow it, and it is not revoked."""
    world, durable = await waiting(quick, "a", "b")
    old = world.cloud.keys[PRIMARY]
    world.vault.put("b", old)
    output = await durable.rotate("r2", hold=True)
    assert output["error"]["code"] == "SecretsDisagreed"
    assert world.active == old
    await durable.run()
    assert told(durable, "r1")["status"] == "Canceled"
    assert told(durable, "r2")["status"] == "Done"
    assert world.cloud.live(old)
    assert world.cloud.regenerated == [SECONDARY, SECONDARY]
    world.require_grace()


async def test_a_revocation_on_its_way_sees_that_it_was_overtaken(quick: Quick) -> None:
    """Its time came while a rotation held the resource and gave the key a new grace: that one counts."""
    grace = timedelta(minutes=30)
    world, durable = await waiting(quick, "a", "b", grace=grace)
    world.vault.put("b", world.cloud.keys[PRIMARY])
    # newer than the one that went back: the resource converges on the new key, and the old one begins a new grace
    world.vault.put("a", world.cloud.keys[SECONDARY], tag="Secondary")
    world.require_live()
    second = durable.start("rotate_key", "r2", rotation(grace=grace))
    await durable.run(until=lambda: (durable.holder() or {}).get("id") == "r2")
    world.clock.tick(grace)
    revocation = durable.runs["r1-revoke"]
    timer = next(each for each in revocation.open() if each.kind == "timer")
    revocation.complete(timer, None, world.clock.now)
    await durable.run(until=lambda: second.ended and revocation.ended)
    assert told(durable, "r1") == {
        "status": "Canceled",
        "at": told(durable, "r1")["at"],
        "decision": "due",
    }
    assert world.cloud.regenerated == [SECONDARY]
    world.require_grace(grace)
    await durable.run()
    assert told(durable, "r2")["status"] == "Done"
    world.require_grace(grace)


async def test_a_revocation_that_fails_lets_the_resource_go(quick: Quick) -> None:
    """Key Vault stays away for long: Failed, with the error; the next rotation is free to take the key."""
    world, durable = await waiting(quick)
    world.vault.failures["list", ""] = KeyVaultUnavailable("m", doubtful=False)
    await durable.run()
    assert (told(durable)["status"], told(durable)["error"]["code"]) == ("Failed", "KeyVaultUnavailable")
    assert (durable.holder(), durable.pending()) == (None, None)
    world.vault.failures.clear()
    assert (await durable.rotate("r2", hold=True))["status"] == "Succeeded"


@pytest.mark.parametrize("failing", ["version", "disable"])
async def test_a_failure_after_the_old_key_was_regenerated_says_so(quick: Quick, failing: str) -> None:
    """The proof cannot be had, or its version not be disabled: Failed, and told that the key is regenerated."""
    world, durable = await waiting(quick)
    world.vault.failures[failing, "a"] = KeyVaultForbidden("m")
    await durable.run()
    assert (told(durable)["status"], told(durable)["error"]["code"]) == ("Failed", "KeyVaultForbidden")
    assert told(durable)["error"]["additionalInfo"] == [
        {"type": "RegenerationOutcome", "info": {"outcome": "Regenerated"}}
    ]


async def test_what_was_decided_is_shown_while_it_acts(quick: Quick) -> None:
    """The custom status tells that there is nothing left to decide, and what was decided."""
    _, durable = await waiting(quick)
    durable.decide("r1-revoke", "revoke")
    assert durable.runs["r1-revoke"].statuses[-1]["decision"] == "revoke"
    assert durable.runs["r1-revoke"].statuses[-1]["stage"] == "Revoking"
