"""How often the vault is listed: once for an orchestration, whose later looks read by name what the first one found."""

from datetime import timedelta

import pytest

from shared.key_vault_errors import KeyVaultUnavailable
from shared.parameters import KeyType
from shared.rotation.model import LISTING_LASTS, Json, Listing
from tests.support.orchestration import Action, Durable, Run, regeneration, repair
from tests.support.rotation import EPOCH, PRIMARY, SECONDARY, Quick, World

DEFAULT = "MyCommunicationResource-connection-string"


def inputs(run: Run, *names: str) -> list[Json]:
    """Return what the activities of those names were given, in order."""
    return [action.input for action in run.actions if action.kind == "activity" and action.name in names]


@pytest.mark.parametrize("secrets", [("a",), ("a", "b", "c")])
async def test_a_rotation_lists_once(quick: Quick, secrets: tuple[str, ...]) -> None:
    """The first look finds the names, and each later step is told them; the revocation, days later, lists itself."""
    world = quick(World(*secrets))
    durable = Durable(world)
    assert (await durable.rotate(hold=True))["status"] == "Succeeded"
    assert world.vault.listings == 1
    first, *later = inputs(durable.runs["r1"], "inspect_resource", "regenerate_key_once", "publish_key")
    assert "names" not in first
    assert [each["names"] for each in later] == [list(secrets)] * 3
    await durable.run()
    revoked = durable.runs["r1-revoke"].output
    assert revoked is not None
    assert revoked["status"] == "Done"
    assert world.vault.listings == 2


async def test_an_adoption_lists_once(quick: Quick) -> None:
    """No secret is there: none is told of, and the one that is created is looked at by its name."""
    world = quick(World())
    durable = Durable(world)
    assert (await durable.rotate(active_key="Primary", hold=True))["plan"] == "Adopt"
    assert world.vault.listings == 1
    later = inputs(durable.runs["r1"], "inspect_resource", "regenerate_key_once", "publish_key")[1:]
    assert [each["names"] for each in later] == [[], [], [DEFAULT]]


@pytest.mark.parametrize("broken", [PRIMARY, SECONDARY])
async def test_a_repair_lists_once(quick: Quick, broken: KeyType) -> None:
    """From the look without a claim to the one after the publication; also within a rotation."""
    world = World("a", "b")
    world.vault.put("a", "dead" * 22, tag=broken)
    quick(world)
    durable = Durable(world)
    durable.check = lambda: None
    durable.start("repair_secrets", "e1", repair())
    await durable.run()
    assert world.vault.listings == 1
    world.vault.put("b", "dead" * 22)
    await durable.rotate(hold=True)
    assert world.vault.listings == 2


async def test_a_regeneration_lists_before_and_after(quick: Quick) -> None:
    """Its answer says where the key is published, also where that was done in the midst of it."""
    world = quick(World("a"))
    durable = Durable(world)
    durable.start("regenerate_key", "g1", regeneration("Secondary"))
    await durable.run()
    assert world.vault.listings == 2


async def test_a_step_that_was_tried_for_long_lists_again(quick: Quick) -> None:
    """Within a minute of the listing an attempt is told the names, later ones find what was tagged meanwhile."""
    world = quick(World("a"))
    failure = KeyVaultUnavailable("m", doubtful=False, headers={"Retry-After": "40"})
    durable = Durable(world)

    async def meddle(run: Run, action: Action) -> None:
        if action.name == "inspect_resource":
            world.cloud.failures["list_keys"] = [failure] * 2
        if action.kind == "timer" and run.name == "rotate_key" and "new" not in world.vault.versions:
            world.vault.put("new", world.cloud.keys[SECONDARY])

    durable.after = meddle
    output = await durable.rotate(hold=True)
    assert (output["status"], output["error"]["code"]) == ("Failed", "KeyInUse")
    told = [each.get("names") for each in inputs(durable.runs["r1"], "regenerate_key_once")]
    assert told == [["a"], ["a"], None]
    assert world.vault.listings == 2
    assert world.cloud.regenerated == []


async def test_a_look_by_name_makes_a_listing_no_younger(quick: Quick) -> None:
    """Two steps of forty seconds each, and a look by name between them: the listing counts from its own time."""
    world = World("a")
    world.vault.put("a", "dead" * 22)
    quick(world)
    failure = KeyVaultUnavailable("m", doubtful=False, headers={"Retry-After": "40"})
    durable = Durable(world)

    async def meddle(run: Run, action: Action) -> None:
        if action.name == "inspect_resource" and run.name == "rotate_key" and not world.cloud.regenerated:
            world.cloud.failures["list_keys"] = [failure]

    durable.after = meddle
    durable.check = lambda: None
    assert (await durable.rotate(hold=True))["status"] == "Succeeded"
    looks = inputs(durable.runs["r1"], "inspect_resource", "regenerate_key_once")
    assert [each.get("names") for each in looks[:4]] == [None, ["a"], ["a"], None]


async def test_a_first_look_that_was_tried_for_long_is_as_old_as_its_last_attempt(quick: Quick) -> None:
    """What counts is when the attempt was made that found the names."""
    world = quick(World("a"))
    world.vault.failures["list", ""] = failure = KeyVaultUnavailable("m", doubtful=False, headers={"Retry-After": "90"})
    durable = Durable(world)

    async def meddle(run: Run, action: Action) -> None:
        if action.kind == "timer" and run.name == "rotate_key":
            world.vault.failures.clear()

    durable.after = meddle
    assert failure.retriable
    assert (await durable.rotate(hold=True))["status"] == "Succeeded"
    assert world.vault.listings == 2


@pytest.mark.parametrize("key_type", [PRIMARY, SECONDARY])
@pytest.mark.parametrize("at", range(10))
async def test_a_secret_that_is_tagged_in_the_midst_is_seen_by_the_next_look(
    quick: Quick, key_type: KeyType, at: int
) -> None:
    """At whatever step it comes: the repair that ARM's event starts, or the revocation, leaves it a live key."""
    world = quick(World("a"))

    async def meddle(run: Run, action: Action) -> None:
        del run, action
        if durable.actions_done == at + 1:
            world.vault.put("new", world.cloud.keys[key_type], tag=key_type)

    durable = Durable(world, after=meddle)
    # between the listing and the regeneration nobody sees it: its key may die, for as long as the event takes
    durable.check = lambda: None
    await durable.rotate(hold=True)
    durable.after = None
    durable.start("repair_secrets", "e1", repair())
    await durable.run(until=lambda: durable.runs["e1"].ended)
    durable.check = world.require_live
    await durable.run()
    world.require_live()


def test_a_listing_grows_with_what_is_published_and_lasts_a_minute() -> None:
    """The names are sorted, each once; after the minute nothing is told."""
    listing = Listing(frozenset("ba"), EPOCH).including(["c", "a"])
    assert listing.known(EPOCH + LISTING_LASTS) == {"names": ["a", "b", "c"]}
    assert listing.known(EPOCH + LISTING_LASTS + timedelta(seconds=1)) == {}
    assert Listing(frozenset(), EPOCH).known(EPOCH) == {"names": []}
