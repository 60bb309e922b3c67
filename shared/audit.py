"""The audit line: who asked for which key of which resource, and what came of it; one JSON object a line.

The same fields go with the record as attributes of their own, so that what is exported can be queried without taking
the text apart.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from typing import cast

from shared.caller import Caller
from shared.errors import (
    AppError,
    DeadlineExceeded,
    DurableFunctionsUnavailable,
    NotAllowed,
    RegenerationOutcome,
    UnexpectedError,
)
from shared.http import Request
from shared.parameters import KeyType
from shared.resource_id import ResourceId
from shared.rotation.guard import rotation_id
from shared.telemetry.names import Attribute
from shared.telemetry.spans import Value, shown

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
        _write(logging.INFO, "RegenerateKey", outcome, target, _who(request, caller))


def started(
    request: Request, caller: Caller, action: str, resource: ResourceId, result: str | AppError, reason: str | None
) -> None:
    """Write the line of a request that starts or decides something: its instance id, or why it was refused.

    `action` is `RotateKey`, `RevokeKey` or `KeepKey`; `outcome` is `Accepted` or `Refused`, or
    `Unknown` where the engine did not say.
    """
    started_by(_who(request, caller), action, resource, result, reason)


def started_by(
    by: Mapping[str, object], action: str, resource: ResourceId, result: str | AppError, reason: str | None = None
) -> None:
    """Write the line of what was started, or refused, without an HTTP request; `by` says on whose account.

    `action` may be `RegenerateKey` and `RepairSecrets`, too.
    """
    fields: dict[str, object] = {"resourceId": str(resource)}
    if reason is not None:
        fields["reason"] = reason
    if isinstance(result, AppError):
        fields |= {"error": result.code, "status": result.status}
        unknown = isinstance(result, (DeadlineExceeded, DurableFunctionsUnavailable, UnexpectedError))
        _write(logging.WARNING, action, "Unknown" if unknown else "Refused", fields, by)
    else:
        _write(logging.INFO, action, "Accepted", fields | {"instanceId": result}, by)


def step(resource: ResourceId, key_type: KeyType, instance_id: str, result: str | AppError) -> None:
    """Write the line of a regeneration within an orchestration, which the line of its start ties to a caller."""
    fields: dict[str, object] = {"resourceId": str(resource), "keyType": key_type}
    by: dict[str, object] = {"instanceId": instance_id}
    if isinstance(result, AppError):
        outcome = result.outcome or RegenerationOutcome.NOT_REGENERATED
        _write(logging.WARNING, "RegenerateKey", outcome, fields | {"error": result.code}, by)
    else:
        _write(logging.INFO, "RegenerateKey", RegenerationOutcome.REGENERATED, fields | {"fingerprint": result}, by)


def ended(action: str, resource: str, instance_id: str, outcome: str, told: Mapping[str, object]) -> None:
    """Write the line of an orchestration that has ended, which the line of its start ties to a caller.

    Args:
        action: `RotateKey`, `RegenerateKey`, `RepairSecrets` or `RevokeKey`.
        resource: the ARM id.
        instance_id: the orchestration's.
        outcome: `Succeeded`, `Failed` or `Canceled`; of a revocation `Done`, `Failed` or `Canceled`.
        told: `keyType`, `fingerprint`, `plan`, `error`, `proof`, `revocation` as far as there is something to say.
    """
    level = logging.INFO if outcome in ("Succeeded", "Done") else logging.WARNING
    said = {name: value for name, value in told.items() if value is not None}
    _write(level, action, outcome, {"resourceId": resource, **said}, {"instanceId": instance_id})


def refusal(request: Request, caller: Caller, action: str, error: NotAllowed) -> None:
    """Write the line of a caller who was refused before it was looked at what they want.

    `action` is that of the route, `Read` where it changes nothing; `outcome` is `Refused`, of a regeneration
    `NotRegenerated`.
    """
    if action == "RegenerateKey":
        _failed(request, caller, error, {})
    else:
        fields: dict[str, object] = {"error": error.code, "status": error.status}
        _write(logging.WARNING, action, "Refused", fields, _who(request, caller))


def _failed(request: Request, caller: Caller, error: AppError, target: dict[str, object]) -> None:
    outcome = error.outcome or RegenerationOutcome.NOT_REGENERATED
    fields = target | {"error": error.code, "status": error.status}
    _write(logging.WARNING, "RegenerateKey", outcome, fields, _who(request, caller))


def _who(request: Request, caller: Caller) -> dict[str, object]:
    who: dict[str, object] = {"caller": caller.to_json(), "requestId": request.request_id}
    if request.client_request_id is not None:
        who["clientRequestId"] = request.client_request_id
    return who


def _write(level: int, action: str, outcome: str, fields: dict[str, object], by: Mapping[str, object]) -> None:
    line = {"action": action, "outcome": outcome, **fields, **by}
    # ASCII escapes keep line breaks and direction marks of a caller's name from forging a line
    _logger.log(level, "audit %s", json.dumps(line, ensure_ascii=True), extra=_attributes(line))


ATTRIBUTES: Mapping[str, Attribute] = {
    "action": Attribute.ACTION,
    "outcome": Attribute.OUTCOME,
    "resourceId": Attribute.RESOURCE_ID,
    "keyType": Attribute.KEY_TYPE,
    "fingerprint": Attribute.FINGERPRINT,
    "plan": Attribute.PLAN,
    "proof": Attribute.PROOF,
    "reason": Attribute.REASON,
    "error": Attribute.ERROR_TYPE,
    "status": Attribute.STATUS_CODE,
    "revocation.status": Attribute.REVOCATION_STATUS,
    "revocation.at": Attribute.REVOCATION_AT,
    "caller.kind": Attribute.CALLER_KIND,
    "caller.id": Attribute.CALLER_ID,
    "caller.name": Attribute.CALLER_NAME,
    "requestId": Attribute.REQUEST_ID,
    "clientRequestId": Attribute.CLIENT_REQUEST_ID,
    "instanceId": Attribute.ROTATION_ID,
    "regeneratedBy": Attribute.REGENERATED_BY,
    "eventId": Attribute.EVENT_ID,
    "eventType": Attribute.EVENT_TYPE,
    "eventSource": Attribute.EVENT_SOURCE,
    "eventSubject": Attribute.EVENT_SUBJECT,
}


def _attributes(line: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    """Return the fields of a line as attributes; a revocation has its rotation's id, which ties the two together."""
    told: dict[Attribute, Value] = {}
    for name, value in _flat(line):
        # a line must not fail for a field that is new: a test sees to it that each has its attribute
        if (attribute := ATTRIBUTES.get(name)) is not None:
            text = value if isinstance(value, int) else str(value)
            told[attribute] = rotation_id(str(value)) if name == "instanceId" else text
    return shown(told)


def _flat(line: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in line.items():
        if isinstance(value, Mapping):
            inner = cast("Mapping[str, object]", value)
            yield from ((f"{name}.{part}", item) for part, item in inner.items())
        else:
            yield name, value
