"""The audit line: who asked for which key of which resource, and what came of it; one JSON object a line."""

import json
import logging

from shared.caller import Caller
from shared.errors import AppError, NotAllowed, RegenerationOutcome
from shared.http import Request
from shared.parameters import KeyType
from shared.resource_id import ResourceId

_logger = logging.getLogger("audit")


def regeneration(
    request: Request, caller: Caller, resource: ResourceId, key_type: KeyType, result: str | AppError | None
) -> None:
    """Write `audit {"action": "RegenerateKey", "outcome": …}` on the logger `audit`, on one line.

    INFO for a regenerated key, WARNING for everything else. `outcome` is that of `RegenerationOutcome`; where
    there is an error its code and status stand beside it, else the new key's fingerprint. No field is a secret.
    """
    target: dict[str, object] = {"resourceId": str(resource), "keyType": key_type}
    if isinstance(result, AppError):
        _failed(request, caller, result, target)
    else:
        # a regeneration that goes on under the guard has none yet
        outcome = RegenerationOutcome.UNKNOWN if result is None else RegenerationOutcome.REGENERATED
        if result is not None:
            target["fingerprint"] = result
        _write(logging.INFO, request, caller, outcome, target)


def refusal(request: Request, caller: Caller, error: NotAllowed) -> None:
    """Write the line of a caller who was refused before it was looked at what they want."""
    _failed(request, caller, error, {})


def _failed(request: Request, caller: Caller, error: AppError, target: dict[str, object]) -> None:
    outcome = error.outcome or RegenerationOutcome.NOT_REGENERATED
    target |= {"error": error.code, "status": error.status}
    _write(logging.WARNING, request, caller, outcome, target)


def _write(
    level: int, request: Request, caller: Caller, outcome: RegenerationOutcome, fields: dict[str, object]
) -> None:
    line = {"action": "RegenerateKey", "outcome": outcome, **fields, "caller": caller.to_json()}
    line["requestId"] = request.request_id
    if request.client_request_id is not None:
        line["clientRequestId"] = request.client_request_id
    # ASCII escapes keep line breaks and direction marks of a caller's name from forging a line
    _logger.log(level, "audit %s", json.dumps(line, ensure_ascii=True))
