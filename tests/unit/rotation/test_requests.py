"""Starting: ids, the same request twice, the request id of another one, a resource that somebody holds."""

import re
from datetime import timedelta

import pytest

from shared.conflicts import RequestIdReused, RotationInProgress
from shared.parameters import KeyType
from shared.resource_id import ResourceId
from shared.rotation import guard
from shared.rotation.model import Json
from shared.rotation.parameters import RotationRequest
from shared.rotation.requests import (
    instance_id,
    regeneration_input,
    repair_input,
    rotation_input,
    secret_instance_id,
    start,
)
from tests.support.fakes import RESOURCE
from tests.support.rotation_engine import NOW, FakeEngine, instance

KEY = guard.guard_key(RESOURCE)
DAY = timedelta(days=1)


def asked(reason: str | None = None) -> Json:
    """Return the input of a rotation."""
    return rotation_input(RotationRequest(reason=reason), RESOURCE, default_grace=DAY, source="http")


def held_by(holder: str) -> dict[str, Json]:
    """Return guards of which the resource's is held."""
    return {KEY: guard.claim(guard.empty(), holder=holder, now=NOW)[0]}


def test_the_same_three_give_the_same_id() -> None:
    """Source, resource (in any case) and key make the id, and each of them another one."""
    loud = ResourceId(RESOURCE.subscription_id, RESOURCE.resource_group.upper(), RESOURCE.name.upper())
    other = ResourceId(RESOURCE.subscription_id, RESOURCE.resource_group, "Other")
    id_ = instance_id("http", RESOURCE, "k")
    assert instance_id("http", loud, "k") == id_
    assert (
        len(
            {
                id_,
                instance_id("event", RESOURCE, "k"),
                instance_id("http", other, "k"),
                instance_id("http", RESOURCE, "l"),
            }
        )
        == 4
    )
    assert re.fullmatch(r"[0-9a-f]{32}", id_)


def test_a_secret_version_has_one_id() -> None:
    """In whatever case its vault and name are told; another version, vault or name has another one."""
    id_ = secret_instance_id("https://v.vault.azure.net", "name", "0a1b")
    assert secret_instance_id("HTTPS://V.vault.azure.net", "NAME", "0a1b") == id_
    others = {
        secret_instance_id("https://w.vault.azure.net", "name", "0a1b"),
        secret_instance_id("https://v.vault.azure.net", "other", "0a1b"),
        secret_instance_id("https://v.vault.azure.net", "name", "0a1c"),
        secret_instance_id("https://v.vault.azure.net", "name", "0a1b", 1),
    }
    assert len(others | {id_}) == 5
    assert re.fullmatch(r"[0-9a-f]{32}", id_)


def test_attempts_have_ids_of_their_own() -> None:
    """The first one has the id of the request itself, which is what a lost event would have started."""
    ids = [instance_id("event", RESOURCE, "k", attempt) for attempt in range(4)]
    assert len(set(ids)) == 4
    assert ids[0] == instance_id("event", RESOURCE, "k")
    first, *others = (secret_instance_id("https://v", "n", "1", attempt) for attempt in range(4))
    assert first == secret_instance_id("https://v", "n", "1")
    assert first not in others


def test_the_input_of_a_rotation_holds_all_that_it_needs() -> None:
    """Defaults are filled in when it starts: a setting that changes later changes nothing of it."""
    request = RotationRequest(active_key=KeyType.PRIMARY, revoke=False, supersede=True, reason="leak")
    made = rotation_input(request, RESOURCE, default_grace=DAY, source="http")
    digest = made.pop("digest")
    assert made == {
        "resourceId": str(RESOURCE),
        "guardKey": KEY,
        "activeKey": "Primary",
        "graceSeconds": 86400.0,
        "revoke": False,
        "supersede": True,
        "reason": "leak",
        "source": "http",
    }
    assert re.fullmatch(r"[0-9a-f]{32}", digest)


def test_a_default_that_changes_makes_no_other_request() -> None:
    """Who repeats a request after ROTATION_GRACE_PERIOD has changed finds the rotation that it has started."""
    made = [rotation_input(RotationRequest(), RESOURCE, default_grace=n * DAY, source="http") for n in (1, 2)]
    repairs = [repair_input(RESOURCE, grace=n * DAY, source="event") for n in (1, 2)]
    for each in (made, repairs):
        assert each[0]["digest"] == each[1]["digest"]
        assert [one["graceSeconds"] for one in each] == [86400.0, 172800.0]
    named = RotationRequest(grace_period=DAY)
    assert rotation_input(named, RESOURCE, default_grace=DAY, source="http")["digest"] != made[0]["digest"]


def test_the_input_names_the_secret_that_expires() -> None:
    """Where a secret version is the reason, the rotation can see whether it still is the current one."""
    made = rotation_input(RotationRequest(), RESOURCE, default_grace=DAY, source="timer", secret=("name", "0a1b"))
    assert made["secret"] == {"name": "name", "version": "0a1b"}
    assert "secret" not in asked()
    assert made["digest"] != asked()["digest"]


def test_who_asks_makes_no_other_request() -> None:
    """The timer finds the rotation that the event has started, and the other way round."""
    made = [
        rotation_input(RotationRequest(), RESOURCE, default_grace=DAY, source=source, secret=("name", "0a1b"))
        for source in ("event", "timer")
    ]
    assert made[0]["digest"] == made[1]["digest"]
    assert [each["source"] for each in made] == ["event", "timer"]


def test_the_input_of_a_repair_holds_all_that_it_needs() -> None:
    """By default it mends what is dead, and nothing else."""
    made = repair_input(RESOURCE, grace=DAY, source="event")
    digest = made.pop("digest")
    assert made == {
        "resourceId": str(RESOURCE),
        "guardKey": KEY,
        "converge": False,
        "owed": None,
        "graceSeconds": 86400.0,
        "revoke": True,
        "source": "event",
    }
    wider = repair_input(RESOURCE, grace=DAY, source="event", converge=True, owed={"keyType": "Primary"})
    assert (wider["converge"], wider["owed"]) == (True, {"keyType": "Primary"})
    assert wider["digest"] != digest


def test_the_input_of_a_regeneration_says_whether_there_is_a_vault() -> None:
    """Without one no secret is looked for."""
    made = [
        regeneration_input(RESOURCE, KeyType.PRIMARY, if_match=None, force=False, source="event", key_vault=there)
        for there in (True, False)
    ]
    assert [each["keyVault"] for each in made] == [True, False]


def test_a_grace_that_was_asked_for_counts() -> None:
    """Nothing is a grace period, too."""
    request = RotationRequest(grace_period=timedelta(0))
    assert rotation_input(request, RESOURCE, default_grace=DAY, source="http")["graceSeconds"] == 0.0


def test_the_digest_tells_bodies_apart() -> None:
    """The same body has the same digest, another one another."""
    assert asked()["digest"] == asked()["digest"] != asked("why")["digest"]


def test_the_input_of_a_regeneration_keeps_the_condition() -> None:
    """If-Match goes with it, in one order; without it there is none, which is something else than an empty one."""
    made = regeneration_input(RESOURCE, KeyType.SECONDARY, if_match=frozenset({"b", "a"}), force=True, source="http")
    assert (made["keyType"], made["ifMatch"], made["force"]) == ("Secondary", ["a", "b"], True)
    made = regeneration_input(RESOURCE, KeyType.SECONDARY, if_match=None, force=False, source="http")
    assert made["ifMatch"] is None


async def test_a_new_request_is_started() -> None:
    """Nobody holds the resource and the id is new."""
    engine = FakeEngine()
    assert await start(engine, "rotate_key", asked(), id_="r1", now=NOW)
    assert [(name, id_) for name, id_, _ in engine.started] == [("rotate_key", "r1")]


async def test_the_same_request_finds_what_it_started() -> None:
    """Running or ended, it is not started again, even while it holds the resource itself."""
    engine = FakeEngine(guards=held_by("r1"))
    assert await start(engine, "rotate_key", asked(), id_="r0", now=NOW + DAY)
    assert not await start(engine, "rotate_key", asked(), id_="r0", now=NOW)
    assert len(engine.started) == 1


async def test_the_same_id_with_another_body_is_refused() -> None:
    """409 RequestIdReused, and nothing is started."""
    engine = FakeEngine().add(instance(request=asked("one")))
    with pytest.raises(RequestIdReused):
        await start(engine, "rotate_key", asked("another"), id_="r1", now=NOW)
    assert engine.started == []


@pytest.mark.parametrize("same", [True, False])
async def test_two_at_once_are_told_apart(same: bool) -> None:
    """The other one was faster between the look and the start: the same request is found, another one refused."""
    engine = FakeEngine(appear={"r1": instance(request=asked())})
    if same:
        assert not await start(engine, "rotate_key", asked(), id_="r1", now=NOW)
    else:
        with pytest.raises(RequestIdReused):
            await start(engine, "rotate_key", asked("x"), id_="r1", now=NOW)


async def test_a_held_resource_is_refused_with_the_holder() -> None:
    """409 RotationInProgress names who holds it, and nothing is started."""
    engine = FakeEngine(guards=held_by("r0")).add(instance("r0", "RUNNING"))
    with pytest.raises(RotationInProgress) as raised:
        await start(engine, "rotate_key", asked(), id_="r1", now=NOW)
    assert raised.value.holder == "r0"
    assert (engine.started, engine.expired) == ([], [])


async def test_a_revocation_that_holds_it_is_named_by_its_rotation() -> None:
    """Callers can ask for the status of a rotation, not for that of its revocation."""
    engine = FakeEngine(guards=held_by("r0-revoke")).add(instance("r0-revoke", "RUNNING", name="revoke_key"))
    with pytest.raises(RotationInProgress) as raised:
        await start(engine, "rotate_key", asked(), id_="r1", now=NOW)
    assert raised.value.holder == "r0"


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param(instance("r0", "TERMINATED"), id="terminated"),
        pytest.param(instance("r0", "FAILED"), id="crashed"),
        pytest.param(instance("r0", "COMPLETED", {"status": "Succeeded"}), id="ended"),
        pytest.param(instance("r0", "COMPLETED", {"status": "Done"}, name="revoke_key"), id="revoked"),
        pytest.param(None, id="forgotten"),
    ],
)
async def test_a_holder_that_has_ended_is_replaced(holder: object) -> None:
    """Its claim is taken, and the new one claims in its place, whichever of the two arrives first."""
    engine = FakeEngine(guards=held_by("r0"))
    if holder is not None:
        engine.add(holder)  # pyright: ignore[reportArgumentType]  # the parameter is an Instance or None
    assert await start(engine, "rotate_key", asked(), id_="r1", now=NOW)
    assert engine.expired == [(KEY, "r0")]
    assert engine.started[0][2]["insteadOf"] == "r0"


async def test_a_claim_that_is_over_hinders_nobody() -> None:
    """After its hour it needs no look at the holder."""
    engine = FakeEngine(guards=held_by("r0")).add(instance("r0", "RUNNING"))
    assert await start(engine, "rotate_key", asked(), id_="r1", now=NOW + timedelta(hours=1))
    assert engine.started[0][2]["insteadOf"] is None


async def test_where_nobody_waits_for_an_answer_a_held_resource_is_no_error() -> None:
    """The orchestration itself waits for whoever holds it."""
    engine = FakeEngine(guards=held_by("r0")).add(instance("r0", "RUNNING"))
    assert await start(engine, "repair_secrets", asked(), id_="r1", now=NOW, waits=True)
    ((_, _, request),) = engine.started
    assert (request["waits"], request["insteadOf"]) == (True, None)
    assert engine.expired == []


async def test_where_nobody_waits_a_dead_holder_is_replaced_all_the_same() -> None:
    """Its claim would otherwise have to be waited for in vain."""
    engine = FakeEngine(guards=held_by("r0")).add(instance("r0", "TERMINATED"))
    assert await start(engine, "repair_secrets", asked(), id_="r1", now=NOW, waits=True)
    assert engine.expired == [(KEY, "r0")]
    assert engine.started[0][2]["insteadOf"] == "r0"


@pytest.mark.parametrize("announce", [True, False])
async def test_what_is_started_knows_whether_its_end_is_told(announce: bool) -> None:
    """That is no part of what makes it the same request."""
    engine = FakeEngine()
    assert await start(engine, "rotate_key", asked(), id_="r1", now=NOW, announce=announce)
    assert engine.started[0][2]["announce"] is announce
    assert not await start(engine, "rotate_key", asked(), id_="r1", now=NOW, announce=not announce)
