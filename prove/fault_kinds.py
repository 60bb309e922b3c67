"""Which faults can befall a call: the whole contract of the emulator's fault rules (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_STATUSES = (403, 404, 409, 429, 500, 503)
# A refusal (4xx) after the effect would be a lie; a failure can come between the effect and its answer.
_AFTERWARDS = (500, 503)
_PASSING = frozenset({429, 500, 503})
_DELAY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One effect of a fault rule.

    Attributes:
        name: for the table.
        effect: the rule's effect.
        passes: whether a single one must not keep an orchestration from its end: the next attempt finds all well.
        endless: whether it also makes sense for ever.
    """

    name: str
    effect: Mapping[str, Any]
    passes: bool = True
    endless: bool = True


def kinds_of_call(service: str, *, changes: bool) -> list[FaultKind]:
    """Return the faults of one request; `changes`: it had an effect when all was well."""
    kinds = [_status(status, service) for status in _STATUSES]
    kinds += [
        FaultKind("delay", {"delaySeconds": _DELAY_SECONDS}, endless=False),
        FaultKind("disconnect", {"disconnect": "before"}),
    ]
    if service != "eventgrid":
        kinds += [FaultKind(f"body {kind}", {"body": kind}) for kind in ("truncated", "invalid")]
    if service == "identity":
        kinds.append(FaultKind("expired token", {"expiredToken": True}))
    if changes:
        kinds += [FaultKind(f"{status} after the effect", {"status": status, "after": True}) for status in _AFTERWARDS]
        kinds += [
            FaultKind("delay after the effect", {"delaySeconds": _DELAY_SECONDS, "after": True}, endless=False),
            FaultKind("disconnect after the effect", {"disconnect": "after"}),
        ]
    return kinds


def kinds_of_service(service: str) -> list[FaultKind]:
    """Return the faults of all connections to a service; the managed identity's endpoint has no TLS."""
    kinds = [FaultKind("refuse", {"refuse": True})]
    if service != "identity":
        kinds.append(FaultKind("tls", {"tls": True}))
    return kinds


def kinds_of_step() -> list[FaultKind]:
    """Return what can befall an activity: its worker dies, or it goes on while another one takes its place."""
    return [
        FaultKind("rerun now", {"rerun": "now"}, endless=False),
        FaultKind("rerun 1 s later", {"rerun": "late", "delaySeconds": 1}, endless=False),
        FaultKind("rerun 4 s later", {"rerun": "late", "delaySeconds": 4}, endless=False),
    ]


def _status(status: int, service: str) -> FaultKind:
    effect: dict[str, Any] = {"status": status}
    if status == 429:
        effect["retryAfter"] = 1
    # Key Vault answers 409 while another change of the secret is under way
    passes = status in _PASSING or (service, status) == ("keyvault", 409)
    return FaultKind(str(status), effect, passes=passes)
