"""A rotation while others meddle: keys regenerated, secrets edited, orchestrations terminated, at every single step."""

from datetime import timedelta
from itertools import count, takewhile

import pytest

from shared.parameters import KeyType
from tests.support.orchestration import Action, Durable, Run, rotation
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World

# of a rotation with its revocation; the first test holds it
ACTIONS = 18
EVERY_ACTION = range(ACTIONS)


async def test_every_action_is_meddled_with(quick: Quick) -> None:
    """The numbers that the tests below count through cover the whole run."""
    world = quick(World("a"))
    durable = Durable(world)
    await durable.rotate()
    assert durable.actions_done == ACTIONS


@pytest.mark.parametrize("at", EVERY_ACTION)
@pytest.mark.parametrize("key_type", [PRIMARY, SECONDARY])
async def test_a_key_regenerated_from_outside_is_never_left_published(quick: Quick, key_type: KeyType, at: int) -> None:
    """Whenever somebody regenerates a key by hand, no dead key is published, and the next rotation mends the rest."""
    world = quick(World("a"))

    async def meddle(run: Run, action: Action) -> None:
        del run, action
        if durable.actions_done == at + 1:
            world.cloud.rotate_from_outside(key_type)
            broken.update(name for name, key in world.vault.published().items() if not world.cloud.live(key))

    broken: set[str] = set()
    durable = Durable(world, after=meddle)
    # what is broken from outside is nobody's fault here; only a dead key that we publish anew would be
    published: list[str] = []

    def check() -> None:
        for name, versions in world.vault.versions.items():
            if versions[-1].version not in published:
                published.append(versions[-1].version)
                assert name in broken or world.cloud.live(versions[-1].key.reveal())

    durable.check = check
    await durable.rotate()
    assert durable.holder() is None
    world.clock.tick(timedelta(hours=2))
    last = await durable.rotate("r2", hold=True)
    assert last["status"] == "Succeeded"
    assert world.cloud.live(world.active)


@pytest.mark.parametrize("at", EVERY_ACTION)
@pytest.mark.parametrize("to", [PRIMARY, SECONDARY])
async def test_a_secret_set_by_hand_never_loses_its_key(quick: Quick, to: KeyType, at: int) -> None:
    """Whenever somebody lets a secret publish either key, that key is not regenerated while it stands there."""
    world = quick(World("a", "b"))

    async def meddle(run: Run, action: Action) -> None:
        del run, action
        if durable.actions_done == at + 1:
            world.vault.put("b", world.cloud.keys[to], tag=to)

    durable = Durable(world, after=meddle)
    await durable.rotate()
    world.require_live()
    assert durable.holder() is None


@pytest.mark.parametrize("at", EVERY_ACTION)
async def test_the_old_key_published_again_survives_its_revocation(quick: Quick, at: int) -> None:
    """Somebody rolls back to the old key: whatever the revocation does, consumers keep a live key."""
    world = quick(World("a"))
    old = world.cloud.keys[PRIMARY]

    async def meddle(run: Run, action: Action) -> None:
        del run, action
        if durable.actions_done == at + 1 and world.cloud.live(old):
            world.vault.put("a", old)

    durable = Durable(world, after=meddle)
    await durable.rotate()
    world.require_live()


@pytest.mark.parametrize("at", EVERY_ACTION)
@pytest.mark.parametrize("supersede", [False, True])
async def test_whoever_is_terminated_leaves_nobody_without_a_key(quick: Quick, at: int, supersede: bool) -> None:
    """Whoever acts is terminated after any of its actions: the next one goes on, and every grace holds."""
    world = quick(World("a", "b"))

    async def meddle(run: Run, action: Action) -> None:
        del action
        if durable.actions_done >= at + 1 and not run.ended and not terminated:
            durable.terminate(run.instance_id)
            terminated.append(run.instance_id)

    terminated: list[str] = []
    durable = Durable(world, after=meddle)
    durable.start("rotate_key", "r1", rotation())
    await durable.run()
    durable.after = None
    instead_of = terminated[0] if terminated else None
    second = await durable.rotate("r2", instead_of=instead_of, supersede=supersede, hold=True)
    world.require_live()
    if not supersede:
        world.require_grace()
    assert second["status"] == "Succeeded" or second["error"]["code"] in ("GracePending", "SecretsDisagreed")
    await durable.run()
    world.require_live()


async def test_a_new_key_regenerated_from_outside_after_its_publication_is_mended(quick: Quick) -> None:
    """The check after the publication finds a dead key and publishes the live one; the result tells that one."""
    world = quick(World("a"))

    async def meddle(run: Run, action: Action) -> None:
        del run
        if action.name == "publish_key" and len(world.cloud.issued) == 3:
            world.cloud.rotate_from_outside(SECONDARY)

    durable = Durable(world, after=meddle)
    durable.check = lambda: None
    output = await durable.rotate(hold=True)
    assert (output["status"], output["plan"]) == ("Succeeded", "Rotate")
    assert output["fingerprints"]["new"] == world.cloud.fingerprint(SECONDARY)
    assert world.active == world.cloud.keys[SECONDARY]
    await durable.run()
    revoked = durable.runs["r1-revoke"].output
    assert revoked is not None
    assert (revoked["status"], revoked["proof"]) == ("Done", "Dead")


async def test_a_secret_that_was_set_by_hand_in_the_midst_is_no_success(quick: Quick) -> None:
    """One of the secrets does not publish the new key at the end: Failed, and the old key lives on."""
    world = quick(World("a", "b"))
    old = world.cloud.keys[PRIMARY]

    async def meddle(run: Run, action: Action) -> None:
        del run
        if action.name == "publish_key":
            world.vault.put("b", old)

    durable = Durable(world, after=meddle)
    output = await durable.rotate()
    assert (output["status"], output["error"]["code"]) == ("Failed", "SecretsDisagreed")
    assert list(durable.runs) == ["r1"]
    assert world.cloud.live(old)


async def test_a_repair_that_is_overtaken_looks_again(quick: Quick) -> None:
    """The key that was to be published is regenerated before it is: the repair starts over with the one that lives."""
    world = World("a")
    world.vault.put("a", "dead" * 22)
    quick(world)
    turns = count()

    async def meddle(run: Run, action: Action) -> None:
        del run
        if action.name == "inspect_resource" and next(turns) < 2:
            world.cloud.rotate_from_outside(PRIMARY)

    durable = Durable(world, after=meddle)
    durable.check = lambda: None
    assert (await durable.rotate(hold=True))["status"] == "Succeeded"


async def test_meddling_without_end_is_given_up(quick: Quick) -> None:
    """Keys that change at each look end the rotation: it does not fight for ever."""
    world = World("a")
    world.vault.put("a", "dead" * 22)
    quick(world)

    async def meddle(run: Run, action: Action) -> None:
        del run
        if action.name == "inspect_resource":
            world.cloud.rotate_from_outside(PRIMARY)

    durable = Durable(world, after=meddle)
    durable.check = lambda: None
    output = await durable.rotate()
    assert (output["status"], output["error"]["code"]) == ("Failed", "SecretsDisagreed")
    assert len(list(takewhile(lambda action: action.kind, durable.runs["r1"].actions))) < 40
