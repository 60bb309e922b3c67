"""Untrusted JSON -> fault rules. Strict: what would silently do nothing is refused, with the rule's index."""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from emulator.cloud.faults import (
    WHOLE_SERVICE,
    BodyFault,
    ConnectionFault,
    DelayFault,
    DisconnectFault,
    DuplicateFault,
    ExpiredTokenFault,
    Fault,
    RerunFault,
    Rule,
    StatusFault,
)
from emulator.cloud.json_values import Json
from emulator.cloud.resource_ids import ResourceId


@dataclass(frozen=True, slots=True)
class _ServiceFaults:
    # None: the functions of an app, which only the app knows.
    operations: frozenset[str] | None
    effects: frozenset[str]
    has_resources: bool = False


_ANY_REQUEST = frozenset({"status", "delaySeconds", "disconnect", "body", "refuse"})
# What each service knows; a new service is one line here.
_SERVICES = {
    "arm": _ServiceFaults(
        frozenset({"get", "list", "listKeys", "regenerateKey"}), _ANY_REQUEST | {"tls"}, has_resources=True
    ),
    "identity": _ServiceFaults(frozenset({"token"}), _ANY_REQUEST | {"expiredToken"}),
    "communication": _ServiceFaults(frozenset({"listPhoneNumbers"}), _ANY_REQUEST | {"tls"}, has_resources=True),
    "keyvault": _ServiceFaults(
        frozenset({"getSecret", "setSecret", "listSecrets", "listVersions", "updateSecret"}), _ANY_REQUEST | {"tls"}
    ),
    "eventgrid": _ServiceFaults(frozenset({"publish", "deliver"}), (_ANY_REQUEST - {"body"}) | {"tls", "duplicate"}),
    "durable": _ServiceFaults(None, frozenset({"rerun"})),
}
# Deliveries are no requests to a service: they have this one fault, which nothing else has.
_DELIVER = "deliver"
_MOST_DUPLICATES = 100
# What Azure Functions allows as a function's name.
_FUNCTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,127}")
_SELECTORS = frozenset({"service", "operation", "resourceId", "times", "skip"})
# Beyond status, code and retryAfter: the rest of an ErrorResponse, to see what a caller makes of it.
_COMPANIONS = {
    "status": frozenset({"code", "message", "details", "additionalInfo", "retryAfter", "after"}),
    "delaySeconds": frozenset({"after"}),
    "rerun": frozenset({"delaySeconds"}),
}
# An hour is beyond every client's patience, and a mistyped delay must not hold a connection for days.
_LONGEST_DELAY_SECONDS = 3600.0


def parse_rules(value: object) -> list[Rule]:
    """Return the rules in a JSON array; raises JsonError naming the first wrong rule and what is wrong."""
    return [_rule(item) for item in Json(value, "the body").items()]


def _rule(item: Json) -> Rule:
    members = item.members()
    service = item.choice("service", tuple(_SERVICES))
    known = _SERVICES[service]
    operation = item.optional_string("operation") or WHOLE_SERVICE
    if operation != WHOLE_SERVICE:
        _check_operation(item, operation, service, known)
    effect = _effect(item, members, service, known)
    if (effect == "duplicate") != (operation == _DELIVER):
        raise item.error(f"the operation {_DELIVER} has the effect duplicate, and no other has it")
    fault = _FAULTS[effect](item)
    times, skip = _times(item), _skip(item)
    resource_key = _resource_key(item)
    if isinstance(fault, ConnectionFault) and (operation != WHOLE_SERVICE or resource_key is not None):
        raise item.error(f"{effect} is for a whole service: operation must be * and resourceId absent")
    if isinstance(fault, ConnectionFault) and skip:
        # Connections are kept and used again, so to count them would say nothing about requests.
        raise item.error(f"{effect} is about connections, and skip counts requests")
    if resource_key is not None and not known.has_resources:
        raise item.error(f"resourceId means nothing for the service {service}")
    return Rule(
        service=service,
        operation=operation,
        resource_key=resource_key,
        times=times,
        skip=skip,
        fault=fault,
        source=members,
    )


def _check_operation(item: Json, operation: str, service: str, known: _ServiceFaults) -> None:
    if known.operations is None:
        if not _FUNCTION_NAME.fullmatch(operation):
            raise item.error(f"operation must be the name of a function or * for the service {service}")
    elif operation not in known.operations:
        raise item.error(f"operation must be one of {_listed(known.operations)} or * for the service {service}")


def _effect(item: Json, members: dict[str, object], service: str, known: _ServiceFaults) -> str:
    named = {name for name in _FAULTS if name in members}
    # What belongs to another effect is none of its own: the delaySeconds of a rerun.
    effects = sorted(named.difference(*(_COMPANIONS.get(name, frozenset()) for name in named)))
    if len(effects) != 1:
        raise item.error(f"exactly one of {_listed(_FAULTS)} must be given")
    effect = effects[0]
    if effect not in known.effects:
        raise item.error(f"{effect} is not possible for the service {service}")
    unknown = sorted(set(members) - _SELECTORS - {effect} - _COMPANIONS.get(effect, frozenset()))
    if unknown:
        raise item.error(f"{_listed(unknown)} cannot stand beside {effect}")
    return effect


def _times(item: Json) -> int | None:
    times = item.optional_integer("times")
    if times is not None and times < 1:
        raise item.error("times must be 1 or more, or null for ever")
    return times


def _skip(item: Json) -> int:
    skip = item.optional_integer("skip")
    if skip is not None and skip < 0:
        raise item.error("skip must be 0 or more")
    return skip or 0


def _resource_key(item: Json) -> str | None:
    resource_id = item.optional_string("resourceId")
    if resource_id is None:
        return None
    try:
        return ResourceId.parse(resource_id).key
    except ValueError as error:
        raise item.error(f"resourceId {error}") from None


def _status(item: Json) -> Fault:
    status = item.integer("status")
    # 1xx, 204 and 304 have no body, and a success is not a fault.
    if not 400 <= status <= 599:
        raise item.error("status must be from 400 to 599")
    return StatusFault(
        status=status,
        code=item.optional_string("code"),
        message=item.optional_string("message"),
        details=item.optional_array("details"),
        additional_info=item.optional_array("additionalInfo"),
        retry_after=_retry_after(item),
        after=item.flag("after"),
    )


def _retry_after(item: Json) -> str | None:
    value = item.members().get("retryAfter")
    match value:
        case None:
            return None
        case bool():
            pass
        case int() if value >= 0:
            return str(value)
        case str() if value.isprintable() and value.isascii():
            return value
        case _:
            pass
    raise item.error("retryAfter must be a number of whole seconds or an HTTP date")


def _delay(item: Json) -> Fault:
    return DelayFault(seconds=_seconds(item), after=item.flag("after"))


def _seconds(item: Json) -> float:
    seconds = item.number("delaySeconds")
    if not math.isfinite(seconds) or not 0 <= seconds <= _LONGEST_DELAY_SECONDS:
        raise item.error(f"delaySeconds must be from 0 to {_LONGEST_DELAY_SECONDS:g}")
    return seconds


def _disconnect(item: Json) -> Fault:
    return DisconnectFault(item.choice("disconnect", ("before", "after")))


def _body(item: Json) -> Fault:
    return BodyFault(item.choice("body", ("truncated", "invalid")))


def _expired_token(item: Json) -> Fault:
    item.only_true("expiredToken")
    return ExpiredTokenFault()


def _duplicate(item: Json) -> Fault:
    count = item.integer("duplicate")
    if not 1 <= count <= _MOST_DUPLICATES:
        raise item.error(f"duplicate must be from 1 to {_MOST_DUPLICATES}")
    return DuplicateFault(count)


def _rerun(item: Json) -> Fault:
    if item.choice("rerun", ("now", "late")) == "late":
        return RerunFault(when="late", delay_seconds=_seconds(item))
    if "delaySeconds" in item.members():
        raise item.error("delaySeconds is for a rerun that is late")
    return RerunFault(when="now")


def _connection(kind: Literal["refuse", "tls"]) -> Callable[[Json], Fault]:
    def make(item: Json) -> Fault:
        item.only_true(kind)
        return ConnectionFault(kind)

    return make


_FAULTS: dict[str, Callable[[Json], Fault]] = {
    "status": _status,
    "delaySeconds": _delay,
    "disconnect": _disconnect,
    "body": _body,
    "expiredToken": _expired_token,
    "duplicate": _duplicate,
    "rerun": _rerun,
    "refuse": _connection("refuse"),
    "tls": _connection("tls"),
}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
