"""Telling the app's Event Grid topic what has become of an orchestration; a topic that fails costs nothing else.

An event is told by an orchestration of its own, so that what caused it neither waits for the topic nor fails with it.
Where there is no orchestration (a direct regenerate), a task in the background does it with less patience.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from shared.errors import AppError, UnexpectedError
from shared.rotation.guard import rotation_id
from shared.rotation.model import Json
from shared.rotation.steps import Context, StepFailed, Steps, failure, take
from shared.telemetry.names import Attribute
from shared.telemetry.spans import span

# some thirteen minutes: a role that has just been assigned works by then
PAUSES = (1, 5, 30, 120, 600)
_IMPATIENT = (1, 5)
_logger = logging.getLogger(__name__)


class Topic(Protocol):
    """Where events go."""

    async def publish(self, *announcements: Json) -> None:
        """Publish announcements as `announcements` makes them, with one request; those of an answer that got lost may
        be published again.

        Raises:
            EventNotPublished: they were not taken.
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
            give_up(request)
        return {"status": "Failed", "error": {name: failed.error[name] for name in ("code", "message")}}


async def publish_event(topic: TopicSource, *announcements: Json) -> Json:
    """Publish with one request; return `{"ok": {"status"}}`, or `{"error": …}` as every activity does.

    `topic` gives the topic of this process; None is one that the settings no longer name, and no error.
    """
    first = announcements[0]
    told_of = {
        Attribute.RESOURCE_ID: first["resourceId"],
        Attribute.ROTATION_ID: rotation_id(first["id"]),
        Attribute.EVENT_TYPE: first["type"],
    }
    with span("publish_event", told_of) as told:
        try:
            opened = await topic()
            if opened is None:
                return {"ok": {"status": "NotConfigured"}}
            await opened.publish(*announcements)
        except AppError as error:
            _logger.warning("%s not published: %s", _named(announcements), error.message)
            told.failed(error.code)
            return {"error": failure(error)}
        except Exception as error:
            _logger.exception("%s not published: an unexpected error", _named(announcements))
            told.failed(type(error).__name__)
            return {"error": failure(UnexpectedError())}
    return {"ok": {"status": "Published"}}


async def announce(
    topic: TopicSource, *announcements: Json, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Publish without an orchestration: three attempts within seconds, and never an error but its cancellation."""
    try:
        for pause in (*_IMPATIENT, None):
            answer = await publish_event(topic, *announcements)
            if "ok" in answer:
                return
            if pause is None or not answer["error"]["retriable"]:
                break
            await sleep(pause)
    except asyncio.CancelledError:
        # the process ends
        give_up(*announcements)
        raise
    give_up(*announcements)


def give_up(*announcements: Json) -> None:
    """Say that nobody will be told."""
    _logger.error("%s given up", _named(announcements))


def _named(announcements: Sequence[Json]) -> str:
    first, more = announcements[0], len(announcements) - 1
    name = f"event {first['type']} {first['id']} of {first['resourceId']}"
    return f"{name} and {more} more were" if more else f"{name} was"
