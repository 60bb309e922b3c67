"""Durations in ISO 8601, of days and time only (`P2D`, `PT5S`, `P1DT12H`), and the bounds of the rotation's (pure)."""

import re
from datetime import timedelta

# Years and months have no fixed length, and ISO 8601 keeps weeks apart from everything else.
# Six digits each keep every sum within what a timedelta holds.
DURATION = re.compile(
    r"P(?=[0-9T])(?:([0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,6})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,6}(?:\.[0-9]{1,6})?)S)?)?",
    re.ASCII,
)
LONGEST_GRACE_PERIOD = timedelta(days=30)
LONGEST_VALIDITY_DAYS = 3650


def parse_duration(text: str) -> timedelta:
    """Return the duration that a text holds: days, hours, minutes and seconds, the seconds with up to six decimals.

    Raises:
        ValueError: with a sentence that says what a duration looks like.
    """
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError("must be an ISO 8601 duration of days and time only, like P2D, PT12H or P1DT30M")
    days, hours, minutes, seconds = match.groups(default="0")
    return timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=float(seconds))


def parse_grace_period(text: str) -> timedelta:
    """Return the grace period that a text holds: a duration from PT0S to P30D.

    Raises:
        ValueError: with a sentence that says what it looks like.
    """
    duration = parse_duration(text)
    if duration > LONGEST_GRACE_PERIOD:
        raise ValueError(f"must be at most {format_duration(LONGEST_GRACE_PERIOD)}")
    return duration


def format_duration(duration: timedelta) -> str:
    """Return a duration in ISO 8601, the shortest text that `parse_duration` reads back as the same.

    Raises:
        ValueError: the duration is negative.
    """
    if duration < timedelta(0):
        raise ValueError("a duration is not negative")
    minutes, seconds = divmod(duration.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{duration.microseconds:06}".rstrip("0") if duration.microseconds else ""
    parts = ((f"{hours}", "H"), (f"{minutes}", "M"), (f"{seconds}{fraction}", "S"))
    time = "".join(number + unit for number, unit in parts if number != "0")
    if not duration.days and not time:
        return "PT0S"
    return "P" + (f"{duration.days}D" if duration.days else "") + (f"T{time}" if time else "")


def shortest_validity(grace: timedelta) -> int:
    """Return the fewest days for which a secret may be valid: 30, the grace period and one more, rounded up.

    Key Vault announces an expiry 30 days ahead, and at once where it is closer. A secret that it announces while the
    key before is still in its grace period would be announced again by every version that follows.
    https://learn.microsoft.com/azure/event-grid/event-schema-key-vault
    """
    days, rest = divmod(timedelta(days=31) + grace, timedelta(days=1))
    return days + (1 if rest else 0)
