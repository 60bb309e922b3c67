"""NCRONTAB schedules: what is one, and that the host takes whatever the app takes for one."""

import pytest

from emulator.host.schedule import CronSchedule
from shared.schedule import parse_schedule

GOOD = [
    "0 7 * * * *",
    "0 5-5 * * * *",
    "0 0-0 * * * *",
    "*/20 * * * * *",
    "0 */5 * * * *",
    "*/5 * * * *",
    "0 0 9-17/4 * * *",
    "0 30 9 * Jan Mon-Fri",
    "0 0 0 * * 0",
    "0 0 0 * * SUN",
    "0 0 0 1,15 jan,JUL *",
    "15,45 0 0 1 2 *",
    "00 07 * * * *",
    "59 59 23 31 12 6",
    "0 0 0 30 2 *",
    "0 5/10 * * * *",
]
BAD = [
    "",
    "*",
    "* * * *",
    "* * * * * * *",
    "@daily",
    "hourly",
    "60 * * * * *",
    "0 60 * * * *",
    "0 0 24 * * *",
    "0 0 0 0 * *",
    "0 0 0 32 * *",
    "0 0 0 * 0 *",
    "0 0 0 * 13 *",
    "0 0 0 * * 7",
    "0 0 0 * * mon#2",
    "0 0 0 L * *",
    "0 0 0 * sun *",
    "0 0 0 * * jan",
    "0 jan * * * *",
    "0 */0 * * * *",
    "0 1-5/0 * * * *",
    "0 1,,2 * * * *",
    "0 1, * * * *",
    "0 -5 * * * *",
    "0 1- * * * *",
    "0 1-2-3 * * * *",
    "0 *-5 * * * *",
    "0 1.5 * * * *",
    "0 +1 * * * *",
    "0 ٣ * * * *",
    "0 ? * * * *",
    "00:05:00",
    "%RECONCILE_SCHEDULE%",
    "0 7 * * * *; rm",
]
# one field at a time is put in the place of what is there
FIELDS = [
    *("*", "0", "1", "6", "7", "12", "13", "23", "24", "31", "32", "59", "60", "99", "00", "01", "jan", "Dec", "sun"),
    *("SAT", "jan-mar", "mon-fri", "0-59", "1-5", "1-5/2", "5/2", "*/1", "*/99", "1,2,3", "*,5", "mon/2"),
]


@pytest.mark.parametrize("text", GOOD)
def test_an_ncrontab_expression_is_a_schedule(text: str) -> None:
    """Six fields or five, of numbers, names, ranges, lists and steps, for the app and for the host."""
    assert parse_schedule(text) == text
    CronSchedule(text)


@pytest.mark.parametrize("text", BAD)
def test_anything_else_is_none(text: str) -> None:
    """Too few fields, numbers out of range, what other crons know: refused by both, and never quoted by the app."""
    with pytest.raises(ValueError, match=r"NCRONTAB") as raised:
        parse_schedule(text)
    # stars alone stand in the example by themselves
    assert not text.strip("* ") or text not in str(raised.value)
    with pytest.raises(ValueError, match=r"must have|NCRONTAB"):
        CronSchedule(text)


def test_blanks_around_the_fields_do_not_matter() -> None:
    """Whatever they are, one blank is left between two fields."""
    assert parse_schedule(" 0  7\t*\n* * * ") == "0 7 * * * *"


@pytest.mark.parametrize(("text", "position"), [("0 61 * * * *", 2), ("61 * * * *", 1), ("0 0 0 * * x", 6)])
def test_the_wrong_field_is_pointed_at(text: str, position: int) -> None:
    """By its number, counted from the left."""
    with pytest.raises(ValueError, match=f"number {position},"):
        parse_schedule(text)


@pytest.mark.parametrize("text", ["0 5-1 * * * *", "0 0 0 * * fri-mon", "0 7 * * * 07", "0 007 * * * *"])
def test_what_hosts_may_read_in_different_ways_is_refused(text: str) -> None:
    """A range that runs backwards, and numbers with more digits than any has."""
    with pytest.raises(ValueError, match="NCRONTAB"):
        parse_schedule(text)


@pytest.mark.parametrize("position", range(6))
@pytest.mark.parametrize("field", FIELDS)
def test_the_host_takes_what_the_app_takes(position: int, field: str) -> None:
    """A setting that the app has let pass never keeps the functions from being indexed."""
    fields = ["0", "7", "*", "*", "*", "*"]
    fields[position] = field
    text = " ".join(fields)
    try:
        parse_schedule(text)
    except ValueError:
        with pytest.raises(ValueError, match="NCRONTAB"):
            CronSchedule(text)
    else:
        CronSchedule(text)
