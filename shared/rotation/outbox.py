"""What is told of direct regenerates, which have no orchestration to tell it: gathered for a moment, sent together.

One request to the topic for each regenerate would take a third of what the regenerate itself takes, on the same event
loop. So what comes within a moment goes out as one.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from shared.rotation.announcing import TopicSource, announce, give_up, publish_event
from shared.rotation.model import Json

_logger = logging.getLogger(__name__)
LINGER_SECONDS = 0.25
# each is about 1 KB, and a request to Event Grid holds 1 MB
MOST_AT_ONCE = 200
MOST_WAITING = 10_000
_LAST_ATTEMPT_SECONDS = 2.0


class Outbox:
    """Publishes announcements in the background; to be used on one event loop, and closed at its end.

    Args:
        topic: gives the topic of this process.
        sleep: waits so many seconds.
    """

    def __init__(self, topic: TopicSource, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._topic = topic
        self._sleep = sleep
        self._waiting: list[Json] = []
        self._task: asyncio.Task[None] | None = None

    def add(self, announcement: Json) -> None:
        """Have it published soon. It never fails; where the topic stays away, what does not fit is given up."""
        if len(self._waiting) >= MOST_WAITING:
            give_up(announcement)
            return
        self._waiting.append(announcement)
        if self._task is None:
            self._task = asyncio.create_task(self._empty())

    async def close(self) -> None:
        """Make one last attempt for what still waits, and give up what is in the midst of its attempts."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        last, rest = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
        self._waiting = []
        try:
            async with asyncio.timeout(_LAST_ATTEMPT_SECONDS):
                if last and "ok" in await publish_event(self._topic, *last):
                    last = []
        except TimeoutError:
            pass
        if last or rest:
            give_up(*last, *rest)

    async def _empty(self) -> None:
        try:
            while self._waiting:
                await self._sleep(LINGER_SECONDS)
                batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                await announce(self._topic, *batch, sleep=self._sleep)
        finally:
            self._task = None
