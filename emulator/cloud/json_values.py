"""Reading untrusted JSON with errors that name the place and the problem, never the value."""

import json
from typing import cast


class JsonError(ValueError):
    """Something in the JSON is not as it must be; the message is a sentence for whoever sent it."""


class DuplicateMemberError(JsonError):
    """An object has a name twice: which of the two counts is anybody's guess."""


def parse_json(body: bytes) -> object:
    """Return the value in a JSON text; raises JsonError, also for names that occur twice and for NaN."""
    try:
        return json.loads(body, object_pairs_hook=_object, parse_constant=_no_constant)
    except JsonError:
        raise
    except (ValueError, RecursionError):
        raise JsonError("the body is not JSON") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise DuplicateMemberError("an object in the body has the same name twice")
    return result


def _no_constant(name: str) -> object:
    raise JsonError(f"{name} is not JSON")


class Json:
    """A JSON value and what to call it in an error."""

    __slots__ = ("_name", "_value")

    def __init__(self, value: object, name: str) -> None:
        self._value = value
        self._name = name

    def error(self, problem: str) -> JsonError:
        """Return (not raise) an error that names this value: `the body[3]: times must be 1 or more`."""
        return JsonError(f"{self._name}: {problem}")

    def items(self) -> list["Json"]:
        """Return the elements of an array; raises JsonError for anything else."""
        value = self._value
        if not isinstance(value, list):
            raise self.error("must be an array")
        elements = cast("list[object]", value)
        return [Json(element, f"{self._name}[{index}]") for index, element in enumerate(elements)]

    def members(self) -> dict[str, object]:
        """Return the members of an object; raises JsonError for anything else."""
        value = self._value
        if not isinstance(value, dict):
            raise self.error("must be an object")
        return cast("dict[str, object]", value)

    def only(self, *names: str) -> None:
        """Raise JsonError when the object has a member of any other name."""
        if unknown := sorted(set(self.members()) - set(names)):
            raise self.error(f"unknown: {', '.join(unknown)}")

    def string(self, name: str) -> str:
        """Return a member that must be there and be a string."""
        value = self.optional_string(name)
        if value is None:
            raise self.error(f"{name} is missing")
        return value

    def optional_string(self, name: str) -> str | None:
        """Return a member that is a string, null or absent."""
        value = self.members().get(name)
        if value is not None and not isinstance(value, str):
            raise self.error(f"{name} must be a string")
        return value

    def choice[T: str](self, name: str, choices: tuple[T, ...], default: T | None = None) -> T:
        """Return a member that must be one of `choices`; `default` (None: an error) when it is null or absent."""
        value = self.optional_string(name)
        if value is None and default is not None:
            return default
        for choice in choices:
            if value == choice:
                return choice
        if value is None:
            raise self.error(f"{name} is missing")
        raise self.error(f"{name} must be one of {', '.join(choices)}")

    def integer(self, name: str) -> int:
        """Return a member that must be there and be a whole number."""
        value = self.optional_integer(name)
        if value is None:
            raise self.error(f"{name} is missing")
        return value

    def optional_integer(self, name: str) -> int | None:
        """Return a member that is a whole number, null or absent."""
        value = self.members().get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise self.error(f"{name} must be a whole number")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return a member that is a number; `default` (None: an error) when it is null or absent."""
        value = self.members().get(name)
        if value is None:
            value = default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(f"{name} must be a number")
        return float(value)

    def optional_array(self, name: str) -> list[object] | None:
        """Return a member that is an array, null or absent."""
        value = self.members().get(name)
        if value is not None and not isinstance(value, list):
            raise self.error(f"{name} must be an array")
        return cast("list[object] | None", value)

    def flag(self, name: str) -> bool:
        """Return a member that is true or false; absent means false."""
        value = self.members().get(name, False)
        if not isinstance(value, bool):
            raise self.error(f"{name} must be true or false")
        return value

    def only_true(self, name: str) -> None:
        """Raise JsonError unless the member is true: false would be a rule that does nothing."""
        if self.members().get(name) is not True:
            raise self.error(f"{name} must be true")
