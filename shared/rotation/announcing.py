"""Telling the app's Event Grid topic what has become of an orchestration; a topic that fails costs nothing else.

An event is told by an orchestration of its own, so that what caused it neither waits for the topic nor fails with it.
Where there is no orchestration (a direct regenerate), a task in the background does it with less patience.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from shared.errors import AppError, UnexpectedError
from shared.rotation.model import Json
from shared.rotation.steps import Context, StepFailed, Steps, failure, take

# some thirteen minutes: a role that has just been assigned works by then
PAUSES = (1, 5, 30, 120, 600)
_IMPATIENT = (1, 5)
_logger = logging.getLogger(__name__)


class Topic(Protocol):
    """Where events go."""

    async def publish(self, announcement: Json) -> None:
        """Publish an announcement as `announcements` makes it; once or, where the answer is lost, more than once.

        Raises:
            EventNotPublished: it was not taken.
            ManagedIdentityUnavailable: there is no token for it.
        """
        ...


type TopicSource = Callable[[], Awaitable[Topic | None]]


def announce_outcome(ctx: Context, request: Json) -> Steps[Json]:
    """Publish an announcement, with pauses between the attempts; it never fails.

    Returns `{"status": "Published" | "NotConfigured" | "Failed", "error"?: {"code", "message"}}`.
    """
    try:
        return (yield from take(ctx, "publish_event", request, pauses=PAUSES))
    except StepFailed as failed:
        if not ctx.is_replaying:
            _give_up(request)
        return {"status": "Failed", "error": {name: failed.error[name] for name in ("code", "message")}}


async def publish_event(topic: TopicSource, announcement: Json) -> Json:
    """Publish once; return `{"ok": {"status"}}`, or `{"error": …}` as every activity does.

    `topic` gives the topic of this process; None is one that the settings no longer name, and no error.
    """
    try:
        opened = await topic()
        if opened is None:
            return {"ok": {"status": "NotConfigured"}}
        await opened.publish(announcement)
    except AppError as error:
        _logger.warning("event %s was not published: %s", _name(announcement), error.message)
        return {"error": failure(error)}
    except Exception:
        _logger.exception("event %s was not published: an unexpected error", _name(announcement))
        return {"error": failure(UnexpectedError())}
    return {"ok": {"status": "Published"}}


async def announce(
    topic: TopicSource, announcement: Json, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Publish without an orchestration: three attempts within seconds, and never an error but its cancellation."""
    try:
        for pause in (*_IMPATIENT, None):
            answer = await publish_event(topic, announcement)
            if "ok" in answer:
                return
            if pause is None or not answer["error"]["retriable"]:
                break
            await sleep(pause)
    except asyncio.CancelledError:
        # the process ends
        _give_up(announcement)
        raise
    _give_up(announcement)


def _give_up(announcement: Json) -> None:
    _logger.error("event %s is given up", _name(announcement))


def _name(announcement: Json) -> str:
    return f"{announcement['type']} {announcement['id']} of {announcement['resourceId']}"
