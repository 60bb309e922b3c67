"""The text form of .NET's TimeSpan, `[days.]hours:minutes:seconds[.fraction]` (pure)."""

import re
from datetime import timedelta

_TIME_SPAN = re.compile(r"(?:(?P<days>\d+)\.)?(?P<h>\d+):(?P<m>\d{1,2}):(?P<s>\d{1,2})(?:\.(?P<fraction>\d{1,7}))?")
_HOURS_A_DAY, _SIXTY = 24, 60


def looks_like_time_span(text: str) -> bool:
    """Whether the text has the form of a TimeSpan, even if its numbers are out of range."""
    return _TIME_SPAN.fullmatch(text) is not None


def parse_time_span(text: str) -> timedelta:
    """Read a TimeSpan; ValueError if it is malformed.

    .NET reads 24:00:00 as 24 days, not as one; the documentation of the timer trigger warns of it
    (https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#timespan).
    """
    span = _TIME_SPAN.fullmatch(text)
    if span is None:
        raise ValueError(f"{text!r} is not a TimeSpan such as 00:05:00")
    first, minutes, seconds = (int(span[name]) for name in ("h", "m", "s"))
    days = int(span["days"] or 0)
    if span["days"] is None and first >= _HOURS_A_DAY:
        days, first, minutes, seconds = first, minutes, seconds, 0
    if first >= _HOURS_A_DAY or minutes >= _SIXTY or seconds >= _SIXTY:
        raise ValueError(f"{text!r} is not a TimeSpan: a part is out of range")
    fraction = float(f"0.{span['fraction'] or 0}")
    return timedelta(days=days, hours=first, minutes=minutes, seconds=seconds + fraction)
