"""Starting: ids, the same request twice, the request id of another one, a resource that somebody holds."""

import re
from datetime import timedelta

import pytest

from shared.conflicts import RequestIdReused, RotationInProgress
from shared.errors import InvalidRequest
from shared.parameters import KeyType
from shared.resource_id import ResourceId
from shared.rotation import guard
from shared.rotation.model import Json
from shared.rotation.parameters import RotationRequest
from shared.rotation.requests import (
    instance_id,
    regeneration_input,
    repeatability_key,
    rotation_input,
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


def test_a_request_id_is_a_uuid_in_any_dress() -> None:
    """Upper case and blanks make no other request; none is none."""
    uuid = "11112222-3333-4444-5555-66667777aaaa"
    assert repeatability_key({"repeatability-request-id": f" {uuid.upper()} "}) == uuid
    assert repeatability_key({}) is None


@pytest.mark.parametrize("given", ["", "1", "not-a-uuid", "11112222-3333-4444-5555-66667777zzzz"])
def test_anything_else_is_no_request_id(given: str) -> None:
    """400 with the header as the target, and without what was sent."""
    with pytest.raises(InvalidRequest) as raised:
        repeatability_key({"repeatability-request-id": given})
    assert raised.value.details[0]["target"] == "Repeatability-Request-ID"
    assert not given or given not in str(raised.value.to_json())


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
