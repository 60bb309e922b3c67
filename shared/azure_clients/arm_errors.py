"""What ARM answered, or did not -> one of our errors, with the outcome as far as it can be known (pure)."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from shared import retry_after
from shared.errors import (
    OUTCOME,
    ArmError,
    ArmRejected,
    Json,
    RegenerationOutcome,
    UpstreamAuthenticationFailed,
    UpstreamFailed,
    UpstreamResponseInvalid,
    UpstreamUnreachable,
)
from shared.redaction import scrub, scrub_json

# what ARM decides before it acts, and what its caller can do something about
PASSED_THROUGH = frozenset({400, 403, 404, 409, 412, 429})
_REQUEST_TIMEOUT = 408
_LARGEST_ANSWER = 64 * 1024
_LONGEST_TEXT = 4_000
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,99}", re.ASCII)
_THROTTLED: Json = {"code": "TooManyRequests", "message": "Azure Resource Manager takes no more requests for now."}


def from_status(status: int, headers: Mapping[str, str], body: bytes, *, changes: bool) -> ArmError:
    """Return the error for an answer that is not the 200 of the API.

    Args:
        status: the HTTP status.
        headers: the answer's headers; Retry-After is passed on. Looked up by the names `Retry-After`.
        body: ARM's ErrorResponse, or anything.
        changes: whether the call would have changed a key, so that the outcome matters.
    """
    error: Json | None = _error_response(body)
    passed_on = retry_after.passed_on(headers)
    if status == 401:
        return UpstreamAuthenticationFailed(
            "Azure Resource Manager refused the token of this app's identity. The next request asks for a new one; "
            "if that fails too, check that the identity belongs to the tenant of the resource's subscription.",
            details=_as_details(error),
            outcome=RegenerationOutcome.NOT_REGENERATED if changes else None,
        )
    if status == 429 and error is None:
        # gateways before ARM throttle too, and do not speak its language
        error = _THROTTLED
    if status in PASSED_THROUGH and error is not None:
        return ArmRejected(
            status,
            error["code"],
            error["message"],
            target=error.get("target"),
            details=error.get("details", ()),
            additional_info=error.get("additionalInfo", ()),
            headers=passed_on,
        )
    if status in PASSED_THROUGH or 200 <= status < 400:
        return not_the_api(changes=changes and status < 300)
    outcome = None
    if changes:
        refused = 400 <= status < 500 and status != _REQUEST_TIMEOUT
        outcome = RegenerationOutcome.NOT_REGENERATED if refused else RegenerationOutcome.UNKNOWN
    return UpstreamFailed(
        f"Azure Resource Manager failed with HTTP status {status}.",
        details=_as_details(error),
        headers=passed_on,
        outcome=outcome,
    )


def not_the_api(*, changes: bool) -> UpstreamResponseInvalid:
    """Return the error for an answer that cannot be understood, though its status is one of success."""
    return UpstreamResponseInvalid(
        "The answer from ARM_ENDPOINT is not one that Azure Resource Manager gives. Check what stands between "
        "this app and it.",
        outcome=RegenerationOutcome.UNKNOWN if changes else None,
    )


def connection_failed(*, sent: bool, reason: str, changes: bool) -> UpstreamUnreachable:
    """Return the error for a call without an answer.

    Args:
        sent: False only where the request certainly never left.
        reason: the type of the network error, never its text.
        changes: whether the call would have changed a key.
    """
    outcome = RegenerationOutcome.UNKNOWN if sent else RegenerationOutcome.NOT_REGENERATED
    return UpstreamUnreachable(
        f"The connection to Azure Resource Manager was lost before its answer came ({reason})."
        if sent
        else f"No connection to Azure Resource Manager could be made ({reason}). Check ARM_ENDPOINT, DNS, "
        "certificates and the network.",
        sent=sent,
        outcome=outcome if changes else None,
    )


def _error_response(body: bytes) -> Json | None:
    """Return ARM's `error` object, scrubbed and bounded, or None where the body is no ErrorResponse."""
    if len(body) > _LARGEST_ANSWER:
        return None
    try:
        return _detail(_object(json.loads(body)).get("error"))
    except (ValueError, RecursionError):
        return None


def _detail(value: Any) -> Json | None:
    """Return the known fields of an `ErrorDetail`, each of its own type, scrubbed; None for anything else."""
    error = _object(value)
    code = error.get("code")
    if not isinstance(code, str) or not _CODE.fullmatch(code) or scrub(code) != code:
        return None
    detail: Json = {"code": code, "message": _text(error.get("message")) or code}
    if target := _text(error.get("target")):
        detail["target"] = target
    if details := [known for item in _list(error.get("details")) if (known := _detail(item)) is not None]:
        detail["details"] = details
    if info := [scrub_json(item) for item in _list(error.get("additionalInfo")) if _is_info(item)]:
        detail["additionalInfo"] = info
    return detail


def _is_info(value: Any) -> bool:
    """Say whether a value is an `ErrorAdditionalInfo`, and none that would pass for this app's own word, or for one of
    the objects that Durable's SDK makes of what it reads: whatever class it names, of whatever module."""
    kind = _object(value).get("type")
    return isinstance(kind, str) and kind != OUTCOME and '"__class__"' not in json.dumps(value)


def _object(value: Any) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(value: Any) -> str:
    return scrub(value)[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _as_details(error: Json | None) -> tuple[Json, ...]:
    return () if error is None else (error,)
