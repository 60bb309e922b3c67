"""The timer with the real orchestrators: whatever was cut short ends well without an event, and then there is peace."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.errors import AppError, ArmRejected
from shared.key_vault_errors import KeyVaultForbidden
from shared.resource_id import AllowList, Scope
from shared.rotation import guard
from shared.rotation.findings import Summary
from shared.rotation.guard import revocation_id
from shared.rotation.reconcile import Reconciler, Watched
from tests.support.durable_bridge import EngineOf
from tests.support.orchestration import GUARD_KEY, Action, Durable, Run, rotation
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World
from tests.support.vault import RESOURCE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Loop:
    """A resource, its orchestrations, and the timer that runs every hour. A rotation's grace is an hour."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.durable = Durable(world)
        # what was broken from outside is dead until it is repaired
        self.durable.check = lambda: None
        self.reconciler = Reconciler(
            engine=EngineOf(self.durable),
            watched=Watched(
                url="https://vault.example",
                vault=world.vault,
                keys=world.cloud,
                allowed=AllowList([Scope.parse(str(RESOURCE))]),
                grace=HOUR,
            ),
            announce=False,
            retention=90 * DAY,
            now=world.clock,
        )

    async def turn(self, every: timedelta = HOUR) -> Summary:
        """Let the timer run, then everything that it has started, to its end; return what it found."""
        summary = await self.reconciler.run()
        await self.durable.run()
        self.world.clock.tick(every)
        return summary

    async def until_peace(self, turns: int = 12) -> list[Summary]:
        """Let the timer run until it finds nothing to be done three times; return what it found."""
        found: list[Summary] = []
        while len(found) < turns:
            found.append(await self.turn())
            if [each.sound for each in found[-3:]] == [1, 1, 1]:
                return found
        raise AssertionError(f"no peace in {turns} turns: {found}")

    def require_order(self) -> None:
        """Fail unless all secrets publish one live key, and nobody holds the resource."""
        assert self.world.cloud.live(self.world.active)
        assert self.durable.guards.get(GUARD_KEY, guard.empty())["holder"] is None


@pytest.mark.parametrize("at", range(24))
async def test_a_rotation_that_is_terminated_anywhere_leaves_nothing_undone(quick: Quick, at: int) -> None:
    """Its claim is taken, secrets that it left apart are brought together, no consumer loses its key early, and a key
    that all have left dies."""
    world = quick(World("a", "b"))
    loop = Loop(world)
    old = world.active
    loop.durable.check = lambda: (world.require_live(), world.require_grace())[0]

    async def terminate(run: Run, action: Action) -> None:
        del action
        if loop.durable.actions_done == at + 1 and run.instance_id == "r1":
            loop.durable.terminate("r1")

    loop.durable.after = terminate
    loop.durable.start("rotate_key", "r1", rotation())
    await loop.durable.run(until=lambda: loop.durable.runs["r1"].ended)
    await loop.until_peace()
    loop.require_order()
    assert (world.active == old) is world.cloud.live(old)


@pytest.mark.parametrize("revoke", [True, False])
async def test_a_rotation_that_fails_before_it_hands_the_old_key_over_is_seen_to(quick: Quick, revoke: bool) -> None:
    """Somebody does by hand what it could not: the old key dies after its grace period, if it was to die."""
    world = quick(World("a", "b"))
    loop = Loop(world)
    loop.durable.check = lambda: (world.require_live(), world.require_grace())[0]
    old = world.active
    world.vault.failures["set", "b"] = KeyVaultForbidden("no", target="b")
    loop.durable.start("rotate_key", "r1", rotation(revoke=revoke))
    await loop.durable.run(until=lambda: loop.durable.runs["r1"].ended)
    world.vault.failures.clear()
    world.clock.tick(HOUR / 2)
    world.vault.put("b", world.cloud.keys[SECONDARY], tag="Secondary")
    world.require_live()
    await loop.until_peace()
    loop.require_order()
    assert world.active != old
    assert world.cloud.live(old) is not revoke


@pytest.mark.parametrize("at", range(12))
async def test_a_revocation_that_is_terminated_anywhere_is_taken_up(quick: Quick, at: int) -> None:
    """The old key dies all the same, is proven dead, and its secret version is disabled."""
    world = quick(World("a"))
    loop = Loop(world)
    old = world.active
    id_ = revocation_id("r1")
    loop.durable.start("rotate_key", "r1", rotation())
    await loop.durable.run(until=lambda: loop.durable.runs["r1"].ended)
    begun = loop.durable.actions_done

    async def terminate(run: Run, action: Action) -> None:
        del action
        if loop.durable.actions_done == begun + at and run.instance_id == id_:
            loop.durable.terminate(id_)

    loop.durable.after = terminate
    if at == 0:
        loop.durable.terminate(id_)
        world.clock.tick(2 * HOUR)
    await loop.durable.run()
    await loop.until_peace()
    loop.require_order()
    assert not world.cloud.live(old)
    assert world.cloud.regenerated.count(PRIMARY) == 1


async def test_a_key_that_secrets_have_left_late_has_its_grace_before_it_is_revoked(quick: Quick) -> None:
    """Somebody rolled back, so that the revocation failed, and forward again days later: consumers hold the old key."""
    world = quick(World("a"))
    loop = Loop(world)
    loop.durable.check = lambda: (world.require_live(), world.require_grace())[0]
    old = world.active
    await loop.durable.rotate(hold=True)
    world.vault.put("a", old)
    world.require_live()
    await loop.durable.run()
    assert world.cloud.live(old)
    world.clock.tick(2 * DAY)
    world.vault.put("a", world.cloud.keys[SECONDARY], tag="Secondary")
    world.require_live()
    await loop.until_peace()
    loop.require_order()
    assert not world.cloud.live(old)


async def test_a_revocation_that_fails_is_tried_until_it_is_done(quick: Quick) -> None:
    """By repairs that come ever more seldom, while the key in use stays as it is."""
    world = quick(World("a"))
    loop = Loop(world)
    old = world.active
    loop.durable.start("rotate_key", "r1", rotation())
    await loop.durable.run(until=lambda: loop.durable.runs["r1"].ended)
    refusal: AppError = ArmRejected(409, "Conflict", "Something else is going on.")
    world.cloud.failures["regenerate_key"] = [refusal] * 3
    await loop.durable.run()
    active = world.active
    assert world.cloud.live(old)
    found = await loop.until_peace(20)
    assert sum(each.repairs for each in found) == 3
    assert not world.cloud.live(old)
    assert world.active == active
    loop.require_order()


async def test_a_key_regenerated_unseen_is_repaired_by_the_next_run(quick: Quick) -> None:
    """ARM's event got lost."""
    world = quick(World("a", "b"))
    loop = Loop(world)
    new = world.cloud.rotate_from_outside(PRIMARY)
    found = await loop.until_peace()
    assert [each.repairs for each in found] == [1, 0, 0, 0]
    assert world.vault.published() == {"a": new, "b": new}
    loop.require_order()


async def test_disagreement_ends_and_the_old_key_dies(quick: Quick) -> None:
    """The newer key is published everywhere, and the other one revoked after its grace."""
    world = quick(World("a"))
    loop = Loop(world)
    old = world.active
    world.vault.put("b", world.cloud.keys[SECONDARY], tag="Secondary")
    found = await loop.until_peace()
    assert sum(each.repairs for each in found) == 1
    assert world.active == world.cloud.keys[SECONDARY]
    assert not world.cloud.live(old)
    loop.require_order()


async def test_without_any_event_a_resource_is_rotated_each_sixty_days(quick: Quick) -> None:
    """A version is valid for ninety days and due thirty days before; the timer alone does it, once each time."""
    world = quick(World("a", "b"))
    loop = Loop(world)
    for name in "ab":
        due = replace(world.vault.versions[name][-1], expires_on=world.clock.now + 30 * DAY)
        world.vault.versions[name][-1] = due
    rotated = [day for day in range(200) if (await loop.turn(DAY)).rotations]
    assert rotated == [0, 60, 120, 180]
    assert [len(world.vault.versions[name]) for name in "ab"] == [5, 5]
    assert len(world.cloud.regenerated) == 8
    loop.require_order()


async def test_what_nobody_can_mend_is_tried_once_a_day_and_costs_no_peace_elsewhere(quick: Quick) -> None:
    """A secret without a slot: each attempt fails and says so, and mending its tag ends it at the next run."""
    world = quick(World())
    world.vault.put("a", "no key at all", tag="")
    loop = Loop(world)
    found = [await loop.turn() for _ in range(24 * 7)]
    assert sum(each.repairs for each in found) == 6 + 6
    assert {run.output["error"]["code"] for run in loop.durable.runs.values() if run.output} == {"ActiveKeyUnknown"}
    tags = {"CredentialId": "Primary", "ProviderAddress": str(RESOURCE)}
    world.vault.versions["a"][-1] = replace(world.vault.versions["a"][-1], tags=tags)
    await loop.until_peace()
    assert world.vault.published() == {"a": world.cloud.keys[PRIMARY]}
