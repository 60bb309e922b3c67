"""What callers may ask of a rotation: untrusted JSON -> `RotationRequest`, or every problem at once (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from shared.durations import parse_grace_period
from shared.errors import Json, Problem
from shared.json_body import JsonObject, unknown_properties
from shared.parameters import KeyType
from shared.redaction import scrub
from shared.resource_id import ResourceId
from shared.wire import LONGEST_REASON

ROTATION_PROPERTIES = ("resourceId", "activeKey", "gracePeriod", "revoke", "supersede", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationRequest:
    """The body of `POST /api/rotations`; every property may be left out.

    Attributes:
        resource: the resource, or None for the app's own.
        active_key: the key in use, where no secret tells.
        grace_period: how long the old key lives on, or None for ROTATION_GRACE_PERIOD.
        revoke: whether the old key is regenerated after the grace period.
        supersede: whether a pending grace is ended at once.
        reason: why, for the record; at most 200 characters, scrubbed of anything like a key.
    """

    resource: ResourceId | None = None
    active_key: KeyType | None = None
    grace_period: timedelta | None = None
    revoke: bool = True
    supersede: bool = False
    reason: str | None = None

    @classmethod
    def parse(cls, body: JsonObject) -> tuple[Self | None, list[Problem]]:
        """Return the request, or None and every problem of the body, each with its target; null is left out."""
        problems = [*body.problems, *unknown_properties(body.properties, ROTATION_PROPERTIES)]
        read, wrong = read_properties(body.properties, _READERS)
        problems += wrong
        return (None, problems) if problems else (cls(**read), [])


def read_properties(
    properties: Json, readers: Mapping[str, tuple[str, Callable[[Any], Any]]]
) -> tuple[dict[str, Any], list[Problem]]:
    """Return what properties say, by field, and a problem for each one that is wrong; null is left out.

    `readers` has for each property the field and a function that returns its value, or raises TypeError or ValueError
    with a sentence that says what it must be.
    """
    read: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, (field, reader) in readers.items():
        if properties.get(name) is None:
            continue
        try:
            read[field] = reader(properties[name])
        except ValueError as error:
            problems.append(Problem("InvalidPropertyValue", str(error), name))
        except TypeError as error:
            problems.append(Problem("InvalidPropertyType", str(error), name))
    return read, problems


def flag_value(value: Any) -> bool:
    """Return true or false; TypeError where it is neither, for "false" in quotes must not become true."""
    if not isinstance(value, bool):
        raise TypeError("Must be true or false.")
    return value


def resource_value(value: Any) -> ResourceId:
    """Return the resource that a text names; TypeError where it is no text, ValueError where it is no such id."""
    try:
        return ResourceId.parse(_text(value))
    except ValueError as error:
        raise ValueError(f"The value {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("Must be a string.")
    return value


def _key_type(value: Any) -> KeyType:
    key_type = KeyType.named(_text(value))
    if key_type is None:
        raise ValueError("Must be Primary or Secondary, in upper or lower case.")
    return key_type


def _grace(value: Any) -> timedelta:
    try:
        return parse_grace_period(_text(value))
    except ValueError as error:
        raise ValueError(f"The value {error}.") from None


def _reason(value: Any) -> str:
    text = _text(value)
    if len(text) > LONGEST_REASON:
        raise ValueError(f"Must have at most {LONGEST_REASON} characters.")
    return scrub("".join(character if character.isprintable() else " " for character in text))


_READERS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "resourceId": ("resource", resource_value),
    "activeKey": ("active_key", _key_type),
    "gracePeriod": ("grace_period", _grace),
    "revoke": ("revoke", flag_value),
    "supersede": ("supersede", flag_value),
    "reason": ("reason", _reason),
}
