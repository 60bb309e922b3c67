"""The clock of the app."""

from datetime import UTC, datetime, timedelta

from shared.clock import utc_now


def test_the_time_is_utc() -> None:
    """The clock knows that it is in UTC, and it is right."""
    assert utc_now().tzinfo is UTC
    assert abs(utc_now() - datetime.now(UTC)) < timedelta(seconds=1)
