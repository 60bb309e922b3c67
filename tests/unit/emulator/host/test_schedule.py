"""Timer schedules: NCRONTAB and TimeSpan."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from emulator.host.schedule import parse_schedule
from emulator.host.time_span import parse_time_span

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)  # a Thursday


def occurrences(expression: str, count: int, start: datetime = START) -> list[str]:
    """Return the first moments after `start`, as text."""
    schedule, moment, found = parse_schedule(expression), start, list[str]()
    for _ in range(count):
        following = schedule.after(moment)
        if following is None:
            break
        moment = following
        found.append(moment.strftime("%m-%d %H:%M:%S"))
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/20 * * * * *", ["01-01 12:00:20", "01-01 12:00:40", "01-01 12:01:00"]),
        ("0 */5 * * * *", ["01-01 12:05:00", "01-01 12:10:00"]),
        ("*/5 * * * *", ["01-01 12:05:00", "01-01 12:10:00"]),
        ("0 0 9-17/4 * * *", ["01-01 13:00:00", "01-01 17:00:00", "01-02 09:00:00"]),
        ("0 30 9 * Jan Mon-Fri", ["01-02 09:30:00", "01-05 09:30:00"]),
        ("0 0 0 * * 0", ["01-04 00:00:00", "01-11 00:00:00"]),
        ("0 0 0 * * SUN", ["01-04 00:00:00"]),
        ("15,45 0 0 1 2 *", ["02-01 00:00:15", "02-01 00:00:45"]),
        # Both day fields must fit, unlike in Unix cron: the first Friday that is a 13th.
        ("0 0 0 13 * 5", ["02-13 00:00:00", "03-13 00:00:00", "11-13 00:00:00"]),
        ("0 0 0 29 2 *", ["02-29 00:00:00"]),
    ],
)
def test_a_cron_expression_names_its_moments(expression: str, expected: list[str]) -> None:
    """Six fields from seconds to day of week, or five without seconds."""
    assert occurrences(expression, len(expected)) == expected


def test_a_moment_that_fits_is_not_its_own_next() -> None:
    """What has fired at a moment fires next at a later one."""
    assert occurrences("0 0 12 * * *", 1) == ["01-02 12:00:00"]


def test_a_schedule_that_names_no_day_never_fires() -> None:
    """The 30th of February is well-formed."""
    assert parse_schedule("0 0 0 30 2 *").after(START) is None


def test_moments_are_those_of_the_time_zone() -> None:
    """Nine in the morning is nine o'clock in summer and in winter."""
    berlin = ZoneInfo("Europe/Berlin")
    spring = datetime(2026, 3, 28, 12, 0, tzinfo=berlin)
    schedule = parse_schedule("0 0 9 * * *")
    first = schedule.after(spring)
    assert first is not None
    assert first.astimezone(UTC) == datetime(2026, 3, 29, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "*",
        "* * * *",
        "* * * * * * *",
        "@daily",
        "60 * * * * *",
        "* * * * * 7",
        "* * * L * *",
        "* * * * * 5#2",
        "* * * * 13 *",
        "R * * * * *",
        "a * * * * *",
        "0 0 0 * Foo *",
        "*/0 * * * * *",
        "5-1 * * * * *x",
        "* * ? * * *",
        "0 0 0 * Mon *",
    ],
)
def test_a_malformed_schedule_is_refused(expression: str) -> None:
    """Also what croniter knows beyond NCRONTAB."""
    with pytest.raises(ValueError, match=r"\S"):
        parse_schedule(expression)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:10", timedelta(seconds=10)),
        ("01:30:00", timedelta(hours=1, minutes=30)),
        ("1.02:03:04.5", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        # .NET's well-known trap: hours from 24 on are days.
        ("24:00:00", timedelta(days=24)),
        ("25:10:30", timedelta(days=25, hours=10, minutes=30)),
    ],
)
def test_a_time_span_is_read_as_dotnet_reads_it(text: str, expected: timedelta) -> None:
    """`[days.]hours:minutes:seconds[.fraction]`."""
    assert parse_time_span(text) == expected


@pytest.mark.parametrize("text", ["", "5", "00:60:00", "00:00:60", "1.24:00:00", "24:60:00", "-00:00:01", "x"])
def test_a_malformed_time_span_is_refused(text: str) -> None:
    """Out of range, or not a TimeSpan at all."""
    with pytest.raises(ValueError, match="TimeSpan"):
        parse_time_span(text)


def test_an_interval_counts_from_the_last_start() -> None:
    """Not from full hours."""
    assert occurrences("00:00:30", 2, START + timedelta(seconds=7)) == ["01-01 12:00:37", "01-01 12:01:07"]


def test_an_interval_of_zero_is_refused() -> None:
    """It would fire without end."""
    with pytest.raises(ValueError, match="longer than zero"):
        parse_schedule("00:00:00")
