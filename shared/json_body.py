"""Untrusted bytes -> a JSON object and everything that is wrong with it, without trusting or echoing any of it."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

from shared.errors import InvalidRequest, Json, Problem

# what may be echoed as a target: a property's name, never something that could be a secret in its place
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A decoded object, and the problems that only its text showed (duplicate names, at any depth)."""

    properties: Json
    problems: Sequence[Problem] = field(default_factory=tuple[Problem, ...])


def decode_object(body: bytes) -> JsonObject:
    """Decode a request body; no body, or white space alone, is an empty object.

    Raises:
        InvalidRequest: the body is not UTF-8, not JSON (RFC 8259, so NaN and Infinity are none), nested
            beyond reason, or not an object.
    """
    if not body.strip():
        return JsonObject({})
    duplicates: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> Json:
        found: Json = {}
        for name, value in pairs:
            if name in found:
                duplicates.append(name)
            found[name] = value
        return found

    try:
        value: Any = json.loads(body.decode("utf-8-sig"), object_pairs_hook=collect, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise _invalid("The body is not UTF-8. Send JSON in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise _invalid(
            f"The body is not JSON: line {error.lineno}, column {error.colno}. Check quotes, commas and braces."
        ) from None
    except ValueError:
        raise _invalid("The body holds a number that JSON does not have, or one beyond reason.") from None
    except RecursionError:
        raise _invalid("The body is nested too deeply.") from None
    if not isinstance(value, dict):
        raise _invalid('The body must be a JSON object, like {"keyType": "Primary"}.')
    return JsonObject(
        cast("Json", value),
        tuple(
            Problem("DuplicateProperty", "The property is there more than once.", shown_name(name))
            for name in dict.fromkeys(duplicates)
        ),
    )


def unknown_properties(properties: Json, known: Sequence[str]) -> list[Problem]:
    """Return a problem for each property that is not known, with a hint where only its case is wrong."""
    lower = {name.lower(): name for name in known}
    all_known = f"Known are: {', '.join(known)}." if known else "The request takes none."
    problems: list[Problem] = []
    for name in properties:
        if name in known:
            continue
        meant = lower.get(name.lower())
        hint = f'Did you mean "{meant}"?' if meant else all_known
        problems.append(Problem("UnknownProperty", f"The property is not known. {hint}", shown_name(name)))
    return problems


def shown_name(name: str) -> str:
    """Return a property's name if it is a plain one, else a stand-in: a name too may hold what must not be seen."""
    return name if _PLAIN_NAME.fullmatch(name) else "(a name that is not shown)"


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest([Problem("InvalidJson", message, "body")])
