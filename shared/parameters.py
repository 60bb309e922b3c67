"""What callers may ask for: untrusted JSON -> typed parameters, or every problem at once (pure)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, cast

from shared.errors import InvalidRequest, Problem
from shared.json_body import JsonObject, unknown_properties
from shared.wire import FINGERPRINT, UUID


class KeyType(StrEnum):
    """The two access keys, spelt as ARM wants them.

    The specification calls `keyType` case-insensitive, yet ARM has been seen to refuse `primary`
    (https://github.com/Azure/azure-powershell/issues/28085): so it is taken in any case, and sent canonical.
    """

    PRIMARY = "Primary"
    SECONDARY = "Secondary"

    @classmethod
    def named(cls, text: str) -> "KeyType | None":
        """Return the key that a text names, in any case, or None.

        str.lower() folds no foreign letter into these two words; str.casefold() would.
        """
        return next((key_type for key_type in cls if key_type.lower() == text.lower()), None)

    @property
    def other(self) -> "KeyType":
        """The other one of the two."""
        return KeyType.SECONDARY if self is KeyType.PRIMARY else KeyType.PRIMARY


@dataclass(frozen=True, slots=True)
class RegenerateKeyParameters:
    """The body of the ARM action `regenerateKey`: `{"keyType": "Primary" | "Secondary"}`, case-insensitive.

    https://learn.microsoft.com/rest/api/communication/resourcemanager/communication-services/regenerate-key
    """

    key_type: KeyType

    @classmethod
    def parse(cls, body: JsonObject) -> tuple[Self | None, list[Problem]]:
        """Return the parameters, or None and every problem of the body, each with its target."""
        problems = [*body.problems, *unknown_properties(body.properties, ("keyType",))]
        key_type = None
        if "keyType" not in body.properties:
            problems.append(
                Problem("MissingProperty", 'Say which key: {"keyType": "Primary"} or "Secondary".', _KEY_TYPE)
            )
        else:
            key_type, problem = _parse_key_type(body.properties["keyType"])
            if problem is not None:
                problems.append(problem)
        if problems or key_type is None:
            return None, problems
        return cls(key_type), []


_KEY_TYPE = "keyType"
_BOTH = Problem(
    "BothKeys",
    # the sentence is the specification's own
    "PrimaryKey and SecondaryKey cannot be regenerated at the same time. Regenerate one, move every consumer to "
    "it, and regenerate the other one afterwards.",
    _KEY_TYPE,
)


def _parse_key_type(value: Any) -> tuple[KeyType | None, Problem | None]:
    if _names_both(value):
        return None, _BOTH
    if not isinstance(value, str):
        return None, Problem("InvalidPropertyType", "Must be a string: Primary or Secondary.", _KEY_TYPE)
    if (key_type := KeyType.named(value)) is not None:
        return key_type, None
    return None, Problem("InvalidPropertyValue", "Must be Primary or Secondary, in upper or lower case.", _KEY_TYPE)


def _names_both(value: Any) -> bool:
    """Say whether a value asks for both keys: a list or object of the two, "both", "primary,secondary" …"""
    match value:
        case str():
            words = re.findall(r"[a-z]+", value.lower()[:200])
            asked = {word.removesuffix("keys").removesuffix("key") for word in words} - {"and", ""}
            return bool(asked) and (asked == {"primary", "secondary"} or asked in ({"both"}, {"all"}))
        case list() | dict():
            items = list(cast("list[Any] | dict[Any, Any]", value))
            return len(items) > 1 and _names_both(",".join(item for item in items if isinstance(item, str)))
        case _:
            return False


def parse_flag(name: str, text: str | None) -> bool:
    """Return what a query parameter says, `true` or `false` in any case; False where it is absent.

    Raises:
        InvalidRequest: it says something else.
    """
    if text is None or text.lower() == "false":
        return False
    if text.lower() == "true":
        return True
    raise InvalidRequest([Problem("InvalidParameter", f"{name} must be true or false.", name)])


def parse_if_match(header: str | None) -> frozenset[str] | None:
    """Return the fingerprints that an If-Match header accepts, or None where it accepts any (absent, or `*`).

    The form is RFC 9110, section 13.1.1: `"sha256:…"`, several separated by commas. The quotes may be left
    out, since the fingerprint stands without them in our own answers. An empty header is refused: a condition whose
    value got lost must not become an unconditional regeneration.

    Raises:
        InvalidRequest: the header holds something else.
    """
    if header is None or header.strip() == "*":
        return None
    tags = [tag.strip() for tag in header.split(",")]
    found = [tag[1:-1] if len(tag) > 1 and tag[0] == tag[-1] == '"' else tag for tag in tags]
    if not all(FINGERPRINT.fullmatch(tag) for tag in found):
        raise InvalidRequest(
            [
                Problem(
                    "InvalidHeader",
                    'If-Match takes the fingerprint of the key as it is now: "sha256:0123456789abcdef".',
                    "If-Match",
                )
            ]
        )
    return frozenset(found)


def parse_repeatability_request_id(headers: Mapping[str, str]) -> str | None:
    """Return the Repeatability-Request-ID of headers (names in lower case) in lower case, or None where there is none.

    https://docs.oasis-open.org/odata/repeatable-requests/v1.0/repeatable-requests-v1.0.html

    Raises:
        InvalidRequest: it is no UUID.
    """
    given = headers.get("repeatability-request-id")
    if given is None:
        return None
    # uuid.UUID would take braces, any place of the dashes and foreign digits
    if not UUID.fullmatch(given.strip()):
        raise InvalidRequest(
            [Problem("InvalidHeader", "Repeatability-Request-ID must be a UUID.", "Repeatability-Request-ID")]
        )
    return given.strip().lower()
