"""NCRONTAB schedules, as a timer trigger takes them: is a text one? (pure)

https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# lowest, highest, and the names that stand for the numbers from the lowest on
_FIELDS = (
    (0, 59, ()),
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (0, 6, _WEEKDAYS),
)
_PART = re.compile(
    r"(?:\*|(?P<first>[a-z]{3}|[0-9]{1,2})(?:-(?P<last>[a-z]{3}|[0-9]{1,2}))?)(?:/(?P<step>[0-9]{1,2}))?"
)


def parse_schedule(text: str) -> str:
    """Return an NCRONTAB expression with one blank between its fields.

    Six fields, `{second} {minute} {hour} {day} {month} {day of week}`, or five without the seconds; each a list of
    numbers, names, ranges and steps.

    Raises:
        ValueError: it is none; the text says which field is wrong.
    """
    fields = text.split()
    if len(fields) not in (5, 6):
        raise ValueError("must be an NCRONTAB expression of six fields, like 0 7 * * * * for seven past each hour")
    for position, (field, limits) in enumerate(zip(fields, _FIELDS[-len(fields) :], strict=True), start=1):
        if not all(_fits(part, *limits) for part in field.lower().split(",")):
            raise ValueError(f"has a field, number {position}, that is not NCRONTAB's")
    return " ".join(fields)


def _fits(part: str, lowest: int, highest: int, names: tuple[str, ...]) -> bool:
    match = _PART.fullmatch(part)
    if match is None or (match["step"] is not None and int(match["step"]) == 0):
        return False
    numbers = [_number(match[end], lowest, names) for end in ("first", "last") if match[end] is not None]
    if not all(number is not None and lowest <= number <= highest for number in numbers):
        return False
    return len(numbers) < 2 or (numbers[0] or 0) <= (numbers[1] or 0)


def _number(text: str, lowest: int, names: tuple[str, ...]) -> int | None:
    if text.isdecimal():
        return int(text)
    return lowest + names.index(text) if text in names else None
