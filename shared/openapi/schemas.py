"""The schemas of what goes in and out, JSON Schema 2020-12 as OpenAPI 3.1 takes it (pure)."""

import re
from datetime import timedelta

from shared.durations import DURATION, LONGEST_GRACE_PERIOD, format_duration
from shared.errors import Json
from shared.parameters import KeyType
from shared.redaction import REDACTED
from shared.resource_id import PROVIDER, RESOURCE_TYPE
from shared.rotation.parameters import ROTATION_PROPERTIES
from shared.rotation.status import RunState
from shared.wire import (
    FINGERPRINT,
    LARGEST_BODY,
    LONGEST_REASON,
    RESOURCE_GROUP,
    RESOURCE_NAME,
    ROTATION_ID,
    SUBSCRIPTION_ID,
)


def ref(name: str) -> Json:
    """Return the reference to a schema of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def whole(pattern: re.Pattern[str]) -> str:
    """Return a pattern that JSON Schema searches for, for one that matches a whole text."""
    return f"^(?:{pattern.pattern})$"


def nullable(schema: Json) -> Json:
    """Return a schema that takes null as well."""
    if "$ref" in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    return schema | {"type": [schema["type"], "null"]}


def closed(properties: Json, *, optional: tuple[str, ...] = ()) -> Json:
    """Return the schema of an object with these properties and no others."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "additionalProperties": False} | (
        {"required": required} if required else {}
    )


_RESOURCE_ID: Json = {
    "type": "string",
    "description": "The ARM id of a Communication Services resource. It is taken in any case, as by ARM.",
    "pattern": f"^/subscriptions/{SUBSCRIPTION_ID.pattern}/resourceGroups/{RESOURCE_GROUP.pattern}"
    f"/providers/{re.escape(PROVIDER)}/{RESOURCE_TYPE}/{RESOURCE_NAME.pattern}$",
}
_KEY_TYPE: Json = {
    "type": "string",
    "description": "Which of the two keys. It is taken in any case; answers spell it as here.",
    "enum": [key_type.value for key_type in KeyType],
}
_FINGERPRINT: Json = {
    "type": "string",
    "description": "The first 16 hexadecimal digits of the SHA-256 of a key.",
    "pattern": whole(FINGERPRINT),
}
_TIME: Json = {"type": "string", "format": "date-time"}
_SECRET_IDS: Json = {"type": "array", "items": {"type": "string", "format": "uri"}}


def _redacted_key(name: str) -> Json:
    return {
        "type": "string",
        "description": f"In place of the {name} key, which only Key Vault shows.",
        "const": REDACTED,
    }


def _redacted_connection_string(name: str) -> Json:
    return {
        "type": "string",
        "description": f"The {name} connection string, with its key redacted.",
        "examples": [f"endpoint=https://contoso.communication.azure.com/;accesskey={REDACTED}"],
    }


_ROTATION: Json = {
    "resourceId": nullable(ref("ResourceId")),
    "activeKey": nullable(ref("KeyType"))
    | {"description": "The key that consumers use now, where no secret in Key Vault says it."},
    "gracePeriod": {
        "type": ["string", "null"],
        "description": "How long the old key lives on: an ISO 8601 duration of days and time, at most "
        f"{format_duration(LONGEST_GRACE_PERIOD)}.",
        "pattern": whole(DURATION),
        "examples": [format_duration(timedelta(days=1)), format_duration(timedelta(hours=12))],
    },
    "revoke": {
        "type": ["boolean", "null"],
        "description": "Whether the old key is regenerated after the grace period.",
        "default": True,
    },
    "supersede": {
        "type": ["boolean", "null"],
        "description": "After a leak: end a pending grace period at once, and rotate.",
        "default": False,
    },
    "reason": {
        "type": ["string", "null"],
        "description": "Why, for the record. Nothing like a key is kept of it.",
        "maxLength": LONGEST_REASON,
    },
}

SCHEMAS: Json = {
    "ResourceId": _RESOURCE_ID,
    "KeyType": _KEY_TYPE,
    "Fingerprint": _FINGERPRINT,
    "RegenerateKeyParameters": closed({"keyType": ref("KeyType")})
    | {"description": f"At most {LARGEST_BODY} bytes.", "examples": [{"keyType": KeyType.PRIMARY.value}]},
    "RotationRequest": closed({name: _ROTATION[name] for name in ROTATION_PROPERTIES}, optional=ROTATION_PROPERTIES)
    | {"description": f"At most {LARGEST_BODY} bytes; null is left out.", "examples": [{}, {"gracePeriod": "PT12H"}]},
    "RegeneratedKey": closed(
        {
            "primaryKey": _redacted_key("primary"),
            "primaryConnectionString": _redacted_connection_string("primary"),
            "secondaryKey": _redacted_key("secondary"),
            "secondaryConnectionString": _redacted_connection_string("secondary"),
            "keyType": ref("KeyType"),
            "fingerprint": ref("Fingerprint"),
            "resourceId": ref("ResourceId"),
            "regeneratedAt": _TIME,
            "delivery": ref("Delivery"),
        },
        optional=("primaryKey", "primaryConnectionString", "secondaryKey", "secondaryConnectionString"),
    )
    | {
        "description": "ARM's CommunicationServiceKeys, redacted, with the regenerated key's fields alone.",
        "oneOf": [{"required": ["primaryKey"]}, {"required": ["secondaryKey"]}],
    },
    "Delivery": closed(
        {
            "status": {"type": "string", "enum": ["NotConfigured", "NotPublished", "Delivered", "Failed"]},
            "secrets": _SECRET_IDS | {"description": "The ids of the secret versions that publish the new key."},
            "error": ref("ErrorDetail"),
        },
        optional=("error",),
    )
    | {"description": "Whether Key Vault publishes the new key. What failed is repaired by the app's timer."},
    "RotationStatus": closed(
        {
            "id": {"type": "string", "pattern": whole(ROTATION_ID)},
            "status": {"type": "string", "enum": [state.value for state in RunState]},
            "stage": {"type": ["string", "null"], "description": "How far it is."},
            "plan": {"type": ["string", "null"], "enum": ["Rotate", "Adopt", "Repair", "Converge", None]},
            "resourceId": ref("ResourceId"),
            "activeKey": nullable(ref("KeyType")),
            "fingerprints": closed({"new": nullable(ref("Fingerprint")), "old": nullable(ref("Fingerprint"))}),
            "secrets": _SECRET_IDS,
            "revocation": ref("Revocation"),
            "error": ref("ErrorDetail"),
            "createdAt": _TIME,
            "updatedAt": _TIME,
        },
        optional=("error",),
    )
    | {"description": "Succeeded: the new key is proven and published. The revocation then tells its own state."},
    "Revocation": closed(
        {
            "status": {"type": "string", "enum": ["NotRequested", "Scheduled", "Done", "Canceled", "Failed"]},
            "at": _TIME | {"description": "When the old key's grace period ends."},
            "proof": {
                "type": "string",
                "description": "Whether the old key was seen to be dead, or could not be had to see it.",
                "enum": ["Dead", "Unavailable"],
            },
            "error": ref("ErrorDetail"),
        },
        optional=("at", "proof", "error"),
    )
    | {"description": "What becomes of the old key."},
    "ErrorResponse": closed({"error": ref("ErrorDetail")}) | {"description": "ARM's error response."},
    "ErrorDetail": closed(
        {
            "code": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]*$"},
            "message": {"type": "string"},
            "target": {"type": "string"},
            "details": {"type": "array", "items": ref("ErrorDetail")},
            "additionalInfo": {"type": "array", "items": ref("ErrorAdditionalInfo")},
        },
        optional=("target", "details", "additionalInfo"),
    ),
    "ErrorAdditionalInfo": {
        "type": "object",
        "description": "RegenerationOutcome tells what has become of a key although the answer is an error.",
        "properties": {"type": {"type": "string"}, "info": {}},
        "required": ["type"],
    },
}
