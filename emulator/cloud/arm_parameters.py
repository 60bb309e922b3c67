"""RegenerateKeyParameters as ARM validates them."""

from typing import cast

from emulator.cloud import arm_errors
from emulator.cloud.json_values import JsonError, parse_json
from emulator.cloud.state import KEY_TYPES, KeyType

_TARGET = "Microsoft.Communication/communicationServices/regenerateKey"
_JSON = "application/json"


def key_type(content_type: str | None, body: bytes) -> KeyType:
    """Return which key to regenerate; raises ArmError 400 or 415.

    `primary` in lower case is refused although the reference calls the property case-insensitive: so
    Azure/azure-powershell#28085 reports. A missing keyType is refused too: the specification calls it optional,
    but there is no key to regenerate then (inferred). Other properties are ignored, as the specification allows.
    """
    media_type = (content_type or "").partition(";")[0].strip()
    if media_type.lower() != _JSON:
        raise arm_errors.unsupported_media_type(media_type)
    try:
        value = parse_json(body)
    except JsonError as error:
        raise arm_errors.invalid_request_content(str(error)) from None
    if not isinstance(value, dict):
        raise arm_errors.payload_validation_failed("$ in body must be of type object", _TARGET)
    given = cast("dict[str, object]", value).get("keyType")
    if given is None:
        raise arm_errors.payload_validation_failed("$.keyType in body is required", _TARGET)
    for known in KEY_TYPES:
        if given == known:
            return known
    raise arm_errors.payload_validation_failed(f"$.keyType in body should be one of [{' '.join(KEY_TYPES)}]", _TARGET)


def sent_key_type(body: bytes) -> str | None:
    """Return the body's keyType as it was sent, if it names a key in any casing: fit for the journal, not more."""
    try:
        value = parse_json(body)
    except JsonError:
        return None
    given = cast("dict[str, object]", value).get("keyType") if isinstance(value, dict) else None
    return given if isinstance(given, str) and given.lower() in ("primary", "secondary") else None
