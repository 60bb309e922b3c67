"""The constraints of ASP.NET route parameters (pure).

https://learn.microsoft.com/aspnet/core/fundamentals/routing#route-constraints; the classes in aspnetcore's
`Routing/src/Constraints` say how each value is parsed, always in the invariant culture.
"""

import re
from collections.abc import Callable
from datetime import datetime

type Constraint = Callable[[str], bool]

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_DECIMAL = re.compile(r"\s*[+-]?(?:[0-9][0-9,]*\.?[0-9]*|\.[0-9]+)\s*")
_FLOAT = re.compile(r"\s*[+-]?(?:(?:[0-9][0-9,]*\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|nan|∞|infinity)\s*", re.IGNORECASE)
_HEX = "[0-9a-f]"
_HYPHENATED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_GUID = re.compile(rf"{_HEX}{{32}}|{_HYPHENATED}|\{{{_HYPHENATED}\}}|\({_HYPHENATED}\)", re.IGNORECASE)
_ALPHA = re.compile(r"[A-Za-z]*")
_DATE_FORMATS = ("%m/%d/%Y", "%m/%d/%Y %H:%M:%S", "%m-%d-%Y", "%Y/%m/%d")


def make_constraint(name: str, arguments: str | None) -> Constraint:
    """Return the test that constraint `name`, or `name(arguments)`, makes of a value; ValueError if there is none."""
    if arguments is None:
        plain = _PLAIN.get(name.lower())
        if plain is None:
            raise ValueError(f"the constraint {name!r} is not known, or lacks its arguments")
        return plain
    make = _WITH_ARGUMENTS.get(name.lower())
    if make is None:
        raise ValueError(f"the constraint {name!r} is not known, or takes no arguments")
    try:
        return make(arguments)
    except (ValueError, TypeError, re.error) as error:
        raise ValueError(f"the constraint {name}({arguments}) is malformed: {error}") from None


def _integer(value: str) -> int | None:
    return int(value) if _INTEGER.fullmatch(value) else None


def _within(value: str, low: int, high: int) -> bool:
    number = _integer(value)
    return number is not None and low <= number <= high


def _datetime(value: str) -> bool:
    text = value.strip()
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return any(_parses(text, form) for form in _DATE_FORMATS)
    return True


def _parses(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 - only whether it is a date matters
    except ValueError:
        return False
    return True


def _length(arguments: str) -> Constraint:
    bounds = [int(bound) for bound in arguments.split(",")]
    if len(bounds) > 2:
        raise ValueError("one length, or two")
    low, high = bounds[0], bounds[-1]
    return lambda value: low <= len(value) <= high


def _range(arguments: str) -> Constraint:
    low, high = (int(bound) for bound in arguments.split(","))
    return lambda value: _within(value, low, high)


def _bound(arguments: str, make: Callable[[int], Constraint]) -> Constraint:
    return make(int(arguments))


def _pattern(arguments: str) -> Constraint:
    pattern = re.compile(arguments, re.IGNORECASE)
    return lambda value: pattern.search(value) is not None


_PLAIN: dict[str, Constraint] = {
    "int": lambda value: _within(value, -(2**31), 2**31 - 1),
    "long": lambda value: _within(value, -(2**63), 2**63 - 1),
    "bool": lambda value: value.strip().lower() in {"true", "false"},
    "datetime": _datetime,
    "decimal": lambda value: _DECIMAL.fullmatch(value) is not None,
    "double": lambda value: _FLOAT.fullmatch(value) is not None,
    "float": lambda value: _FLOAT.fullmatch(value) is not None,
    "guid": lambda value: _GUID.fullmatch(value.strip()) is not None,
    "alpha": lambda value: _ALPHA.fullmatch(value) is not None,
    "required": bool,
    "file": lambda value: "." in value.rpartition("/")[2].rstrip("."),
    "nonfile": lambda value: "." not in value.rpartition("/")[2].rstrip("."),
}

_WITH_ARGUMENTS: dict[str, Callable[[str], Constraint]] = {
    "minlength": lambda text: _bound(text, lambda low: lambda value: len(value) >= low),
    "maxlength": lambda text: _bound(text, lambda high: lambda value: len(value) <= high),
    "length": _length,
    "min": lambda text: _bound(text, lambda low: lambda value: _within(value, low, 2**63 - 1)),
    "max": lambda text: _bound(text, lambda high: lambda value: _within(value, -(2**63), high)),
    "range": _range,
    "regex": _pattern,
}
