"""Deliveries to a webhook: their form, at least once, retries, dead letters, hold and duplicates."""

import logging
from collections.abc import AsyncGenerator, Callable

import pytest
import pytest_asyncio

from emulator.cloud.authority import ensure_authority
from emulator.cloud.event_grid_delivery import Delivery
from emulator.cloud.event_grid_records import Record, Records
from emulator.cloud.fault_rules import parse_rules
from emulator.cloud.faults import Faults
from tests.support.cloud import EMULATOR_DIRECTORY, eventually
from tests.support.event_grid import Receiver, cloud_event, event_grid_event, receiving


@pytest_asyncio.fixture
async def receiver() -> AsyncGenerator[Receiver]:
    """A webhook."""
    async with receiving() as running:
        yield running


@pytest.fixture
def faults() -> Faults:
    """The fault rules in force."""
    return Faults()


@pytest_asyncio.fixture
async def delivery(faults: Faults) -> AsyncGenerator[Delivery]:
    """Deliveries that wait a thousandth of the time, not connected yet."""
    running = Delivery(faults, ensure_authority(EMULATOR_DIRECTORY).ca_file, first_delay_seconds=0.0005)
    yield running
    await running.close()


def _ended(*records: Record) -> Callable[[], bool]:
    return lambda: all(each.status in {"Delivered", "DeadLettered"} for each in records)


async def test_an_event_of_event_grids_schema_comes_in_an_array(delivery: Delivery, receiver: Receiver) -> None:
    """Headers as Event Grid sends them, and the system key as code."""
    delivery.connect(receiver.url, "system key")
    record = delivery.publish(event_grid_event(metadataVersion="1"))
    await eventually(_ended(record))
    assert receiver.bodies == [[record.event]]
    assert receiver.queries == [{"functionName": "on_event", "code": "system key"}]
    headers = receiver.headers[0]
    assert headers["content-type"] == "application/json; charset=utf-8"
    sent = {name: value for name, value in headers.items() if name.startswith("aeg-")}
    assert sent == {
        "aeg-event-type": "Notification",
        "aeg-subscription-name": "ACS-KEY-ROTATION",
        "aeg-delivery-count": "0",
        "aeg-data-version": "1",
        "aeg-metadata-version": "1",
    }
    assert (record.status, record.attempts) == ("Delivered", 1)


async def test_a_cloud_event_comes_on_its_own(delivery: Delivery, receiver: Receiver) -> None:
    """With the media type of CloudEvents."""
    delivery.connect(receiver.url, "k")
    record = delivery.publish(cloud_event())
    await eventually(_ended(record))
    assert receiver.bodies == [cloud_event()]
    assert receiver.headers[0]["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert "aeg-data-version" not in receiver.headers[0]


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
async def test_200_to_204_is_success(delivery: Delivery, receiver: Receiver, status: int) -> None:
    """And is delivered once."""
    receiver.statuses = [status]
    delivery.connect(receiver.url, "k")
    record = delivery.publish(event_grid_event())
    await eventually(_ended(record))
    assert (record.status, record.attempts, len(receiver.bodies)) == ("Delivered", 1, 1)


@pytest.mark.parametrize("status", [400, 403, 413])
async def test_what_no_retry_can_mend_is_dead_lettered_at_once(
    delivery: Delivery, receiver: Receiver, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    """One try, and a line in the log."""
    receiver.statuses = [status]
    delivery.connect(receiver.url, "k")
    record = delivery.publish(event_grid_event())
    await eventually(_ended(record))
    assert (record.status, record.attempts) == ("DeadLettered", 1)
    assert [each.levelno for each in caplog.records if each.name == "emulator.cloud.eventgrid"] == [logging.WARNING]


@pytest.mark.parametrize("status", [205, 302, 401, 404, 408, 429, 500, 503])
async def test_everything_else_is_tried_again(delivery: Delivery, receiver: Receiver, status: int) -> None:
    """Until it succeeds; each try says how many came before it."""
    receiver.statuses = [status, status]
    delivery.connect(receiver.url, "k")
    record = delivery.publish(event_grid_event())
    await eventually(_ended(record))
    assert (record.status, record.attempts) == ("Delivered", 3)
    assert [each["aeg-delivery-count"] for each in receiver.headers] == ["0", "1", "2"]


async def test_after_ten_tries_an_event_is_dead_lettered(delivery: Delivery, receiver: Receiver) -> None:
    """It can be delivered again by hand, and is delivered then."""
    receiver.statuses = [500] * 10
    delivery.connect(receiver.url, "k")
    record = delivery.publish(event_grid_event())
    await eventually(_ended(record))
    assert (record.status, record.attempts, len(receiver.bodies)) == ("DeadLettered", 10, 10)
    assert await delivery.redeliver(record)
    assert (record.status, record.attempts) == ("Delivered", 11)


async def test_a_webhook_that_does_not_answer_is_tried_again(delivery: Delivery) -> None:
    """A connection that is refused counts as a try."""
    delivery.connect("http://127.0.0.1:9/nobody", "k")
    record = delivery.publish(event_grid_event())
    await eventually(_ended(record))
    assert (record.status, record.attempts) == ("DeadLettered", 10)


async def test_without_a_webhook_events_are_kept_and_delivered_when_one_comes(
    delivery: Delivery, receiver: Receiver
) -> None:
    """In their order of arrival they go out; without one nothing can be redelivered."""
    records = [delivery.publish(event_grid_event(id=each)) for each in "abc"]
    assert [each.status for each in records] == ["Undelivered"] * 3
    assert not await delivery.redeliver(records[0])
    delivery.connect(receiver.url, "k")
    await eventually(_ended(*records))
    assert sorted(receiver.ids) == ["a", "b", "c"]


async def test_a_webhook_that_goes_leaves_its_events_undelivered(delivery: Delivery, receiver: Receiver) -> None:
    """What was under way is delivered to the next one: at least once."""
    receiver.gate.clear()
    delivery.connect(receiver.url, "k")
    record = delivery.publish(event_grid_event())
    await eventually(lambda: len(receiver.bodies) == 1)
    delivery.disconnect()
    assert record.status == "Undelivered"
    assert not await delivery.redeliver(record)
    receiver.gate.set()
    delivery.connect(receiver.url, "k")
    await eventually(_ended(record))
    assert (record.status, receiver.ids) == ("Delivered", ["event-1"] * 2)


async def test_held_events_can_be_delivered_in_any_order(delivery: Delivery, receiver: Receiver) -> None:
    """Redelivery takes no notice of the hold; the release sends the rest, and nothing twice."""
    delivery.connect(receiver.url, "k")
    delivery.hold()
    records = [delivery.publish(event_grid_event(id=each)) for each in "abc"]
    assert [each.status for each in records] == ["Held"] * 3
    for record in (records[2], records[0]):
        assert await delivery.redeliver(record)
    assert receiver.ids == ["c", "a"]
    assert (delivery.is_held, records[1].status) == (True, "Held")
    delivery.release()
    await eventually(_ended(*records))
    assert (delivery.is_held, receiver.ids) == (False, ["c", "a", "b"])


async def test_duplicates_come_beside_the_first(delivery: Delivery, receiver: Receiver, faults: Faults) -> None:
    """Two more at the same moment, for as many events as the rule says."""
    faults.replace(parse_rules([{"service": "eventgrid", "operation": "deliver", "duplicate": 2, "times": 1}]))
    receiver.gate.clear()
    delivery.connect(receiver.url, "k")
    first = delivery.publish(event_grid_event(id="a"))
    await eventually(lambda: receiver.ids == ["a"] * 3)
    receiver.gate.set()
    second = delivery.publish(event_grid_event(id="b"))
    await eventually(_ended(first, second))
    assert (first.attempts, second.attempts) == (3, 1)
    assert faults.rules() == []


async def test_an_event_that_goes_out_comes_back_in(delivery: Delivery, receiver: Receiver) -> None:
    """The app publishes to the topic that it subscribes to."""
    delivery.connect(receiver.url, "k")
    out = delivery.publish_from_app(cloud_event())
    _, came_in = delivery.records.all()
    await eventually(_ended(came_in))
    assert (out.direction, out.status, out.attempts) == ("out", "Published", 0)
    assert (came_in.direction, came_in.status, came_in.event) == ("in", "Delivered", cloud_event())
    assert await delivery.redeliver(out)
    assert (out.status, out.attempts, receiver.ids) == ("Published", 1, ["event-1"] * 2)


async def test_a_redelivery_that_fails_is_tried_again(delivery: Delivery, receiver: Receiver) -> None:
    """It waits for the first try alone."""
    delivery.connect(receiver.url, "k")
    record = delivery.publish(event_grid_event())
    await eventually(_ended(record))
    receiver.statuses = [500, 500]
    assert await delivery.redeliver(record)
    assert record.attempts >= 2
    await eventually(_ended(record))
    assert (record.status, record.attempts) == ("Delivered", 4)


async def test_a_reset_forgets_events_and_deliveries(delivery: Delivery, receiver: Receiver) -> None:
    """What was to be tried again is not; the webhook stays, and nothing is held any more."""
    receiver.statuses = [500] * 3
    receiver.gate.clear()
    delivery.connect(receiver.url, "k")
    delivery.publish(event_grid_event(id="old"))
    await eventually(lambda: len(receiver.bodies) == 1)
    delivery.hold()
    delivery.reset()
    assert delivery.records.all() == []
    receiver.gate.set()
    receiver.statuses = []
    record = delivery.publish(event_grid_event(id="new"))
    await eventually(_ended(record))
    assert receiver.ids == ["old", "new"]


async def test_an_event_that_had_to_make_room_is_delivered_no_more(delivery: Delivery, receiver: Receiver) -> None:
    """An app that is away for long must not keep deliveries without bound."""
    delivery.records = Records(kept=1)
    receiver.gate.clear()
    receiver.statuses = [500]
    delivery.connect(receiver.url, "k")
    delivery.publish(event_grid_event(id="old"))
    await eventually(lambda: receiver.ids == ["old"])
    newer = delivery.publish(event_grid_event(id="new"))
    receiver.gate.set()
    await eventually(_ended(newer))
    await delivery.redeliver(newer)
    assert receiver.ids == ["old", "new", "new"]


async def test_what_no_header_can_hold_does_not_stop_an_event(delivery: Delivery, receiver: Receiver) -> None:
    """An event made by hand may hold anything; the header stays sendable."""
    delivery.connect(receiver.url, "k")
    record = delivery.publish(event_grid_event(dataVersion="1\r\nx: é"))
    await eventually(_ended(record))
    assert receiver.headers[0]["aeg-data-version"] == "1??x: ?"


async def test_the_log_names_events_and_no_key(
    delivery: Delivery, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """A line for each try, with the event's type, its id and the outcome."""
    caplog.set_level(logging.DEBUG)
    delivery.connect(receiver.url, "the-system-key")
    await eventually(_ended(delivery.publish(event_grid_event())))
    assert "delivery of Some.Type event-1 -> 202" in caplog.text
    assert "the-system-key" not in caplog.text
