"""Event Grid's topic, seen by a publisher: who may publish what, and what a refusal says."""

import asyncio
import json
import ssl

import aiohttp
import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import SYSTEM_ASSIGNED, TOPIC_ID, USER_ASSIGNED_WITHOUT_ROLE
from emulator.cloud.fault_rules import parse_rules
from tests.support.cloud import ControlClient, Http
from tests.support.emulator import send
from tests.support.event_grid import AUDIENCE, Publisher, cloud_event, event_grid_event

CLOUD_EVENTS = "application/cloudevents-batch+json; charset=utf-8"


@pytest.fixture
def publisher(cloud: Cloud, http: Http) -> Publisher:
    """A publisher with the rights of the app."""
    return Publisher(cloud, http)


def _told(cloud: Cloud) -> list[tuple[str, str, str]]:
    return [(each.id, each.direction, each.status) for each in cloud.delivery.records.all()]


async def test_events_of_event_grids_schema_are_taken(cloud: Cloud, publisher: Publisher) -> None:
    """200 without a body, the journal has the request, and each event is out and comes back in, with its topic."""
    answer = await publisher.send([event_grid_event(id="a"), event_grid_event(id="b")])
    assert (answer.status, answer.body) == (200, b"")
    assert _told(cloud) == [
        *(("a", "out", "Published"), ("a", "in", "Undelivered")),
        *(("b", "out", "Published"), ("b", "in", "Undelivered")),
    ]
    assert cloud.delivery.records.all()[0].event == event_grid_event(id="a", topic=TOPIC_ID, metadataVersion="1")
    [entry] = cloud.journal.entries()
    assert (entry.service, entry.operation, entry.status, entry.effect) == ("eventgrid", "publish", 200, True)


@pytest.mark.parametrize("content_type", [CLOUD_EVENTS, "application/cloudevents+json"])
async def test_cloud_events_are_taken(cloud: Cloud, publisher: Publisher, content_type: str) -> None:
    """As a batch, which is how the SDK sends them, or one alone; they stay as they are."""
    sent = cloud_event()
    answer = await publisher.send([sent] if content_type == CLOUD_EVENTS else sent, content_type)
    assert answer.status == 200
    assert _told(cloud) == [("event-1", "out", "Published"), ("event-1", "in", "Undelivered")]
    assert cloud.delivery.records.all()[1].event == sent


@pytest.mark.parametrize(
    ("headers", "authorization", "word"),
    [
        ({}, None, "Request must contain one of"),
        ({"aeg-sas-key": "a2V5"}, None, "disabled"),
        ({"aeg-sas-token": "r=x&e=y&s=z"}, None, "disabled"),
        ({"aeg-sas-key": "a2V5"}, "", "disabled"),
        ({}, "SharedAccessSignature r=x&e=y&s=z", "disabled"),
        ({}, "Basic eDp5", "Request must contain one of"),
        ({}, "Bearer wrong", "invalid"),
    ],
)
async def test_only_a_token_opens_the_topic(
    cloud: Cloud, publisher: Publisher, headers: dict[str, str], authorization: str | None, word: str
) -> None:
    """Keys and signatures are switched off, and 401 says so; nothing is published."""
    answer = await publisher.send([event_grid_event()], authorization=authorization, headers=headers)
    assert (answer.status, answer.error["code"]) == (401, "Unauthorized")
    assert word in str(answer.error["message"])
    assert answer.error["details"] == [{"code": "Unauthorized", "message": answer.error["message"]}]
    assert _told(cloud) == []
    assert cloud.journal.entries()[0].effect is False


async def test_the_token_must_be_for_event_grid_valid_and_of_a_sender(
    cloud: Cloud, publisher: Publisher, http: Http
) -> None:
    """Another audience, an expired one and an identity without the role are refused, each with 401."""
    expired = cloud.tokens.issue(AUDIENCE, SYSTEM_ASSIGNED, expired=True).value
    refused = {
        cloud.token: f"not for {AUDIENCE}",
        expired: "expired",
        Publisher(cloud, http, USER_ASSIGNED_WITHOUT_ROLE).token: "does not have permission to send data to",
    }
    for token, word in refused.items():
        answer = await publisher.send([event_grid_event()], authorization=f"Bearer {token}")
        assert answer.status == 401
        assert word in str(answer.error["message"])
    with_slash = cloud.tokens.issue(f"{AUDIENCE}/", SYSTEM_ASSIGNED).value
    assert (await publisher.send([event_grid_event()], authorization=f"Bearer {with_slash}")).status == 200


@pytest.mark.parametrize(
    ("body", "content_type", "word"),
    [
        (b"{", "application/json", "not JSON"),
        (event_grid_event(), "application/json", "must be an array"),
        ([event_grid_event(), event_grid_event(id="")], "application/json", "the events[1]: id must not be empty"),
        ([cloud_event()], "application/json", "unknown: source, specversion, time, type"),
        ([event_grid_event()], CLOUD_EVENTS, "source is missing"),
        (cloud_event(), CLOUD_EVENTS, "must be an array"),
        ([cloud_event()], "application/cloudevents+json", "must be an object"),
        ([event_grid_event()], "text/plain", "content type"),
    ],
)
async def test_a_wrong_body_is_refused_whole(
    cloud: Cloud, publisher: Publisher, body: object, content_type: str, word: str
) -> None:
    """400 says where and what; no event of the request is published."""
    answer = await publisher.send(body, content_type)
    assert (answer.status, answer.error["code"]) == (400, "BadRequest")
    assert word in str(answer.error["message"])
    assert _told(cloud) == []


@pytest.mark.parametrize(
    ("method", "query", "status"),
    [
        ("POST", "", 400),
        ("POST", "?api-version=2017-01-01", 400),
        ("GET", "?api-version=2018-01-01", 405),
        ("POST", "/more?api-version=2018-01-01", 404),
        ("POST", "/?api-version=2018-01-01", 200),
    ],
)
async def test_a_topic_has_one_path_one_method_and_one_version(
    publisher: Publisher, method: str, query: str, status: int
) -> None:
    """Everything else has its own refusal."""
    assert (await publisher.send([event_grid_event()], method=method, query=query)).status == status


async def test_more_than_a_megabyte_is_too_large(cloud: Cloud, publisher: Publisher) -> None:
    """413, with the shape of every error, and the request is in the journal."""
    body = json.dumps([event_grid_event(data="x" * 1024 * 1024)])
    headers = {"Authorization": f"Bearer {publisher.token}", "Content-Type": "application/json"}
    # In a thread: aiohttp's client warns of bodies of this size.
    url = f"{cloud.topic_url}?api-version=2018-01-01"
    answer = await asyncio.to_thread(send, "POST", url, body, headers)
    assert (answer.status, answer.json["error"]["code"]) == (413, "PayloadTooLarge")
    assert cloud.journal.entries()[0].status == 413
    assert (await publisher.send([event_grid_event(data="x" * 1000_000)])).status == 200


async def test_a_status_fault_has_the_services_shape(
    cloud: Cloud, publisher: Publisher, control: ControlClient
) -> None:
    """Nothing is published, unless the fault comes after the effect."""
    rule = {"service": "eventgrid", "operation": "publish", "times": 1}
    await control.put_faults({**rule, "status": 503, "retryAfter": 1}, {**rule, "status": 500, "after": True})
    answer = await publisher.send([event_grid_event()])
    assert (answer.status, answer.error["code"]) == (503, "ServiceUnavailable")
    assert answer.headers["retry-after"] == "1"
    assert _told(cloud) == []
    assert (await publisher.send([event_grid_event()])).status == 500
    assert len(_told(cloud)) == 2


@pytest.mark.parametrize(("fault", "published"), [({"disconnect": "before"}, 0), ({"disconnect": "after"}, 2)])
async def test_a_connection_can_be_lost(
    cloud: Cloud, publisher: Publisher, control: ControlClient, fault: dict[str, object], published: int
) -> None:
    """Before the effect or after it."""
    await control.put_faults({"service": "eventgrid", **fault})
    with pytest.raises(aiohttp.ClientError):
        await publisher.send([event_grid_event()])
    assert len(_told(cloud)) == published


async def test_the_service_can_be_slow_away_or_untrusted(cloud: Cloud, publisher: Publisher) -> None:
    """A delay, a refused connection and a wrong certificate, until the rules go."""
    await cloud.set_faults(parse_rules([{"service": "eventgrid", "delaySeconds": 3600}]))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await publisher.send([event_grid_event()])
    await cloud.set_faults(parse_rules([{"service": "eventgrid", "refuse": True}]))
    with pytest.raises(aiohttp.ClientConnectorError):
        await publisher.send([event_grid_event()])
    await cloud.set_faults(parse_rules([{"service": "eventgrid", "tls": True}]))
    with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
        await publisher.send([event_grid_event()])
    assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)
    await cloud.set_faults([])
    assert (await publisher.send([event_grid_event()])).status == 200
