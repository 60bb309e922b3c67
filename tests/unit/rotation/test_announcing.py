"""Publishing announcements: a topic that fails delays and fails nothing, and the log has one line an attempt."""

import asyncio
import logging

import pytest
from durabletask.task import TaskFailedError

from shared.errors import AppError, ManagedIdentityUnavailable, NotConfigured, Problem
from shared.event_grid_errors import EventNotPublished
from shared.rotation.announcing import PAUSES, Topic, announce, publish_event
from shared.rotation.model import Json
from tests.support.announcing import AnnouncingWorld, FakeTopic, announcement
from tests.support.fakes import LEGACY_KEY, FakeSleep
from tests.support.orchestration import RESOURCE_ID, Durable, replay

BUSY = EventNotPublished("Event Grid throttles the topic.", retriable=True)
FINAL = EventNotPublished("There is no Event Grid topic.", retriable=False)
NAMED = f"CommunicationKey.Rotated r1 of {RESOURCE_ID}"


async def outcome(topic: FakeTopic) -> tuple[Json, Durable]:
    """Run `announce_outcome` to its end; return its output and the engine."""
    durable = Durable(AnnouncingWorld(topic))
    run = durable.start("announce_outcome", "r1-event", announcement())
    await durable.run()
    assert run.output is not None
    return run.output, durable


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return what was logged, by level."""
    return [(record.levelname, record.getMessage()) for record in caplog.records]


async def test_an_announcement_is_published_once(caplog: pytest.LogCaptureFixture) -> None:
    """What was handed over is what the topic gets; the orchestration says so, and nothing is logged."""
    topic = FakeTopic()
    output, durable = await outcome(topic)
    assert output == {"status": "Published"}
    (published,) = topic.published
    assert announcement().items() <= published.items()
    assert [action.kind for action in durable.runs["r1-event"].actions] == ["activity"]
    assert lines(caplog) == []


async def test_a_failing_topic_is_tried_again_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    """Each failure is one warning; the event is published all the same, under the same id."""
    topic = FakeTopic([BUSY, ManagedIdentityUnavailable("No token."), BUSY])
    output, durable = await outcome(topic)
    assert output == {"status": "Published"}
    assert [each["id"] for each in topic.published] == ["r1"]
    timers = [action.input for action in durable.runs["r1-event"].actions if action.kind == "timer"]
    assert timers == ["2026-01-01T12:00:01", "2026-01-01T12:00:06", "2026-01-01T12:00:36"]
    assert lines(caplog) == [
        ("WARNING", f"event {NAMED} was not published: {message}")
        for message in (BUSY.message, "No token.", BUSY.message)
    ]


async def test_a_topic_that_never_recovers_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    """Six attempts within some thirteen minutes, then one error; the orchestration ends, it does not fail."""
    topic = FakeTopic([BUSY] * 10)
    output, durable = await outcome(topic)
    assert output == {"status": "Failed", "error": {"code": "EventNotPublished", "message": BUSY.message}}
    assert topic.asked == len(PAUSES) + 1 == 6
    assert 600 <= sum(PAUSES) <= 900
    assert lines(caplog)[-1] == ("ERROR", f"event {NAMED} was given up")
    assert [level for level, _ in lines(caplog)] == ["WARNING"] * 6 + ["ERROR"]
    assert durable.runs["r1-event"].state == "COMPLETED"


async def test_a_final_refusal_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """What somebody must act upon is given up at once."""
    topic = FakeTopic([FINAL] * 10)
    output, _ = await outcome(topic)
    assert (output["status"], topic.asked) == ("Failed", 1)
    assert [level for level, _ in lines(caplog)] == ["WARNING", "ERROR"]


async def test_a_replay_logs_nothing_again(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of an event that is given up is written once, however often the history is replayed."""
    _, durable = await outcome(FakeTopic([FINAL]))
    history = durable.runs["r1-event"].history()
    caplog.clear()
    monkeypatch.setattr("tests.support.orchestration.Run.is_replaying", True)
    assert replay(history).output == history["output"]
    assert lines(caplog) == []


async def test_a_worker_that_dies_costs_an_attempt() -> None:
    """What the host fails is tried again; where it never succeeds, no key's outcome is told of it."""
    topic = FakeTopic()
    world = AnnouncingWorld(topic)
    deaths = 0

    async def die(name: str, request: Json) -> Json:
        nonlocal deaths
        deaths += 1
        raise TaskFailedError(f"{name} {request['id']}", ValueError("the worker died"))

    durable = Durable(world)
    durable.failures = (TaskFailedError,)
    world.step = die  # pyright: ignore[reportAttributeAccessIssue]  # a stand-in for the method
    run = durable.start("announce_outcome", "r1-event", announcement())
    await durable.run()
    assert (deaths, topic.published) == (len(PAUSES) + 1, [])
    assert run.output is not None
    assert run.output["status"] == "Failed"
    assert set(run.output["error"]) == {"code", "message"}


async def test_without_a_topic_nothing_is_published_and_nothing_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    """Where the setting was removed meanwhile, the announcement is dropped."""

    async def none() -> Topic | None:
        return None

    assert await publish_event(none, announcement()) == {"ok": {"status": "NotConfigured"}}
    await announce(none, announcement())
    assert lines(caplog) == []


async def test_settings_that_went_wrong_are_an_answer() -> None:
    """What hinders the making of the client is told like every error: nothing is raised."""

    async def broken() -> Topic | None:
        raise NotConfigured([Problem("InvalidSetting", "m", "EVENT_GRID_TOPIC_ENDPOINT")])

    answer = await publish_event(broken, announcement())
    assert answer["error"]["code"] == "NotConfigured"


async def test_an_unexpected_error_stays_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Its text does not get into the answer, which the engine stores."""
    answer = await publish_event(FakeTopic([RuntimeError(f"accesskey={LEGACY_KEY}")]), announcement())
    assert answer["error"]["code"] == "InternalServerError"
    assert LEGACY_KEY not in str(answer)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_in_the_background_there_are_three_attempts(caplog: pytest.LogCaptureFixture) -> None:
    """Pauses of one and five seconds; then it is given up, and nothing is raised."""
    sleep = FakeSleep()
    topic = FakeTopic([BUSY] * 10)
    await announce(topic, announcement(), sleep=sleep)
    assert (topic.asked, sleep.naps) == (3, [1, 5])
    assert [level for level, _ in lines(caplog)] == ["WARNING"] * 3 + ["ERROR"]


@pytest.mark.parametrize(("failures", "asked", "published"), [([], 1, 1), ([BUSY], 2, 1), ([FINAL], 1, 0)])
async def test_in_the_background_only_what_may_pass_is_tried_again(
    failures: list[AppError], asked: int, published: int
) -> None:
    """A success ends it, and so does a refusal that is final."""
    topic = FakeTopic(failures)
    await announce(topic, announcement(), sleep=FakeSleep())
    assert (topic.asked, len(topic.published)) == (asked, published)


async def test_the_end_of_the_process_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """An event that is cut off between two attempts is given up, and the cancellation goes on."""
    task = asyncio.create_task(announce(FakeTopic([BUSY]), announcement(), sleep=FakeSleep(forever=True)))
    while not caplog.records:  # noqa: ASYNC110  # the task has no event for its pause
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert lines(caplog)[-1] == ("ERROR", f"event {NAMED} was given up")
