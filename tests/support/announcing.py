"""A topic in memory, an announcement to publish, and a world in which it can be published."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.rotation.announcing import publish_event
from shared.rotation.model import Json
from tests.support.orchestration import RESOURCE_ID
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


def cloud_event(announced: Json) -> Json:
    """Return the event that an announcement is published as; the topic's adapter is tested to send just that."""
    return {
        "specversion": "1.0",
        "id": announced["id"],
        "source": announced["resourceId"],
        "subject": announced["resourceId"],
        "type": announced["type"],
        "time": announced["time"].replace("Z", ".000Z"),
        "datacontenttype": "application/json",
        "data": announced["data"],
    }


@dataclass(slots=True)
class FakeTopic:
    """A `Topic` that plays these failures, one a call, and then takes what comes."""

    failures: Sequence[Exception] = ()
    asked: int = 0
    published: list[Json] = field(default_factory=list[Json])

    async def publish(self, *announcements: Json) -> None:
        """Fail, or keep the announcements."""
        self.asked += 1
        if self.asked <= len(self.failures):
            raise self.failures[self.asked - 1]
        self.published.extend(announcements)

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
