"""The operations of the HTTP surface, and the whole document (pure)."""

from collections.abc import Mapping
from functools import cache

from shared.conflicts import Decided, RequestIdReused, RotationInProgress
from shared.errors import Json, NotFound, ResourceNotAllowed
from shared.openapi.responses import ALWAYS, BODY, ENDING, ENGINE, HEADERS, REGENERATING, accepted, failures, success
from shared.openapi.schemas import SCHEMAS, ref, whole
from shared.resource_id import PROVIDER, RESOURCE_TYPE
from shared.wire import (
    API_VERSION,
    FINGERPRINT,
    LARGEST_BODY,
    RESOURCE_GROUP,
    RESOURCE_NAME,
    ROTATION_ID,
    SUBSCRIPTION_ID,
)

# the route prefix of host.json
_SERVER = "/api"
_VERSION = "1.0.0"


def _parameter(name: str, place: str, schema: Json, description: str, *, required: bool = False) -> Json:
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


def _path_parameter(name: str, pattern: str, description: str) -> Json:
    return _parameter(name, "path", {"type": "string", "pattern": pattern}, description, required=True)


_ONE_FINGERPRINT = f'(?:"{FINGERPRINT.pattern}"|{FINGERPRINT.pattern})'
PARAMETERS: Mapping[str, Json] = {
    "ClientRequestId": _parameter(
        "x-ms-client-request-id", "header", {"type": "string"}, "The caller's own id of the request, for the logs."
    ),
    "RepeatabilityRequestId": _parameter(
        "Repeatability-Request-ID",
        "header",
        {"type": "string", "format": "uuid"},
        "The same id again is the same request. It is honoured where a Key Vault is configured.",
    ),
    "IfMatch": _parameter(
        "If-Match",
        "header",
        {"type": "string", "pattern": rf"^(?:\*|{_ONE_FINGERPRINT}(?:, ?{_ONE_FINGERPRINT})*)$"},
        "Regenerate only while the key has this fingerprint, else 412.",
    ),
    "Force": _parameter(
        "force",
        "query",
        {"type": "boolean", "default": False},
        "Regenerate the key although a secret publishes it, or it is in grace, and publish the new one at once.",
    ),
    "ApiVersion": _parameter(
        "api-version",
        "query",
        {"type": "string", "pattern": whole(API_VERSION), "examples": ["2023-03-31"]},
        "As in ARM; any well-formed one is taken.",
        required=True,
    ),
    "SubscriptionId": _path_parameter("subscriptionId", whole(SUBSCRIPTION_ID), "A UUID."),
    "ResourceGroupName": _path_parameter("resourceGroupName", whole(RESOURCE_GROUP), "In any case, as in ARM."),
    "CommunicationServiceName": _path_parameter(
        "communicationServiceName", whole(RESOURCE_NAME), "In any case, as in ARM."
    ),
    "RotationId": _path_parameter("id", whole(ROTATION_ID), "The `id` of a rotation's status."),
}


def _parameters(*names: str) -> list[Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in (*names, "ClientRequestId")]


def _body(schema: str, *, required: bool) -> Json:
    return {
        "required": required,
        "description": f"JSON in UTF-8, at most {LARGEST_BODY} bytes; any `+json` type, and none, are taken too.",
        "content": {"application/json": {"schema": ref(schema)}},
    }


def _operation(name: str, summary: str, parameters: list[Json], responses: Json, **more: Json) -> Json:
    return {"operationId": name, "summary": summary, "parameters": parameters, **more, "responses": responses}


def _regenerate(name: str, summary: str, *parameters: str, codes: tuple[str, ...] = ()) -> Json:
    return _operation(
        name,
        summary,
        _parameters(*parameters, "Force", "IfMatch", "RepeatabilityRequestId"),
        {
            "200": success("The key was regenerated.", ref("RegeneratedKey")),
            "202": accepted("The regeneration outlasts the deadline, and goes on."),
        }
        | failures((*ALWAYS, *BODY, *REGENERATING, RequestIdReused), orchestrated=True, more=codes),
        requestBody=_body("RegenerateKeyParameters", required=True),
    )


def _decision(name: str, summary: str) -> Json:
    return _operation(
        name,
        summary,
        _parameters("RotationId"),
        {"202": accepted("It is decided.")} | failures((*ALWAYS, *BODY, NotFound, Decided, *ENGINE)),
    )


_BY_PATH = (
    "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
    f"/providers/{PROVIDER}/{RESOURCE_TYPE}/{{communicationServiceName}}/regenerateKey"
)

PATHS: Mapping[str, Json] = {
    "/regenerateKey": {
        "post": _regenerate(
            "regenerate_default", "Regenerate a key of the resource that COMMUNICATION_SERVICE_ID names."
        )
    },
    _BY_PATH: {
        "post": _regenerate(
            "regenerate_by_path",
            "Regenerate a key of the resource in the path, as ARM does: any ARM client works against this route.",
            *("SubscriptionId", "ResourceGroupName", "CommunicationServiceName", "ApiVersion"),
            codes=("MissingApiVersionParameter", "InvalidApiVersionParameter"),
        )
    },
    "/rotations": {
        "post": _operation(
            "start_rotation",
            "Start a rotation: 202, with where its status and its result are.",
            _parameters("RepeatabilityRequestId"),
            {"202": accepted("The rotation was started, or the same request had started it before.")}
            | failures((*ALWAYS, *BODY, ResourceNotAllowed, RotationInProgress, RequestIdReused, *ENGINE)),
            requestBody=_body("RotationRequest", required=False),
        )
    },
    "/rotations/{id}": {
        "get": _operation(
            "get_rotation",
            "Return a rotation's status.",
            _parameters("RotationId"),
            {"200": success("The status.", ref("RotationStatus"), running=True)}
            | failures((*ALWAYS, NotFound, *ENGINE)),
        )
    },
    "/rotations/{id}/result": {
        "get": _operation(
            "get_rotation_result",
            "Return a rotation's result once it has ended.",
            _parameters("RotationId"),
            {
                "200": success(
                    "It has succeeded: the status of a rotation or a repair, or what a regenerate answers.",
                    {"oneOf": [ref("RotationStatus"), ref("RegeneratedKey")]},
                ),
                "202": accepted("It is still running."),
            }
            | failures((*ALWAYS, NotFound, *ENDING), orchestrated=True),
        )
    },
    "/rotations/{id}/revoke": {"post": _decision("revoke_old_key", "End the old key's grace period now.")},
    "/rotations/{id}/cancel": {"post": _decision("keep_old_key", "Let the old key live.")},
    "/openapi.json": {
        "get": _operation(
            "get_openapi",
            "Return the description of this API, OpenAPI 3.1.",
            _parameters(),
            {
                "200": success(
                    "OpenAPI 3.1.",
                    {
                        "type": "object",
                        "properties": {"openapi": {"type": "string", "const": "3.1.0"}},
                        "required": ["openapi", "info", "paths"],
                    },
                )
            }
            | failures(ALWAYS),
        )
    },
}


@cache
def document() -> Json:
    """Return the OpenAPI document; it is made once and not to be changed."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Access keys of Azure Communication Services",
            "version": _VERSION,
            "description": "Regenerates access keys, and rotates them into Key Vault, without ever showing one. "
            "Errors are ARM's ErrorResponse. Where app roles are required, they are believed from App Service "
            "authentication alone.",
        },
        "servers": [{"url": _SERVER}],
        "security": [{"functionKey": []}, {"functionKeyInQuery": []}],
        "paths": dict(PATHS),
        "components": {
            "schemas": SCHEMAS,
            "parameters": dict(PARAMETERS),
            "headers": HEADERS,
            "securitySchemes": {
                "functionKey": {"type": "apiKey", "in": "header", "name": "x-functions-key"},
                "functionKeyInQuery": {"type": "apiKey", "in": "query", "name": "code"},
            },
        },
    }
