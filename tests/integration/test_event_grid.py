"""The Event Grid adapter against the emulated topic, through the real SDK: what arrives, faults, secrecy, closing."""

import asyncio
import gc
import logging
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator

import pytest
import pytest_asyncio
from aiohttp import web

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import USER_ASSIGNED_WITHOUT_ROLE
from shared import composition
from shared.azure_clients import event_grid
from shared.azure_clients.credential import Credential
from shared.azure_clients.event_grid import EventGridTopic
from shared.errors import AppError, ManagedIdentityUnavailable
from shared.event_grid_errors import EventNotPublished
from shared.settings import parse_settings
from shared.settings import settings as process_settings
from tests.support.announcing import announcement, cloud_event
from tests.support.cloud import ControlClient, eventually
from tests.support.orchestration import RESOURCE_ID
from tests.support.stranger import stranger


@pytest_asyncio.fixture
async def topic(cloud: Cloud, credential: Credential) -> AsyncGenerator[EventGridTopic]:
    """The adapter, on the emulated topic."""
    opened = EventGridTopic(cloud.topic_url, credential)
    yield opened
    await opened.close()


def _published(cloud: Cloud) -> list[dict[str, object]]:
    return [dict(each.event) for each in cloud.delivery.records.all() if each.direction == "out"]


async def _asked(control: ControlClient, operation: str = "publish") -> list[dict[str, object]]:
    return [entry for entry in await control.requests() if entry["operation"] == operation]


async def _refused(topic: EventGridTopic) -> EventNotPublished:
    with pytest.raises(EventNotPublished) as caught:
        await topic.publish(announcement())
    return caught.value


async def test_an_announcement_arrives_as_a_cloud_event(
    cloud: Cloud, topic: EventGridTopic, control: ControlClient
) -> None:
    """Source and subject are the resource; id, type, time and data are the announcement's; one request is made."""
    data = {"id": "r1", "fingerprints": {"new": "sha256:0"}, "secrets": ["https://v/secrets/s/1"], "reason": "ä ✓"}
    sent = announcement(data=data)
    await topic.publish(sent)
    assert _published(cloud) == [cloud_event(sent)]
    assert len(await _asked(control)) == 1


async def test_the_same_announcement_is_the_same_event(cloud: Cloud, topic: EventGridTopic) -> None:
    """Whoever publishes it again, publishes it under the same id."""
    for _ in range(2):
        await topic.publish(announcement())
    first, second = _published(cloud)
    assert first == second


async def test_one_token_serves_many_events(topic: EventGridTopic, control: ControlClient) -> None:
    """The token is for Event Grid and is kept."""
    for number in range(3):
        await topic.publish(announcement(id=f"r{number}"))
    assert len(await _asked(control, "token")) == 1


@pytest.mark.parametrize(
    ("status", "words", "retriable"),
    [
        (400, "cloudeventschemav1_0", False),
        (401, "EventGrid Data Sender", True),
        (403, "EventGrid Data Sender", False),
        (404, "EVENT_GRID_TOPIC_ENDPOINT", False),
        (405, "HTTP status 405", False),
        (408, "HTTP status 408", True),
        (413, "larger", False),
        (429, "throttles", True),
        (500, "HTTP status 500", True),
        (503, "HTTP status 503", True),
    ],
)
async def test_each_refusal_has_its_own_advice(
    cloud: Cloud, topic: EventGridTopic, control: ControlClient, status: int, words: str, retriable: bool
) -> None:
    """One request, our error with what to do and Event Grid's own words, and Retry-After passed on."""
    await control.put_faults({"service": "eventgrid", "operation": "publish", "status": status, "retryAfter": 7})
    error = await _refused(topic)
    assert (error.code, error.status, error.retriable) == ("EventNotPublished", 503, retriable)
    assert words in error.message
    assert "because a fault rule says so" in error.message
    assert error.headers == {"Retry-After": "7"}
    assert len(await _asked(control)) == 1
    assert _published(cloud) == []
    await control.put_faults()
    await topic.publish(announcement())


@pytest.mark.parametrize(
    ("fault", "words", "requests", "events"),
    [
        ({"disconnect": "before"}, "was lost", 1, 0),
        ({"disconnect": "after"}, "was lost", 1, 1),
        ({"status": 500, "after": True}, "HTTP status 500", 1, 1),
        ({"refuse": True}, "No connection", 0, 0),
        ({"tls": True}, "No connection", 0, 0),
    ],
    ids=str,
)
async def test_a_topic_that_fails_may_recover(
    cloud: Cloud,
    topic: EventGridTopic,
    control: ControlClient,
    fault: dict[str, object],
    words: str,
    requests: int,
    events: int,
) -> None:
    """The error is retriable, nothing was repeated on the way, and the next attempt succeeds."""
    await control.put_faults({"service": "eventgrid", "operation": "*", **fault})
    error = await _refused(topic)
    assert error.retriable
    assert words in error.message
    assert len(await _asked(control)) == requests
    assert len(_published(cloud)) == events
    await control.put_faults()
    await topic.publish(announcement())
    assert len(_published(cloud)) == events + 1


async def test_an_answer_that_does_not_come_is_not_waited_for(
    cloud: Cloud, credential: Credential, control: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic that takes longer than the read timeout has failed, for now."""
    monkeypatch.setattr(event_grid, "_READ_SECONDS", 0.1)
    await control.put_faults({"service": "eventgrid", "operation": "publish", "delaySeconds": 3600})
    topic = EventGridTopic(cloud.topic_url, credential)
    error = await _refused(topic)
    assert error.retriable
    await topic.close()


async def test_a_refused_token_is_dropped_and_asked_for_anew(
    topic: EventGridTopic, control: ControlClient, cloud: Cloud
) -> None:
    """A token that expired before its time costs one attempt."""
    await control.put_faults({"service": "identity", "operation": "token", "expiredToken": True, "times": 1})
    assert (await _refused(topic)).retriable
    await topic.publish(announcement())
    assert len(await _asked(control, "token")) == 2
    assert len(_published(cloud)) == 1


async def test_an_identity_without_the_role_is_told_which_one(cloud: Cloud, app_environment: dict[str, str]) -> None:
    """Event Grid answers 401 there; the error names the role, and a later attempt may find it assigned."""
    settings = parse_settings({**app_environment, "AZURE_CLIENT_ID": USER_ASSIGNED_WITHOUT_ROLE.client_id})
    async with Credential(settings) as credential:
        topic = EventGridTopic(cloud.topic_url, credential)
        error = await _refused(topic)
        assert "EventGrid Data Sender" in error.message
        assert "does not have permission to send data to" in error.message
        assert error.retriable
        await topic.close()


async def test_a_missing_identity_says_nothing_about_regeneration(
    topic: EventGridTopic, control: ControlClient
) -> None:
    """No token: the identity's error, without an outcome, and nothing is sent."""
    await control.put_faults({"service": "identity", "operation": "token", "status": 400})
    with pytest.raises(ManagedIdentityUnavailable) as caught:
        await topic.publish(announcement())
    assert (caught.value.outcome, caught.value.retriable) == (None, True)
    assert await _asked(control) == []


async def test_a_topic_that_is_not_there_is_told(cloud: Cloud, credential: Credential) -> None:
    """A path that names no topic."""
    topic = EventGridTopic(cloud.topic_url + "/more", credential)
    error = await _refused(topic)
    assert "EVENT_GRID_TOPIC_ENDPOINT" in error.message
    assert not error.retriable
    await topic.close()


FAILING: list[dict[str, object]] = [
    {"status": 400},
    {"status": 401},
    {"status": 403},
    {"status": 500},
    {"status": 503, "after": True},
    {"disconnect": "before"},
    {"disconnect": "after"},
    {"refuse": True},
    {"tls": True},
]


@pytest.mark.parametrize("fault", FAILING, ids=str)
async def test_no_token_gets_into_logs_or_errors(
    topic: EventGridTopic, control: ControlClient, caplog: pytest.LogCaptureFixture, fault: dict[str, object]
) -> None:
    """At DEBUG, with everything that the SDK and its transport log, no token is seen; nothing hangs on the error."""
    caplog.set_level(logging.DEBUG)
    await control.put_faults({"service": "eventgrid", "operation": "*", **fault})
    with pytest.raises(AppError) as caught:
        await topic.publish(announcement())
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    seen = str(caught.value.to_json()) + "".join(traceback.format_exception(caught.value))
    await control.put_faults()
    await topic.publish(announcement())
    seen += "\n".join(record.getMessage() + str(record.__dict__) for record in caplog.records)
    assert "eyJ" not in seen


DEEP = b"[" * 100_000


@pytest.mark.parametrize(
    "answer",
    [
        (200, b'{"truncat', {"Content-Type": "application/json"}),
        (200, DEEP, {"Content-Type": "application/json"}),
        (202, b"", {}),
        (302, b"", {"Location": "/elsewhere"}),
        (307, b"", {"Location": "/elsewhere"}),
        (401, b"", {"WWW-Authenticate": 'Bearer error="insufficient_claims", claims="!"'}),
        (500, DEEP, {"Content-Type": "application/json"}),
        (500, b'{"error": {"code": 5, "message": ["x"]}}', {"Content-Type": "application/json"}),
        (503, b"x" * 70_000, {"Content-Type": "text/html", "Retry-After": "soon"}),
    ],
    ids=lambda answer: f"{answer[0]} {answer[1][:20]!r}",
)
async def test_an_answer_that_is_not_event_grids_is_an_error(
    cloud: Cloud, credential: Credential, answer: tuple[int, bytes, dict[str, str]]
) -> None:
    """Whatever answers at the endpoint: our error, after one request, which is not sent anywhere else."""
    status, body, headers = answer

    async def answered(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status, body=body, headers=headers)

    async with stranger(cloud, answered) as (origin, paths):
        topic = EventGridTopic(f"{origin}/api/events", credential)
        error = await _refused(topic)
        await topic.close()
    assert error.retriable
    assert len(error.message) < 1_000
    assert error.headers == {}
    assert paths == ["/api/events"]


async def test_the_older_form_of_a_token_is_the_same_token(credential: Credential) -> None:
    """`get_token`, by which azure-eventgrid knows a credential, gives what `get_token_info` gives."""
    scope = "https://eventgrid.azure.net/.default"
    older = await credential.get_token(scope)
    newer = await credential.get_token_info(scope)
    assert (older.token, older.expires_on) == (newer.token, newer.expires_on)


def _warnings(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Return the records of a warning or worse."""
    return [record for record in caplog.records if record.levelno >= logging.WARNING]


def _run_and_stop(main: Coroutine[None, None, None]) -> None:
    """Run in a new loop that stops without cancelling what is left, as `asyncio.run` would."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(main)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def _in_a_process_of_its_own(
    use: Callable[[], Awaitable[None]], run: Callable[[Coroutine[None, None, None]], None] = asyncio.run
) -> Awaitable[None]:
    """Run in a loop of its own, in a thread of its own, as the worker has one, with settings read afresh."""

    async def main() -> None:
        process_settings.cache_clear()
        await use()

    return asyncio.to_thread(lambda: run(main()))


@pytest.fixture
def fresh_settings(app_environment: dict[str, str]) -> Iterator[None]:
    """The environment of an app with a topic, which no test after this one takes for its own."""
    assert "EVENT_GRID_TOPIC_ENDPOINT" in app_environment
    yield
    process_settings.cache_clear()


@pytest.mark.usefixtures("fresh_settings")
async def test_the_process_keeps_its_topic_and_closes_it_with_its_loop(
    cloud: Cloud, control: ControlClient, caplog: pytest.LogCaptureFixture
) -> None:
    """One client and one token for all that is announced; when the loop ends nothing is left to warn of."""
    caplog.set_level(logging.DEBUG)

    async def use() -> None:
        topic = await composition.topic()
        assert topic is not None
        assert await composition.topic() is topic
        await topic.publish(announcement(id="a"))
        await composition.announce_soon(announcement(id="b"))
        await eventually(lambda: len(_published(cloud)) == 2)
        # the answer is still on its way, and an end of the loop would cut it off
        await eventually(lambda: len(asyncio.all_tasks()) == 1)

    await _in_a_process_of_its_own(use)
    gc.collect()
    assert [event["id"] for event in _published(cloud)] == ["a", "b"]
    assert len(await _asked(control, "token")) == 1
    assert not [record for record in caplog.records if "Unclosed" in record.getMessage()]
    assert _warnings(caplog) == []


@pytest.mark.usefixtures("fresh_settings")
@pytest.mark.parametrize("run", [asyncio.run, _run_and_stop])
async def test_the_end_of_the_loop_ends_what_is_still_being_announced(
    control: ControlClient, caplog: pytest.LogCaptureFixture, run: Callable[[Coroutine[None, None, None]], None]
) -> None:
    """An event that waits for its next attempt holds up neither the caller nor the end; the log says it is given up."""
    await control.put_faults({"service": "eventgrid", "operation": "*", "refuse": True})

    async def use() -> None:
        await composition.announce_soon(announcement())
        await eventually(lambda: bool(_warnings(caplog)))

    await _in_a_process_of_its_own(use, run)
    gc.collect()
    assert [record.levelname for record in _warnings(caplog)] == ["WARNING", "ERROR"]
    assert _warnings(caplog)[1].getMessage() == f"event CommunicationKey.Rotated r1 of {RESOURCE_ID} was given up"


@pytest.mark.usefixtures("fresh_settings")
async def test_a_topic_that_refuses_costs_the_caller_nothing(
    cloud: Cloud, control: ControlClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised; one warning for the attempt, one error for the event that is given up."""
    await control.put_faults({"service": "eventgrid", "operation": "publish", "status": 403})

    async def use() -> None:
        await composition.announce_soon(announcement())
        await eventually(lambda: len(asyncio.all_tasks()) == 1)

    await _in_a_process_of_its_own(use)
    assert [record.levelname for record in _warnings(caplog)] == ["WARNING", "ERROR"]
    assert "EventGrid Data Sender" in _warnings(caplog)[0].getMessage()
    assert _published(cloud) == []


@pytest.mark.usefixtures("fresh_settings")
async def test_without_a_topic_nothing_is_announced(control: ControlClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, no client, no token, no task, and no error."""
    monkeypatch.delenv("EVENT_GRID_TOPIC_ENDPOINT")

    async def use() -> None:
        assert await composition.topic() is None
        await composition.announce_soon(announcement())
        assert len(asyncio.all_tasks()) == 1

    await _in_a_process_of_its_own(use)
    assert await _asked(control, "token") == []
