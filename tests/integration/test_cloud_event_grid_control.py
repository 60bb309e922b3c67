"""`/_control/events`: what is shown, published by hand, held and delivered again."""

from collections.abc import AsyncGenerator
from typing import cast

import pytest
import pytest_asyncio

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import TOPIC_ID
from tests.support.cloud import ControlClient, eventually
from tests.support.event_grid import Receiver, cloud_event, event_grid_event, receiving

Item = dict[str, object]


@pytest_asyncio.fixture
async def receiver(cloud: Cloud) -> AsyncGenerator[Receiver]:
    """A webhook to which the cloud delivers."""
    async with receiving() as running:
        cloud.delivery.connect(running.url, "k")
        yield running
        cloud.delivery.disconnect()


async def _listed(control: ControlClient) -> list[Item]:
    return cast("list[Item]", (await control.send("GET", "events")).json)


async def test_an_event_published_by_hand_comes_in(cloud: Cloud, control: ControlClient, receiver: Receiver) -> None:
    """201 with the record; one event or an array, in either schema, each as it is to be delivered."""
    single = await control.send("POST", "events", cloud_event(id="a"))
    assert single.status == 201
    assert single.members | {"status": None} == {
        "id": "a",
        "type": "Some.Type",
        "direction": "in",
        "event": cloud_event(id="a"),
        "attempts": 0,
        "status": None,
    }
    several = await control.send("POST", "events", [event_grid_event(id="b"), cloud_event(id="c")])
    assert [each["id"] for each in cast("list[Item]", several.json)] == ["b", "c"]
    await eventually(lambda: all(each.status == "Delivered" for each in cloud.delivery.records.all()))
    assert sorted(receiver.ids) == ["a", "b", "c"]
    listed = await _listed(control)
    assert [(each["id"], each["direction"], each["attempts"], each["status"]) for each in listed] == [
        *(("a", "in", 1, "Delivered"), ("b", "in", 1, "Delivered"), ("c", "in", 1, "Delivered")),
    ]
    assert cast("Item", listed[1]["event"])["topic"] == TOPIC_ID
    assert await control.requests() == []


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (1, "the body: must be an object"),
        ({}, "the body: id is missing"),
        (cloud_event(type=""), "type must not be empty"),
        ([cloud_event(), event_grid_event(id=None)], "the body[1]: id is missing"),
        (event_grid_event(colour="red"), "unknown: colour"),
    ],
)
async def test_what_is_no_event_is_refused_by_name(control: ControlClient, body: object, word: str) -> None:
    """400 with a sentence, and nothing is published."""
    answer = await control.send("POST", "events", body)
    assert answer.status == 400
    assert word in str(answer.members["error"])
    assert await _listed(control) == []


async def test_an_event_is_delivered_again_by_its_id(control: ControlClient, receiver: Receiver) -> None:
    """The answer comes after the try and shows it; ids are percent-encoded; an unknown one is 404."""
    await control.send("POST", "events", cloud_event(id="a/b c"))
    await eventually(lambda: receiver.ids == ["a/b c"])
    again = await control.send("POST", "events/a%2Fb%20c/redeliver")
    assert (again.status, again.members["attempts"], again.members["status"]) == (200, 2, "Delivered")
    assert receiver.ids == ["a/b c"] * 2
    assert (await control.send("POST", "events/other/redeliver")).status == 404
    assert (await control.send("GET", "events/other/redeliver")).status == 405
    assert (await control.send("POST", "events/a/b/redeliver")).status == 404


async def test_without_a_webhook_nothing_can_be_delivered_again(control: ControlClient) -> None:
    """409 says so, and the event is kept as undelivered."""
    await control.send("POST", "events", cloud_event())
    answer = await control.send("POST", "events/event-1/redeliver")
    assert (answer.status, answer.json) == (409, {"error": "There is no webhook to deliver to."})
    assert [each["status"] for each in await _listed(control)] == ["Undelivered"]


async def test_deliveries_are_held_and_released(control: ControlClient, receiver: Receiver) -> None:
    """PUT says so and GET shows it."""
    assert (await control.send("GET", "events/delivery")).json == {"held": False}
    held = await control.send("PUT", "events/delivery", {"held": True})
    assert (held.status, held.json) == (200, {"held": True})
    for each in "ab":
        await control.send("POST", "events", cloud_event(id=each))
    assert [each["status"] for each in await _listed(control)] == ["Held", "Held"]
    assert (await control.send("POST", "events/b/redeliver")).status == 200
    assert (await control.send("PUT", "events/delivery", {"held": False})).json == {"held": False}
    await eventually(lambda: receiver.ids == ["b", "a"])


@pytest.mark.parametrize("body", [{}, {"held": 1}, {"held": None}, {"held": True, "more": 1}, []])
async def test_a_hold_is_true_or_false(control: ControlClient, body: object) -> None:
    """Everything else is 400."""
    assert (await control.send("PUT", "events/delivery", body)).status == 400


async def test_a_reset_clears_events_and_holds(control: ControlClient, receiver: Receiver) -> None:
    """The webhook stays."""
    await control.send("PUT", "events/delivery", {"held": True})
    await control.send("POST", "events", cloud_event(id="old"))
    assert (await control.send("POST", "reset")).status == 204
    assert await _listed(control) == []
    await control.send("POST", "events", cloud_event(id="new"))
    await eventually(lambda: receiver.ids == ["new"])
