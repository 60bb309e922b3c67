"""The outbox: what comes within a moment goes out together, nothing waits for it, and its end loses what it must."""

import asyncio
import logging

import pytest

from shared.event_grid_errors import EventNotPublished
from shared.rotation import outbox
from shared.rotation.model import Json
from shared.rotation.outbox import LINGER_SECONDS, MOST_AT_ONCE, Outbox
from tests.support.announcing import FakeTopic, announcement
from tests.support.fakes import FakeSleep

BUSY = EventNotPublished("busy", retriable=True)


def many(count: int) -> list[Json]:
    """Return so many announcements."""
    return [announcement(id=f"r{number}") for number in range(count)]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged as an error."""
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


async def rest() -> None:
    """Let every task run until it has nothing to do."""
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # the tasks are not ours to wait for
        await asyncio.sleep(0)


async def test_what_comes_within_a_moment_goes_out_with_one_request() -> None:
    """Nobody waits for it; after a moment all of them are published together, in their order."""
    topic, sleep = FakeTopic(), FakeSleep()
    box = Outbox(topic, sleep=sleep)
    for each in many(3):
        box.add(each)
    assert topic.asked == 0
    await rest()
    assert (topic.asked, topic.published) == (1, many(3))
    assert sleep.naps == [LINGER_SECONDS]


async def test_what_comes_later_goes_out_with_the_next_request() -> None:
    """An outbox that has been emptied starts again."""
    topic = FakeTopic()
    box = Outbox(topic, sleep=FakeSleep())
    for each in many(2):
        box.add(each)
        await rest()
    assert (topic.asked, topic.published) == (2, many(2))


async def test_a_request_holds_only_so_many() -> None:
    """Event Grid takes 1 MB at once."""
    topic = FakeTopic()
    box = Outbox(topic, sleep=FakeSleep())
    for each in many(MOST_AT_ONCE + 1):
        box.add(each)
    await rest()
    assert (topic.asked, topic.published) == (2, many(MOST_AT_ONCE + 1))


async def test_a_topic_that_stays_away_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What does not fit any more is given up, and the log says so."""
    monkeypatch.setattr(outbox, "MOST_WAITING", 2)
    topic = FakeTopic()
    box = Outbox(topic, sleep=FakeSleep())
    for each in many(3):
        box.add(each)
    await rest()
    assert topic.published == many(2)
    assert errors(caplog) == [f"event CommunicationKey.Rotated r2 of {announcement()['resourceId']} was given up"]


async def test_a_topic_that_refuses_is_one_error_for_all(caplog: pytest.LogCaptureFixture) -> None:
    """Three attempts, then all of the request are given up in one line, and the outbox goes on."""
    topic = FakeTopic([BUSY] * 3)
    box = Outbox(topic, sleep=FakeSleep())
    for each in many(2):
        box.add(each)
    await rest()
    assert topic.asked == 3
    assert errors(caplog)[0].endswith("and 1 more were given up")
    box.add(announcement(id="later"))
    await rest()
    assert [each["id"] for each in topic.published] == ["later"]


async def test_the_end_publishes_what_still_waits(caplog: pytest.LogCaptureFixture) -> None:
    """A process that ends within the moment loses nothing."""
    topic = FakeTopic()
    box = Outbox(topic, sleep=FakeSleep(forever=True))
    for each in many(2):
        box.add(each)
    await asyncio.sleep(0)
    await box.close()
    assert topic.published == many(2)
    assert errors(caplog) == []


async def test_the_end_does_not_wait_for_a_topic_that_refuses(caplog: pytest.LogCaptureFixture) -> None:
    """One attempt, and what was not taken is given up."""
    topic = FakeTopic([BUSY] * 9)
    box = Outbox(topic, sleep=FakeSleep(forever=True))
    box.add(announcement())
    await asyncio.sleep(0)
    await box.close()
    assert topic.asked == 1
    assert len(errors(caplog)) == 1


async def test_the_end_does_not_wait_for_a_topic_that_is_silent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A topic that never answers holds up the end for a moment alone."""
    monkeypatch.setattr(outbox, "_LAST_ATTEMPT_SECONDS", 0.01)

    async def silent() -> FakeTopic:
        await asyncio.Event().wait()
        raise AssertionError("it never answers")

    box = Outbox(silent, sleep=FakeSleep(forever=True))
    box.add(announcement())
    await asyncio.sleep(0)
    await box.close()
    assert len(errors(caplog)) == 1


async def test_an_outbox_that_was_never_used_ends_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to publish and nothing to say."""
    topic = FakeTopic()
    await Outbox(topic).close()
    assert topic.asked == 0
    assert caplog.records == []
