"""A topic in memory, an announcement to publish, and worlds whose orchestrations announce what has become of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.rotation import announcements
from shared.rotation.announcing import publish_event
from shared.rotation.model import Json, utc_text
from tests.support.orchestration import RESOURCE_ID, Run
from tests.support.rotation import World


def announcement(**members: object) -> Json:
    """Return an announcement."""
    return {
        "id": "r1",
        "type": "CommunicationKey.Rotated",
        "resourceId": RESOURCE_ID,
        "time": "2026-01-01T12:00:00Z",
        "data": {"id": "r1", "operation": "Rotate", "resourceId": RESOURCE_ID},
        **members,
    }


@dataclass(slots=True)
class FakeTopic:
    """A `Topic` that plays these failures, one a call, and then takes what comes."""

    failures: Sequence[Exception] = ()
    asked: int = 0
    published: list[Json] = field(default_factory=list[Json])

    async def publish(self, announcement: Json) -> None:
        """Fail, or keep the announcement."""
        self.asked += 1
        if self.asked <= len(self.failures):
            raise self.failures[self.asked - 1]
        self.published.append(announcement)

    async def __call__(self) -> "FakeTopic":
        """Return this topic, as the composition gives the process's."""
        return self


class AnnouncingWorld(World):
    """A world whose steps include `publish_event`, on a topic of its own."""

    def __init__(self, topic: FakeTopic) -> None:
        super().__init__()
        self.topic = topic

    async def step(self, name: str, request: Json) -> Json:
        """Take a step as an activity does."""
        if name == "publish_event":
            return await publish_event(self.topic, request)
        return await World.step(self, name, request)


def told(run: Run, **request: object) -> Json | None:
    """Return the announcement of an orchestration that has ended; `request` says what else its input had."""
    assert run.output is not None, run.state
    at = utc_text(run.current_utc_datetime)
    return announcements.outcome(run.name, run.instance_id, run.input | request, run.output, at)
