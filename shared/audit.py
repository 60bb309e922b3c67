"""The audit line: who asked for which key of which resource, and what came of it; one JSON object a line."""

import json
import logging

from shared.caller import Caller
from shared.errors import AppError, RegenerationOutcome
from shared.http import Request
from shared.parameters import KeyType
from shared.regeneration import Regenerated
from shared.resource_id import ResourceId

_logger = logging.getLogger("audit")


def regeneration(
    request: Request, caller: Caller, resource: ResourceId, key_type: KeyType, result: Regenerated | AppError
) -> None:
    """Write `audit {"action": "RegenerateKey", "outcome": …}` on the logger `audit`, on one line.

    INFO for a regenerated key, WARNING for everything else. `outcome` is that of `RegenerationOutcome`; where
    there is an error its code and status stand beside it, else the new key's fingerprint. No field is a secret.
    """
    line: dict[str, object] = {
        "action": "RegenerateKey",
        "outcome": RegenerationOutcome.REGENERATED,
        "resourceId": str(resource),
        "keyType": key_type,
        "caller": caller.to_json(),
        "requestId": request.request_id,
    }
    if request.client_request_id is not None:
        line["clientRequestId"] = request.client_request_id
    if isinstance(result, AppError):
        line["outcome"] = result.outcome or RegenerationOutcome.NOT_REGENERATED
        line |= {"error": result.code, "status": result.status}
    else:
        line["fingerprint"] = result.key.fingerprint
    # ASCII escapes keep line breaks and direction marks of a caller's name from forging a line
    text = json.dumps(line, ensure_ascii=True)
    _logger.log(logging.WARNING if isinstance(result, AppError) else logging.INFO, "audit %s", text)
