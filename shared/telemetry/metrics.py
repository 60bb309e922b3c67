"""The app's metrics. Attributes are few and bounded, so that a series is made for each combination that matters.

The resource is an attribute of what the timer records alone, two or three values a resource and run, which some hundred
resources can afford. Which resource a failed rotation was for, the audit says.
"""

import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from shared.telemetry.names import (
    DELIVERY_DURATION,
    KEY_AGE,
    KEYS_REGENERATED,
    REVOCATION_OVERDUE,
    REVOCATIONS,
    ROTATIONS,
    SCOPE,
    Attribute,
    Metric,
)
from shared.telemetry.spans import Attributes, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.metrics import Meter, Observation


def key_regenerated(key_type: str, outcome: str, trigger: str, error: str | None = None) -> None:
    """Count an attempt to regenerate a key.

    Args:
        key_type: `Primary` or `Secondary`.
        outcome: a `RegenerationOutcome`.
        trigger: `http`, `event`, `timer` or `revocation`.
        error: the error's code, where there is one.
    """
    _count(
        KEYS_REGENERATED,
        {
            Attribute.KEY_TYPE: key_type,
            Attribute.OUTCOME: outcome,
            Attribute.TRIGGER: trigger,
            Attribute.ERROR_TYPE: error,
        },
    )


def rotation_ended(operation: str, outcome: str, trigger: str, *, plan: str | None, error: str | None) -> None:
    """Count an orchestration that has ended.

    Args:
        operation: `Rotate`, `Regenerate` or `Repair`.
        outcome: `Succeeded`, `Failed` or `Canceled`.
        trigger: `http`, `event` or `timer`.
        plan: as in the rotation status, where one was made.
        error: the error's code, where there is one.
    """
    _count(
        ROTATIONS,
        {
            Attribute.OPERATION: operation,
            Attribute.OUTCOME: outcome,
            Attribute.TRIGGER: trigger,
            Attribute.PLAN: plan,
            Attribute.ERROR_TYPE: error,
        },
    )


def revocation_ended(outcome: str, *, proof: str | None, error: str | None) -> None:
    """Count a revocation that has ended: `Done`, `Failed` or `Canceled`; see `revocation` in the rotation status."""
    _count(REVOCATIONS, {Attribute.OUTCOME: outcome, Attribute.PROOF: proof, Attribute.ERROR_TYPE: error})


def key_age(resource: str, key_type: str, seconds: float) -> None:
    """Record for how long a live key has been published."""
    _record(KEY_AGE, resource, key_type, seconds)


def revocation_overdue(resource: str, key_type: str, seconds: float) -> None:
    """Record for how long an old key should have been revoked."""
    _record(REVOCATION_OVERDUE, resource, key_type, seconds)


def key_delivered(seconds: float) -> None:
    """Record how long it took from a key's regeneration until every secret published it."""
    if (meter := _meter()) is not None:
        _instrument(meter, "create_histogram", DELIVERY_DURATION).record(max(0.0, seconds))


# what was recorded and not yet exported: by the metric's name, resource and key type -> seconds
_recorded: dict[str, dict[tuple[str, str], float]] = {}


def _record(metric: Metric, resource: str, key_type: str, seconds: float) -> None:
    """Record what is to be exported once: a synchronous gauge would be sent again each minute, for as long as the
    process lives, whether anybody has looked or not."""
    if (meter := _meter()) is not None:
        waiting = _recorded.setdefault(metric.name, {})
        _instrument(meter, "create_observable_gauge", metric)
        waiting[resource, key_type] = seconds


def _observed(waiting: dict[tuple[str, str], float], _options: Any) -> "Iterator[Observation]":
    api: Any = sys.modules["opentelemetry.metrics"]
    while waiting:
        (resource, key_type), seconds = waiting.popitem()
        yield api.Observation(seconds, shown({Attribute.RESOURCE_ID: resource, Attribute.KEY_TYPE: key_type}))


def _count(metric: Metric, attributes: Attributes) -> None:
    if (meter := _meter()) is not None:
        _instrument(meter, "create_counter", metric).add(1, shown(attributes))


def _meter() -> "Meter | None":
    """Return the app's meter, or None where nobody listens.

    The metrics API takes some milliseconds to import. An SDK has it loaded when it is configured, so where nobody has,
    the first request should not wait for it.
    """
    api: Any = sys.modules.get("opentelemetry.metrics")
    return None if api is None else _meter_of(api)


@cache
def _meter_of(api: Any) -> "Meter":
    return api.get_meter(SCOPE)


@cache
def _instrument(meter: "Meter", create: str, metric: Metric) -> Any:
    options: dict[str, Any] = {"unit": metric.unit, "description": metric.description}
    if metric.bounds:
        options["explicit_bucket_boundaries_advisory"] = metric.bounds
    if metric.name in _recorded:
        options["callbacks"] = [partial(_observed, _recorded[metric.name])]
    return getattr(meter, create)(metric.name, **options)
