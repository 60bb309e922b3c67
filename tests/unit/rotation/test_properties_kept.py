"""What the properties have found, each in its shortest form, so that it stays mended."""

from datetime import timedelta

from shared.errors import UpstreamFailed
from shared.key_vault_errors import KeyVaultForbidden
from tests.support.interleaving import Interleaved
from tests.support.orchestration import Durable, rotation
from tests.support.rotation import GRACE, PRIMARY, SECONDARY, Quick, World


async def test_a_grace_that_was_promised_is_not_shortened_by_who_brings_the_secrets_together(quick: Quick) -> None:
    """One secret left the old key for an hour; the request that moves the other one gives none, and the hour holds."""
    world = quick(World("a", "b"))
    old = world.cloud.keys[PRIMARY]
    durable = Durable(world)
    world.vault.failures["set", "b"] = KeyVaultForbidden("Denied.")
    assert (await durable.rotate("r1", hold=True))["status"] == "Failed"
    del world.vault.failures["set", "b"]
    left = world.clock.now
    output = await durable.rotate("r2", hold=True, grace=timedelta(0))
    assert (output["plan"], output["error"]["code"]) == ("Converge", "SecretsDisagreed")
    await durable.run(until=lambda: not world.cloud.live(old))
    assert world.clock.now >= left + GRACE - timedelta(minutes=1)


async def test_the_old_key_that_somebody_publishes_again_keeps_its_grace(quick: Quick) -> None:
    """Rolled back by hand and rotated away from once more, without a grace: the one that was promised before holds."""
    world = quick(World("a"))
    old = world.cloud.keys[PRIMARY]
    durable = Durable(world)
    await durable.rotate("r1", hold=True)
    promised = world.clock.now + GRACE
    world.vault.put("a", old)
    await durable.rotate("r2", hold=True, grace=timedelta(0))
    assert world.active != old
    await durable.run(until=lambda: not world.cloud.live(old))
    assert world.clock.now >= promised - timedelta(minutes=1)


async def test_what_supersedes_ends_the_grace_of_the_key_that_it_leaves(quick: Quick) -> None:
    """A leak: the key in use, put back by hand during its grace, gets the time that the request gives: none."""
    world = quick(World("a"))
    old = world.cloud.keys[PRIMARY]
    durable = Durable(world)
    await durable.rotate("r1", hold=True)
    promised = world.clock.now + GRACE
    world.vault.put("a", old)
    await durable.rotate("r2", hold=True, grace=timedelta(0), supersede=True)
    await durable.run(until=lambda: not world.cloud.live(old))
    assert world.clock.now < promised - timedelta(minutes=30)


async def test_who_comes_back_after_its_claim_ended_takes_no_key_that_is_in_grace_since(quick: Quick) -> None:
    """An outage keeps a rotation from trying again for hours, another one rotates: the first one finds a grace."""
    world = quick(World("a"))
    old = world.active
    durable = Interleaved(world)
    world.cloud.failures["list_keys"] = [UpstreamFailed("ARM failed.")]
    first = durable.start("rotate_key", "r1", rotation())
    await durable.act(0)
    await durable.act(0)
    durable.outage(timedelta(hours=2))
    second = durable.start("rotate_key", "r2", rotation())
    while not second.ended:
        await durable.act([run is second for run, _ in durable.ready()].index(True))
    await durable.rest(world.clock.now)
    assert first.output is not None
    assert (first.output["status"], first.output["error"]["code"]) == ("Canceled", "GracePending")
    assert world.cloud.live(old)
    assert len(world.cloud.regenerated) == 1


async def test_who_was_overtaken_after_its_claim_ended_forgets_no_grace(quick: Quick) -> None:
    """An outage right before a rotation hands the old key over; another one rotates on: its grace is the one noted."""
    world = quick(World("a"))
    durable = Interleaved(world)
    first = durable.start("rotate_key", "r1", rotation())
    while not any(each.name.endswith("schedule") and each.input["revocation"] for each in first.open()):
        await durable.act(0)
    durable.outage(timedelta(hours=2))
    left = world.cloud.fingerprint(SECONDARY)
    second = durable.start("rotate_key", "r2", rotation())
    while not second.ended:
        await durable.act([run is second for run, _ in durable.ready()].index(True))
    assert second.output is not None
    assert second.output["status"] == "Succeeded"
    await durable.rest(world.clock.now)
    assert first.output is not None
    assert (first.output["status"], first.output["error"]["code"]) == ("Failed", "RotationInProgress")
    assert first.output["error"]["additionalInfo"][0]["info"] == {"id": "r2"}
    assert first.output["revocation"] == {"status": "NotRequested"}
    pending = durable.pending()
    assert pending is not None
    assert (pending["fingerprint"], pending["revocationId"]) == (left, "r2-revoke")
    assert "r1-revoke" not in durable.runs
