"""The responses that an operation documents, made from the error classes that it may answer with (pure)."""

from collections.abc import Collection, Iterable
from functools import cache

from shared.azure_clients.arm_errors import PASSED_THROUGH
from shared.conflicts import (
    ActiveKeyUnknown,
    GracePending,
    KeyChanged,
    KeyInUse,
    RotationInProgress,
    SecretsDisagreed,
    StaleEvent,
)
from shared.errors import (
    AppError,
    ArmRejected,
    DeadlineExceeded,
    DurableFunctionsUnavailable,
    InvalidRequest,
    Json,
    ManagedIdentityUnavailable,
    NotConfigured,
    NotProven,
    PreconditionFailed,
    RequestEntityTooLarge,
    ResourceNotAllowed,
    RoleRequired,
    UnexpectedError,
    UnsupportedMediaType,
    UpstreamAuthenticationFailed,
    UpstreamFailed,
    UpstreamResponseInvalid,
    UpstreamUnreachable,
)
from shared.key_vault_errors import (
    KeyVaultForbidden,
    KeyVaultRejected,
    KeyVaultUnavailable,
    SecretDeleted,
    SecretDisabled,
    SecretFormatUnknown,
    SecretNotOurs,
    TagTooLong,
)
from shared.openapi.schemas import ref, whole
from shared.rotation.status import TERMINATED
from shared.wire import CLIENT_REQUEST_ID

type Errors = tuple[type[AppError], ...]

# what every operation may answer
ALWAYS: Errors = (RoleRequired, UnexpectedError, NotConfigured)
# what a body may be refused with
BODY: Errors = (InvalidRequest, RequestEntityTooLarge, UnsupportedMediaType)
ARM: Errors = (
    ArmRejected,
    UpstreamAuthenticationFailed,
    UpstreamFailed,
    UpstreamUnreachable,
    UpstreamResponseInvalid,
    ManagedIdentityUnavailable,
)
KEY_VAULT: Errors = (
    KeyVaultForbidden,
    KeyVaultUnavailable,
    KeyVaultRejected,
    SecretNotOurs,
    SecretDisabled,
    SecretDeleted,
    SecretFormatUnknown,
    TagTooLong,
)
# where the engine does not answer
ENGINE: Errors = (DeadlineExceeded, DurableFunctionsUnavailable)
# what a synchronous regenerate may end with, directly or under the guard
REGENERATING: Errors = (
    *ARM,
    *KEY_VAULT,
    ResourceNotAllowed,
    KeyInUse,
    GracePending,
    RotationInProgress,
    PreconditionFailed,
    *ENGINE,
)
# what any orchestration that is shown may have ended with
ENDING: Errors = (
    *ARM,
    *KEY_VAULT,
    KeyInUse,
    KeyChanged,
    GracePending,
    RotationInProgress,
    StaleEvent,
    ActiveKeyUnknown,
    SecretsDisagreed,
    PreconditionFailed,
    *ENGINE,
    NotProven,
)
_TERMINATED = (409, str(TERMINATED["code"]), "The orchestration was terminated from outside.")

_COMMON_HEADERS = ("x-ms-request-id", "x-ms-client-request-id", "Cache-Control")
_WHERE_TO_GO_ON = ("Location", "Operation-Location", "Retry-After")
# ARM's failures and Key Vault's; ARM's own answers may say it with any status
_MAY_SAY_WHEN = frozenset({502, 503})

HEADERS: Json = {
    "x-ms-request-id": {
        "description": "This request, in the app's log and in ARM's.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "x-ms-client-request-id": {
        "description": "The caller's own, if it is a sane token.",
        "schema": {"type": "string", "pattern": whole(CLIENT_REQUEST_ID)},
    },
    "Cache-Control": {"required": True, "schema": {"type": "string", "const": "no-store"}},
    "Location": {
        "description": "Where the result will be.",
        "required": True,
        "schema": {"type": "string", "format": "uri"},
    },
    "Operation-Location": {
        "description": "Where the status is.",
        "required": True,
        "schema": {"type": "string", "format": "uri"},
    },
    "Retry-After": {
        "description": "After how many seconds, or when, to ask again.",
        "schema": {"type": "string", "pattern": "^(?:[0-9]{1,9}|[A-Za-z0-9 ,:]{20,40})$"},
    },
}


def success(description: str, schema: Json, *, running: bool = False) -> Json:
    """Return a response that is no error; `running`: it may say when to ask again."""
    headers = (*_COMMON_HEADERS, "Retry-After") if running else _COMMON_HEADERS
    return _response(description, schema, headers)


def accepted(description: str) -> Json:
    """Return the 202 that says where to go on."""
    return _response(description, ref("RotationStatus"), (*_COMMON_HEADERS, *_WHERE_TO_GO_ON))


def failures(errors: Collection[type[AppError]], *, orchestrated: bool = False, more: Iterable[str] = ()) -> Json:
    """Return the response for each status that these errors have, with the codes that come with it.

    Args:
        errors: the error classes.
        orchestrated: an orchestration may have ended with it, and orchestrations may be terminated.
        more: further codes of InvalidRequest.
    """
    codes: dict[int, dict[str, str]] = {}
    for error in errors:
        if error is not ArmRejected:
            codes.setdefault(error.status, {})[error.code] = _told(error)
    for code in more:
        codes[InvalidRequest.status][code] = "As by ARM."
    if orchestrated:
        status, code, meaning = _TERMINATED
        codes.setdefault(status, {})[code] = meaning
    passed = PASSED_THROUGH if ArmRejected in errors else frozenset[int]()
    responses = {status: _failure(status, codes.get(status, {}), passed) for status in {*codes, *passed}}
    return {str(status): responses[status] for status in sorted(responses)} | {"401": _UNAUTHORIZED}


_UNAUTHORIZED: Json = {
    "description": "No access key, or a wrong one: the Functions host's own answer, without a body, before the app "
    "sees the request."
}


def _failure(status: int, codes: dict[str, str], passed: Collection[int]) -> Json:
    lines = [f"- `{code}`: {codes[code]}" for code in sorted(codes)]
    schema = ref("ErrorResponse")
    if status in passed:
        lines.append("- any other code: Azure Resource Manager's own answer, passed on.")
    else:
        code: Json = {"type": "object", "properties": {"code": {"enum": sorted(codes)}}}
        schema = {"allOf": [schema, {"type": "object", "properties": {"error": code}}]}
    headers = (*_COMMON_HEADERS, "Retry-After") if status in passed or status in _MAY_SAY_WHEN else _COMMON_HEADERS
    return _response("\n".join(lines), schema, headers)


def _response(description: str, schema: Json, headers: Iterable[str]) -> Json:
    return {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in headers},
        "content": {"application/json": {"schema": schema}},
    }


@cache
def _told(error: type[AppError]) -> str:
    """Return the first paragraph of an error's docstring, on one line."""
    return " ".join((error.__doc__ or "").partition("\n\n")[0].split())
