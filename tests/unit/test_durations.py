"""Durations of days and time: what is one, what it says, and how it is written."""

from datetime import timedelta

import pytest

from shared.durations import format_duration, parse_duration, parse_grace_period, shortest_validity

GOOD = [
    ("P2D", timedelta(days=2)),
    ("PT0S", timedelta(0)),
    ("P0D", timedelta(0)),
    ("PT5S", timedelta(seconds=5)),
    ("PT1.5S", timedelta(seconds=1.5)),
    ("PT90M", timedelta(minutes=90)),
    ("PT36H", timedelta(hours=36)),
    ("P1DT2H3M4S", timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ("P1DT0.000001S", timedelta(days=1, microseconds=1)),
    ("P030D", timedelta(days=30)),
]


@pytest.mark.parametrize(("text", "expected"), GOOD, ids=[text for text, _ in GOOD])
def test_days_and_time_are_read(text: str, expected: timedelta) -> None:
    """Days, hours, minutes and seconds add up."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "P", "PT", "P1DT", "2D", "P2", "P1Y", "P1M", "P1W", "P-1D", "-P1D", "+P1D", "p2d", " P2D", "P2D "),
        *("P1.5D", "PT1H30", "PT30S1M", "PT1,5S", "PT.5S", "PT5.S", "P1D2H", "P٢D", "P2D\n", "P1234567D", "PT1H1H"),
        "P" * 5000,
        "1",
    ],
)
def test_everything_else_is_refused_with_a_sentence(text: str) -> None:
    """Years, months, weeks, signs, other digits and stray text are no duration."""
    with pytest.raises(ValueError, match=r"^must be an ISO 8601 duration of days and time only, like P2D"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "PT0S"),
        (timedelta(days=2), "P2D"),
        (timedelta(seconds=5), "PT5S"),
        (timedelta(seconds=90), "PT1M30S"),
        (timedelta(days=1, seconds=0.25), "P1DT0.25S"),
        (timedelta(hours=30), "P1DT6H"),
        (timedelta(microseconds=1), "PT0.000001S"),
    ],
)
def test_a_duration_is_written_short_and_read_back(duration: timedelta, text: str) -> None:
    """What is written is read back as the same duration."""
    assert format_duration(duration) == text
    assert parse_duration(text) == duration


def test_a_negative_duration_is_not_written() -> None:
    """Nothing here lasts less than nothing."""
    with pytest.raises(ValueError, match="negative"):
        format_duration(timedelta(seconds=-1))


def test_a_grace_period_lasts_at_most_thirty_days() -> None:
    """From nothing to P30D."""
    assert parse_grace_period("P30D") == timedelta(days=30)
    assert parse_grace_period("PT0S") == timedelta(0)
    with pytest.raises(ValueError, match="at most P30D"):
        parse_grace_period("P30DT1S")


@pytest.mark.parametrize(
    ("grace", "days"),
    [(timedelta(0), 31), (timedelta(days=2), 33), (timedelta(seconds=1), 32), (timedelta(days=30), 61)],
)
def test_the_shortest_validity_outlasts_the_announcement_and_the_grace(grace: timedelta, days: int) -> None:
    """30 days of announcement, the grace period, and one day more, rounded up."""
    assert shortest_validity(grace) == days
