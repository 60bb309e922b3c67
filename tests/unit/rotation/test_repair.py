"""repair_secrets: what it mends, what it leaves alone, and that it keeps nobody out for nothing."""

from datetime import timedelta

import pytest

from shared.key_vault_errors import KeyVaultUnavailable
from shared.parameters import KeyType
from shared.rotation.guard import revocation_id
from shared.rotation.model import Json
from tests.support.orchestration import GUARD_KEY, RESOURCE_ID, Action, Durable, Run, repair, rotation
from tests.support.rotation import PRIMARY, SECONDARY, Quick, World


async def repaired(durable: Durable, instance_id: str = "e1", **asked: object) -> Json:
    """Run a repair to its end, and whatever follows from it; return its output."""
    run = durable.start("repair_secrets", instance_id, repair(**asked))  # pyright: ignore[reportArgumentType]  # as given
    await durable.run()
    assert run.output is not None, run.state
    return run.output


def owed(world: World, key_type: KeyType) -> Json:
    """Return the input of a revocation of a key as it is now."""
    return {
        "resourceId": RESOURCE_ID,
        "guardKey": GUARD_KEY,
        "keyType": key_type.value,
        "fingerprint": world.cloud.fingerprint(key_type),
        "at": "2026-01-01T00:00:00Z",
        "superseded": [],
    }


@pytest.mark.parametrize("tag", ["Primary", "primary"])
async def test_a_secret_whose_key_was_regenerated_gets_the_live_one(quick: Quick, tag: str) -> None:
    """After somebody regenerated the published key, every secret publishes what its slot holds now."""
    world = quick(World("a", "b", tag=tag))
    world.cloud.rotate_from_outside(PRIMARY)
    durable = Durable(world)
    durable.check = lambda: None
    output = await repaired(durable)
    assert (output["status"], output["stage"], output["plan"]) == ("Succeeded", "Repaired", "Repair")
    assert world.vault.published() == dict.fromkeys("ab", world.cloud.keys[PRIMARY])
    assert [secret["name"] for secret in output["secrets"]] == ["a", "b"]
    assert world.cloud.regenerated == []
    assert durable.holder() is None


async def test_nothing_is_published_that_is_not_proven(quick: Quick) -> None:
    """A key that the data plane does not accept is not published, and the repair fails."""
    world = quick(World("a"))
    world.cloud.rotate_from_outside(PRIMARY)
    world.cloud.live = lambda key: False  # type: ignore[method-assign]  # no key is accepted
    durable = Durable(world)
    durable.check = lambda: None
    before = world.vault.published()
    output = await repaired(durable)
    assert (output["status"], output["error"]["code"]) == ("Failed", "NotProven")
    assert world.vault.published() == before
    assert durable.holder() is None


@pytest.mark.parametrize("key_type", [None, SECONDARY])
async def test_where_nothing_is_broken_the_guard_is_not_asked(quick: Quick, key_type: KeyType | None) -> None:
    """After a regeneration of ours, or of the key that nobody uses, one look is all that happens."""
    world = quick(World("a"))
    if key_type is not None:
        world.cloud.rotate_from_outside(key_type)
    durable = Durable(world)
    output = await repaired(durable)
    assert (output["status"], output["stage"], output["secrets"]) == ("Succeeded", "Settled", [])
    assert durable.guards == {}
    assert [action.name for action in durable.runs["e1"].actions] == ["inspect_resource"]


async def test_a_resource_without_secrets_is_sound(quick: Quick) -> None:
    """Where no secret publishes anything, nothing is repaired."""
    durable = Durable(quick(World()))
    assert (await repaired(durable))["stage"] == "Settled"


async def test_it_waits_for_whoever_holds_the_resource(quick: Quick) -> None:
    """A repair that finds the resource held comes again, and mends what the holder has left."""
    world = quick(World("a"))
    world.cloud.rotate_from_outside(PRIMARY)
    durable = Durable(world)
    durable.check = lambda: None

    async def let_go(run: Run, action: Action) -> None:
        del run
        if action.kind == "timer":
            durable.guards[GUARD_KEY]["holder"] = None

    durable.guards[GUARD_KEY] = {
        "holder": {"id": "other", "until": "2026-01-01T13:00:00Z"},
        "pending": None,
        "outcomes": [],
    }
    durable.after = let_go
    output = await repaired(durable)
    assert output["stage"] == "Repaired"
    assert durable.runs["e1"].statuses[1]["stage"] == "Claiming"


async def test_it_gives_up_on_a_resource_that_stays_held(quick: Quick) -> None:
    """After some minutes the holder's own verification has to do, or the timer."""
    world = quick(World("a"))
    world.cloud.rotate_from_outside(PRIMARY)
    durable = Durable(world)
    durable.check = lambda: None
    durable.guards[GUARD_KEY] = {
        "holder": {"id": "other", "until": "2026-01-01T13:00:00Z"},
        "pending": None,
        "outcomes": [],
    }
    before = world.clock.now
    output = await repaired(durable)
    assert (output["status"], output["error"]["code"]) == ("Canceled", "RotationInProgress")
    assert timedelta(minutes=4) < world.clock.now - before < timedelta(minutes=10)
    holder = durable.holder()
    assert holder is not None
    assert holder["id"] == "other"


async def test_a_dead_secret_of_which_nobody_knows_the_slot_fails(quick: Quick) -> None:
    """Where neither a tag nor another secret says which key belongs there, the repair says so."""
    world = quick(World())
    world.vault.put("a", "no key at all", tag="")
    durable = Durable(world)
    durable.check = lambda: None
    output = await repaired(durable)
    assert (output["status"], output["error"]["code"]) == ("Failed", "ActiveKeyUnknown")


async def test_a_look_that_fails_ends_it(quick: Quick) -> None:
    """A Key Vault that stays silent fails the repair without a claim."""
    world = quick(World("a"))
    world.vault.failures["list", ""] = KeyVaultUnavailable("silent", doubtful=False)
    durable = Durable(world)
    output = await repaired(durable)
    assert (output["status"], output["error"]["code"]) == ("Failed", "KeyVaultUnavailable")
    assert durable.guards == {}


async def test_disagreement_is_left_alone_unless_asked(quick: Quick) -> None:
    """Two secrets with different live keys are an event's business only where one of them is dead."""
    world = quick(World("a"))
    world.vault.put("b", world.cloud.keys[SECONDARY], tag="Secondary")
    before = world.vault.published()
    durable = Durable(world)
    output = await repaired(durable)
    assert output["stage"] == "Settled"
    assert world.vault.published() == before
    assert durable.guards == {}


async def test_a_dead_secret_is_mended_and_disagreement_beside_it_left_alone(quick: Quick) -> None:
    """Under the claim, too, secrets that publish different live keys are moved only where that was asked."""
    world = quick(World("a"))
    world.vault.put("b", world.cloud.keys[SECONDARY], tag="Secondary")
    before = world.vault.published()
    world.vault.put("c", "dead" * 22, tag="Secondary")
    durable = Durable(world)
    durable.check = lambda: None
    output = await repaired(durable)
    assert (output["stage"], output["plan"]) == ("Repaired", "Repair")
    assert world.vault.published() == {**before, "c": world.cloud.keys[SECONDARY]}
    assert durable.pending() is None


async def test_disagreement_ends_where_it_was_asked(quick: Quick) -> None:
    """Asked to converge, it publishes the newer key everywhere, and the other one dies after its grace period."""
    world = quick(World("a"))
    world.vault.put("b", world.cloud.keys[SECONDARY], tag="Secondary")
    newer = world.cloud.keys[SECONDARY]
    durable = Durable(world)
    output = await repaired(durable, converge=True)
    assert (output["status"], output["plan"]) == ("Succeeded", "Converge")
    assert world.vault.published() == {"a": newer, "b": newer}
    assert world.cloud.regenerated == [PRIMARY]
    assert durable.pending() is None
    world.require_grace()


async def test_it_does_not_converge_while_a_key_is_in_grace(quick: Quick) -> None:
    """While a grace period runs, consumers may hold either key, and nothing is moved."""
    world = quick(World("a"))
    world.vault.put("b", world.cloud.keys[SECONDARY], tag="Secondary")
    durable = Durable(world)
    pending = {
        "keyType": "Primary",
        "fingerprint": world.cloud.fingerprint(PRIMARY),
        "at": "2026-01-01T13:00:00Z",
        "revocationId": None,
    }
    durable.guards[GUARD_KEY] = {"holder": None, "pending": pending, "outcomes": []}
    before = world.vault.published()
    output = await repaired(durable, converge=True)
    assert output["stage"] == "Settled"
    assert world.vault.published() == before
    assert durable.pending() == pending


async def test_a_revocation_that_is_owed_is_taken_up(quick: Quick) -> None:
    """The key whose revocation failed or never ran is regenerated now."""
    world = quick(World("a"))
    durable = Durable(world)
    output = await repaired(durable, owed=owed(world, SECONDARY))
    assert output["revocation"]["status"] == "Scheduled"
    assert world.cloud.regenerated == [SECONDARY]
    revocation = durable.runs[revocation_id("e1")].output
    assert revocation is not None
    assert revocation["status"] == "Done"
    assert durable.pending() is None


_HARM = ("dead already", "published", "another in grace", "another to be revoked", "in grace again", "kept on purpose")


@pytest.mark.parametrize("case", _HARM)
async def test_a_revocation_that_would_harm_is_not_taken_up(quick: Quick, case: str) -> None:
    """A key that is dead, published, in grace again, kept on purpose, or in the way of another one's grace stays."""
    world = quick(World("a"))
    durable = Durable(world)
    asked = owed(world, PRIMARY if case == "published" else SECONDARY)
    pending: Json | None = None
    if case == "dead already":
        world.cloud.rotate_from_outside(SECONDARY)
    elif case != "published":
        pending = {
            "keyType": "Secondary",
            "fingerprint": "sha256:00" if case.startswith("another") else asked["fingerprint"],
            "at": "2026-01-01T13:00:00Z" if "grace" in case else "2026-01-01T11:00:00Z",
            "revocationId": None if case in ("another in grace", "kept on purpose") else "r0-revoke",
        }
    durable.guards[GUARD_KEY] = {"holder": None, "pending": pending, "outcomes": []}
    output = await repaired(durable, owed=asked)
    assert output["revocation"] == {"status": "NotRequested"}
    assert world.cloud.regenerated == []
    assert durable.pending() == pending


async def test_a_revocation_that_died_is_taken_up_though_its_key_is_noted(quick: Quick) -> None:
    """The guard still knows the key of a revocation that was terminated; once its time is over, the key dies."""
    world = quick(World("a"))
    durable = Durable(world)
    asked = owed(world, SECONDARY)
    pending = {name: asked[name] for name in ("keyType", "fingerprint")}
    pending |= {"at": "2026-01-01T11:00:00Z", "revocationId": "r0-revoke"}
    durable.guards[GUARD_KEY] = {"holder": None, "pending": pending, "outcomes": []}
    await repaired(durable, owed=asked)
    assert world.cloud.regenerated == [SECONDARY]
    assert durable.pending() is None


async def test_a_key_that_was_never_handed_over_is_taken_up(quick: Quick) -> None:
    """The guard notes whom its rotation has left it to, though that ended before it scheduled the revocation."""
    world = quick(World("a"))
    durable = Durable(world)
    asked = owed(world, SECONDARY)
    pending = {name: asked[name] for name in ("keyType", "fingerprint")}
    pending |= {"at": "2026-01-01T11:00:00Z", "revocationId": None, "owedBy": "r0"}
    durable.guards[GUARD_KEY] = {"holder": None, "pending": pending, "outcomes": []}
    await repaired(durable, owed=asked)
    assert world.cloud.regenerated == [SECONDARY]
    assert durable.pending() is None


@pytest.mark.parametrize("again", ["now", "late"])
async def test_a_repeated_step_changes_nothing(quick: Quick, again: str) -> None:
    """However often its activities run, each secret gets one new version."""
    world = quick(World("a"))
    world.cloud.rotate_from_outside(PRIMARY)
    durable = Durable(world)
    durable.check = lambda: None
    for name in ("inspect_resource", "prove_alive", "publish_key"):
        if again == "now":
            durable.rerun.add(name)
        else:
            durable.late[name] = None
    await repaired(durable)
    assert len(world.vault.versions["a"]) == 2
    assert world.cloud.regenerated == []


@pytest.mark.parametrize("key_type", list(KeyType))
@pytest.mark.parametrize("at", range(18))
async def test_whenever_a_key_is_regenerated_behind_a_rotation_its_event_mends_it(
    quick: Quick, key_type: KeyType, at: int
) -> None:
    """At whichever step of a rotation and its revocation somebody regenerates a key: in the end all publish a live
    one, without a further request, and nobody holds the resource."""
    world = quick(World("a", "b"))

    async def meddle(run: Run, action: Action) -> None:
        del run, action
        if durable.actions_done == at + 1 and "e1" not in durable.runs:
            world.cloud.rotate_from_outside(key_type)
            durable.start("repair_secrets", "e1", repair())

    durable = Durable(world, after=meddle)
    durable.check = lambda: None
    durable.start("rotate_key", "r1", rotation())
    await durable.run()
    assert durable.runs["e1"].output is not None
    world.require_live()
    assert durable.holder() is None
