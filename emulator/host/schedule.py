"""When a timer fires: NCRONTAB expressions and TimeSpans, as in the timer trigger's `schedule` (pure).

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

import re
from datetime import datetime, timedelta
from typing import Protocol

from croniter import croniter
from croniter.croniter import CroniterBadCronError, CroniterBadDateError

from emulator.host.time_span import looks_like_time_span, parse_time_span

_FIELD_ITEM = r"(?:\*|\w+(?:-\w+)?)(?:/\d+)?"
_FIELD = re.compile(rf"{_FIELD_ITEM}(?:,{_FIELD_ITEM})*", re.ASCII)
_NAMES = (
    frozenset[str](),
    frozenset[str](),
    frozenset[str](),
    frozenset[str](),
    frozenset(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    frozenset(("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)


class Schedule(Protocol):
    """A rule that names moments in time."""

    def after(self, moment: datetime) -> datetime | None:
        """Return the first moment after the given one (both with a time zone), or None if there is none."""
        ...


class CronSchedule:
    """An NCRONTAB expression of five fields or six, the first of six being seconds. ValueError if malformed."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        if len(fields) == 5:
            fields.insert(0, "0")
        if len(fields) != len(_NAMES):
            raise ValueError(f"{expression!r} must have six fields: second minute hour day month day-of-week")
        for field, names in zip(fields, _NAMES, strict=True):
            words = {word.lower() for word in re.findall(r"[A-Za-z]\w*", field)}
            # croniter knows more (L, #, R, @daily); NCRONTAB does not.
            if not _FIELD.fullmatch(field) or words - names or "7" in re.findall(r"\w+", fields[5].partition("/")[0]):
                raise ValueError(f"{field!r} in {expression!r} is not an NCRONTAB field")
        self._expression = " ".join(fields)
        try:
            croniter(self._expression, second_at_beginning=True)
        except CroniterBadCronError as error:
            raise ValueError(f"{expression!r} is not an NCRONTAB expression: {error}") from None

    def after(self, moment: datetime) -> datetime | None:
        """Return the next moment that fits all six fields; day and day-of-week must both fit, as in NCRONTAB."""
        try:
            found: datetime = croniter(
                self._expression, moment, ret_type=datetime, second_at_beginning=True, day_or=False
            ).get_next()
        except CroniterBadDateError:
            return None
        return found


class IntervalSchedule:
    """A fixed time between two starts."""

    def __init__(self, interval: timedelta) -> None:
        if interval <= timedelta(0):
            raise ValueError("the interval must be longer than zero")
        self._interval = interval

    def after(self, moment: datetime) -> datetime:
        """Return the moment one interval later."""
        return moment + self._interval


def parse_schedule(text: str) -> Schedule:
    """Read a timer's schedule; ValueError says what is wrong with it."""
    text = text.strip()
    return IntervalSchedule(parse_time_span(text)) if looks_like_time_span(text) else CronSchedule(text)
