"""The time, for whoever is not given one."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time, in UTC and with its zone."""
    return datetime.now(UTC)
