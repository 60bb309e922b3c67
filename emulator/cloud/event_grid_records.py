"""The events that have passed through Event Grid, and what became of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# "out": published to the topic by the app. "in": delivered, or to be delivered, to the app.
Direction = Literal["in", "out"]
# Undelivered: there is no webhook. Held: the control API holds deliveries back. Pending: on its way, or between two
# tries. Published is all that an event going out can be.
Status = Literal["Published", "Undelivered", "Held", "Pending", "Delivered", "DeadLettered"]
_KEPT = 10_000


@dataclass(slots=True, kw_only=True, eq=False)
class Record:
    """One event; `attempts` counts the requests that delivered it or tried to, duplicates included."""

    event: Mapping[str, object]
    direction: Direction
    status: Status
    attempts: int = 0

    @property
    def id(self) -> str:
        """The event's own id: unique for a source alone, and the same for an event that went out and came back in."""
        return str(self.event["id"])

    @property
    def type(self) -> str:
        """The event's type, in either schema."""
        return str(self.event["type" if self.is_cloud_event else "eventType"])

    @property
    def is_cloud_event(self) -> bool:
        """Say whether the event is in the CloudEvents schema, else in Event Grid's own."""
        return "specversion" in self.event

    def as_json(self) -> dict[str, object]:
        """Return the record as the control API shows it."""
        return {
            "id": self.id,
            "type": self.type,
            "direction": self.direction,
            "event": self.event,
            "attempts": self.attempts,
            "status": self.status,
        }


class Records:
    """The newest 10,000 events, oldest first."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        # A dictionary for its order: a record may have to leave from anywhere in it.
        self._records: dict[Record, None] = {}

    def add(self, record: Record) -> Record | None:
        """Append a record; return the one that had to make room, which is to be delivered no more."""
        self._records[record] = None
        if len(self._records) <= self._kept:
            return None
        oldest = next(iter(self._records))
        del self._records[oldest]
        return oldest

    def all(self) -> list[Record]:
        """Return a copy of what is kept."""
        return list(self._records)

    def find(self, event_id: str) -> Record | None:
        """Return the newest event with that id, one that comes in before one that went out."""
        found = [each for each in reversed(self._records) if each.id == event_id]
        return next((each for each in found if each.direction == "in"), found[0] if found else None)

    def clear(self) -> None:
        """Forget everything."""
        self._records.clear()
