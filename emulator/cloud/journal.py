"""What the cloud was asked: one entry a request, in the order of arrival. Holds no keys and no tokens."""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime

# A long benchmark must not grow the process without bound.
_KEPT = 100_000


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request. It is there from the arrival on; `status` and `effect` are filled in as they happen."""

    service: str
    # None when the request fitted no operation.
    operation: str | None
    method: str
    path: str
    at: datetime
    api_version: str | None = None
    # As ARM writes it when the resource exists, else as it was asked for.
    resource_id: str | None = None
    # As it was sent, if it names a key in any casing; anything else is not kept, for it might be a secret.
    key_type: str | None = None
    secret: str | None = None
    client_request_id: str | None = None
    # None: not answered yet, or the connection was dropped instead.
    status: int | None = None
    # Did the request change anything.
    effect: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the entry as the control API shows it."""
        return {
            "service": self.service,
            "operation": self.operation,
            "method": self.method,
            "path": self.path,
            "apiVersion": self.api_version,
            "resourceId": self.resource_id,
            "keyType": self.key_type,
            "secret": self.secret,
            "clientRequestId": self.client_request_id,
            "status": self.status,
            "effect": self.effect,
            "at": self.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        }


class Journal:
    """The newest 100,000 entries, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def add(self, entry: Entry) -> None:
        """Append an entry."""
        self._entries.append(entry)

    def entries(self) -> list[Entry]:
        """Return a copy of what is kept."""
        return list(self._entries)

    def clear(self) -> None:
        """Forget everything; requests still under way do not come back."""
        self._entries.clear()


def now() -> datetime:
    """Return the current time in UTC, for an entry's `at`."""
    return datetime.now(UTC)
