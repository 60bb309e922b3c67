"""Events that nobody thought of, through the host and through the emulated Event Grid: all accepted, none a 500."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from prove.event_payloads import as_cloud_event, as_event_grid, samples
from tests.support.emulator import Emulator
from tests.support.leaks import find_leaks
from tests.support.outside import PLAIN, running
from tests.support.reactions import events, eventually, settled
from tests.support.rotations import resource

_WEBHOOK = "/runtime/webhooks/eventgrid?functionName=on_event"
_COUNT = 60
_AT_ONCE = 10


@pytest.fixture(scope="module")
def alone() -> Iterator[Emulator]:
    """An app of its own."""
    with running(PLAIN) as emulator:
        yield emulator


def test_the_webhook_takes_whatever_comes(alone: Emulator) -> None:
    """Any JSON in and around the known types is accepted, since a retry mends nothing; nothing of it leaks a key."""
    drawn = samples(_COUNT)
    for start in range(0, len(drawn), _AT_ONCE):
        some = drawn[start : start + _AT_ONCE]
        for wire in (as_event_grid, as_cloud_event):
            batch: list[Any] = [wire(fields) for fields in some]
            reply = alone.request("POST", _WEBHOOK, batch, {"aeg-event-type": "Notification"})
            assert (reply.status, reply.body) == (202, b""), batch
    settled(alone, 60)
    assert "Traceback" not in alone.output
    keys = resource(alone)["issuedKeys"]
    assert find_leaks(alone.output, keys) == []
    assert find_leaks(json.dumps(alone.call_control("GET", "durable")), keys) == []


def test_event_grid_delivers_each_once(alone: Emulator) -> None:
    """Through the emulated Event Grid, with envelopes that it takes: Delivered at the first attempt."""
    alone.reset()
    published = [
        as_event_grid(fields | {"id": f"drawn-{number}", "source": "/somebody", "subject": "s"})
        for number, fields in enumerate(samples(_COUNT))
        if isinstance(fields["type"], str) and fields["type"]
    ]
    alone.call_control("POST", "events", published)
    ids = {event["id"] for event in published}

    def ended() -> list[dict[str, Any]]:
        ours = [each for each in events(alone, "in") if each["id"] in ids]
        return ours if all(each["status"] != "Pending" for each in ours) else []

    seen = eventually(ended, "the deliveries", 60)
    assert {each["id"] for each in seen} == ids
    assert {(each["status"], each["attempts"]) for each in seen} == {("Delivered", 1)}
    settled(alone, 60)
