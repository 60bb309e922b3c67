"""What Event Grid did with an event of ours; `shared/errors.py` draws where it belongs (pure)."""

from collections.abc import Mapping

from shared.errors import AppError


class EventNotPublished(AppError):
    """Event Grid did not take an event. No caller is told, and nothing else fails with it: the log has it.

    Args:
        message: what is wrong and what to do.
        retriable: whether it may pass by itself; to publish twice is harmless, as the event's id stays the same.
        headers: Retry-After, if Event Grid gave one.
    """

    code = "EventNotPublished"
    status = 503

    def __init__(self, message: str, *, retriable: bool, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, headers=headers)
        self.retriable = retriable
