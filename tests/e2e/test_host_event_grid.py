"""Event Grid triggers: the webhook of the host, and the loop from the cloud to the app, in the app `events`."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator.cloud.defaults import RESOURCE_ID
from tests.support.emulator import APPS, Emulator, Reply, send
from tests.support.event_grid import cloud_event, event_grid_event

pytestmark = pytest.mark.own_host

WEBHOOK = "/runtime/webhooks/EventGrid?functionName=on_event"
NOTIFICATION = {"aeg-event-type": "Notification"}
VALIDATION = {"aeg-event-type": "SubscriptionValidation"}


@pytest.fixture(scope="module")
def running_events() -> Iterator[Emulator]:
    """The app `events`."""
    with Emulator(app=APPS / "events") as running:
        yield running


@pytest.fixture
def events(running_events: Emulator) -> Emulator:
    """The app `events`, with nothing received and its cloud as at the start."""
    running_events.reset()
    running_events.request("DELETE", "/api/received")
    return running_events


@pytest.fixture(scope="module")
def guarded_events() -> Iterator[Emulator]:
    """The app `events` over TLS, its keys enforced."""
    with Emulator("--auth", "--https", app=APPS / "events") as running:
        yield running


def received(emulator: Emulator) -> list[Any]:
    """Return what the app got."""
    return emulator.get("/api/received").json["received"]


def notify(emulator: Emulator, body: Any, path: str = WEBHOOK) -> Reply:
    """Send a notification."""
    return emulator.request("POST", path, body, NOTIFICATION)


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what happens in other processes."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_event_runs_the_function_once(events: Emulator) -> None:
    """202 once it has run; Event Grid's schema arrives as an EventGridEvent."""
    reply = notify(events, [event_grid_event(topic="/t", metadataVersion="1")])
    assert (reply.status, reply.body) == (202, b"")
    assert received(events) == [{"class": "EventGridEvent", "id": "event-1", "type": "Some.Type", "data": {"a": 1}}]


def test_a_cloud_event_runs_the_function_once(events: Emulator) -> None:
    """On its own, as Event Grid sends it, or in an array; it arrives as a CloudEvent."""
    headers = {**NOTIFICATION, "Content-Type": "application/cloudevents+json; charset=utf-8"}
    assert events.request("POST", WEBHOOK, json.dumps(cloud_event()), headers).status == 202
    assert notify(events, [cloud_event(id="b")]).status == 202
    got = received(events)
    assert [(each["class"], each["id"], each["type"]) for each in got] == [
        ("CloudEvent", "event-1", "Some.Type"),
        ("CloudEvent", "b", "Some.Type"),
    ]


def test_each_event_of_an_array_is_an_invocation(events: Emulator) -> None:
    """All run at once; schemas may be mixed."""
    assert notify(events, [event_grid_event(id="a"), cloud_event(id="b"), event_grid_event(id="c")]).status == 202
    assert sorted(each["id"] for each in received(events)) == ["a", "b", "c"]
    assert events.get("/api/received").json["most"] == 3


def test_one_failure_fails_the_request(events: Emulator) -> None:
    """500, so that all of it is sent again; the others have run."""
    reply = notify(events, [event_grid_event(id="a"), event_grid_event(id="b", data={"failures": 1})])
    assert (reply.status, reply.body) == (500, b"")
    assert len(received(events)) == 2
    events.wait_for("RuntimeError: told to fail")


def test_a_function_is_found_by_its_exact_name(events: Emulator) -> None:
    """As the extension finds it; the parameter's own name counts in any case."""
    assert notify(events, event_grid_event(), "/runtime/webhooks/eventgrid?functionname=other").status == 202
    assert received(events) == [{"other": "event-1"}]
    for query in ("", "?functionName=", "?functionName=nobody", "?functionName=ON_EVENT", "?functionName=get_received"):
        reply = notify(events, event_grid_event(), f"/runtime/webhooks/eventgrid{query}")
        assert reply.status == 404
        assert reply.text.startswith("cannot find function")


def test_the_validation_handshake_answers_the_code(events: Emulator) -> None:
    """In Event Grid's schema, in CloudEvents' where the data are JSON within a string, and no function runs."""
    data = {"validationCode": "512d38b6", "validationUrl": "https://x"}
    kind = "Microsoft.EventGrid.SubscriptionValidationEvent"
    for body in (
        [event_grid_event(eventType=kind, data=data)],
        cloud_event(type=kind, data=json.dumps(data)),
        cloud_event(type=kind, data=data),
    ):
        reply = events.request("POST", WEBHOOK, body, VALIDATION)
        assert (reply.status, reply.json) == (200, {"validationResponse": "512d38b6"})
    assert received(events) == []


def test_the_cloud_events_handshake_allows_the_origin(events: Emulator) -> None:
    """OPTIONS with the sender's origin; without it there is nobody to allow."""
    headers = {"WebHook-Request-Origin": "eventgrid.azure.net", "WebHook-Request-Rate": "120"}
    reply = events.request("OPTIONS", WEBHOOK, None, headers)
    assert reply.status == 200
    assert reply.header("webhook-allowed-origin") == "eventgrid.azure.net"
    assert (reply.header("webhook-allowed-rate"), reply.header("allow")) == ("*", "POST")
    assert events.request("OPTIONS", WEBHOOK).status == 400


def test_an_unsubscription_is_accepted(events: Emulator) -> None:
    """And runs nothing."""
    assert events.request("POST", WEBHOOK, b"[]", {"aeg-event-type": "Unsubscribe"}).status == 202
    assert received(events) == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, [event_grid_event()]),
        ({"aeg-event-type": "Other"}, [event_grid_event()]),
        (NOTIFICATION, b""),
        (NOTIFICATION, b"{"),
        (NOTIFICATION, b"\xff"),
        (NOTIFICATION, b"[]"),
        (NOTIFICATION, b"1"),
        (NOTIFICATION, b"[[]]"),
        (NOTIFICATION, b"[" * 100_000),
        (VALIDATION, b"[]"),
        (VALIDATION, [event_grid_event(data=None)]),
        (VALIDATION, [event_grid_event(data="no JSON")]),
        (VALIDATION, [event_grid_event(data={"validationCode": 1})]),
    ],
)
def test_what_event_grid_would_not_send_is_refused(events: Emulator, headers: dict[str, str], body: Any) -> None:
    """400, and no function runs."""
    assert events.request("POST", WEBHOOK, body, headers).status == 400
    assert received(events) == []


def test_the_admin_api_runs_an_event_grid_function(events: Emulator) -> None:
    """The input is an event in JSON; one that is none is in the log."""
    run = {"input": json.dumps(event_grid_event(id="by hand"))}
    assert events.post("/admin/functions/on_event", run).status == 202
    wait_until(lambda: [each["id"] for each in received(events)] == ["by hand"])
    assert events.post("/admin/functions/on_event", {"input": "x"}).status == 202
    events.wait_for("The Event Grid function on_event needs one event")


def test_the_webhook_needs_the_system_key(guarded_events: Emulator) -> None:
    """As `code` or as a header, the master key opens it too; no other, for handshakes neither."""
    endpoints = guarded_events.call_control("GET", "endpoints")
    webhook = endpoints["webhook"]
    assert webhook == f"{guarded_events.app}/runtime/webhooks/eventgrid?functionName=on_event"
    for name, status in (("systemKey", 202), ("masterKey", 202), ("functionKey", 401)):
        reply = send("POST", f"{webhook}&code={endpoints[name]}", [event_grid_event()], NOTIFICATION)
        assert reply.status == status
    assert send("POST", webhook, [event_grid_event()], NOTIFICATION).status == 401
    assert send("OPTIONS", webhook, None, {"WebHook-Request-Origin": "x"}).status == 401


def test_what_happens_in_the_cloud_reaches_the_app_over_tls_with_keys(guarded_events: Emulator) -> None:
    """The cloud trusts the host's certificate and brings the key."""
    guarded_events.reset()
    guarded_events.call_control("POST", "secrets", {"name": "guarded", "value": "x"})
    wait_until(
        lambda: any(each["data"].get("ObjectName") == "guarded" for each in received(guarded_events) if "data" in each)
    )
    # The function runs before the host has answered.
    wait_until(lambda: [each["status"] for each in guarded_events.call_control("GET", "events")] == ["Delivered"])


def test_what_happens_in_the_cloud_reaches_the_app(events: Emulator) -> None:
    """A secret near its expiry, and an action on the resource; each once, and it is seen in `/_control/events`."""
    secret = {"name": "soon", "value": "x", "expiresOn": "2001-01-01T00:00:00Z"}
    events.call_control("POST", "secrets", secret)
    endpoints = events.call_control("GET", "endpoints")
    listing = f"{endpoints['arm']}{RESOURCE_ID}/listKeys?api-version=2023-03-31"
    assert send("POST", listing, b"", {"Authorization": f"Bearer {endpoints['token']}"}).status == 200
    wait_until(lambda: len(received(events)) == 3)
    kinds = {
        "Microsoft.KeyVault.SecretNewVersionCreated",
        "Microsoft.KeyVault.SecretExpired",
        "Microsoft.Resources.ResourceActionSuccess",
    }
    assert {each["type"] for each in received(events)} == kinds

    def listed() -> list[tuple[str, int, str]]:
        shown = events.call_control("GET", "events")
        return [(each["direction"], each["attempts"], each["status"]) for each in shown]

    wait_until(lambda: listed() == [("in", 1, "Delivered")] * 3)


def test_an_event_whose_function_fails_is_delivered_again(events: Emulator) -> None:
    """After half a second, until it succeeds."""
    events.call_control("POST", "events", cloud_event(data={"failures": 1}))
    wait_until(lambda: events.call_control("GET", "events")[0]["status"] == "Delivered")
    assert events.call_control("GET", "events")[0]["attempts"] == 2
    assert [each["id"] for each in received(events)] == ["event-1"] * 2


def test_an_app_without_the_function_gets_no_events(web: Emulator) -> None:
    """They are kept as undelivered."""
    web.reset()
    web.call_control("POST", "events", cloud_event())
    assert web.call_control("GET", "events")[0]["status"] == "Undelivered"
    assert web.call_control("GET", "endpoints")["webhook"] is None
