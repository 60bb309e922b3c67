"""Durable state -> the wire status of a rotation, and the response of its result (pure)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.errors import RegenerationOutcome
from shared.rotation.model import Json, utc_text, with_outcome


class RunState(StrEnum):
    """What the wire knows; azure-core's poller would poll a status that it does not know for ever."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self not in (RunState.NOT_STARTED, RunState.RUNNING)


_STATES: dict[Any, RunState] = {state.value: state for state in RunState}


@dataclass(frozen=True, slots=True)
class Instance:
    """An orchestration as the engine knows it.

    Attributes:
        id: the instance id.
        name: the orchestrator's name.
        runtime_status: the engine's word in upper case: PENDING, RUNNING, COMPLETED, FAILED, TERMINATED …
        input: what it was started with.
        shown: its output if it has one, else its custom status, else None.
        created_at: when it was started, in UTC.
        updated_at: when anything last happened, in UTC.
    """

    id: str
    name: str
    runtime_status: str
    input: Json
    shown: Json | None
    created_at: datetime
    updated_at: datetime


TERMINATED = {
    "code": "Terminated",
    "message": "The orchestration was terminated from outside. What it held is released by the next rotation; see "
    "the secrets and the key's fingerprints for how far it came.",
}
_CRASHED = {
    "code": "InternalServerError",
    "message": "The orchestration failed in a way that it does not know. The app's log has the details.",
}


def run_state(instance: Instance) -> RunState:
    """Return how far an orchestration is."""
    match instance.runtime_status:
        case "PENDING":
            return RunState.NOT_STARTED
        case "COMPLETED":
            # a revocation tells what has become of the key instead ("Done"), and has ended all the same
            return _STATES.get(instance.shown.get("status"), RunState.SUCCEEDED) if instance.shown else RunState.FAILED
        case "TERMINATED" | "CANCELED":
            return RunState.CANCELED
        case "FAILED":
            return RunState.FAILED
        case _:
            return RunState.RUNNING


def status_json(instance: Instance, revocation: Instance | None) -> Json:
    """Return the rotation status of DESIGN's wire form: all fields, in their order.

    Args:
        instance: the rotation (or regeneration).
        revocation: the orchestration that ends the old key's grace, if there is one yet.
    """
    state = run_state(instance)
    shown: Json = instance.shown or {}
    updated = max(instance.updated_at, revocation.updated_at) if revocation else instance.updated_at
    body: Json = {
        "id": instance.id,
        "status": state.value,
        "stage": shown.get("stage"),
        "plan": shown.get("plan"),
        "resourceId": instance.input.get("resourceId"),
        "activeKey": shown.get("activeKey"),
        "fingerprints": shown.get("fingerprints", {"new": None, "old": None}),
        "secrets": [secret["id"] for secret in shown.get("secrets", ())],
        "revocation": _revocation(shown, revocation),
    }
    error = shown.get("error") or _engine_error(instance)
    if error is not None:
        body["error"] = shown_error(error)
    return body | {"createdAt": utc_text(instance.created_at), "updatedAt": utc_text(updated)}


def result_error(instance: Instance) -> tuple[int, Json, dict[str, str]]:
    """Return status, ErrorResponse and headers of an orchestration that did not succeed, as a synchronous call gives
    them."""
    shown: Json = instance.shown or {}
    error: Json = shown.get("error") or _engine_error(instance) or _in_doubt(instance, _CRASHED)
    headers: dict[str, str] = error.get("headers", {})
    return int(error.get("status", 500)), {"error": shown_error(error)}, headers


def shown_error(error: Json) -> Json:
    """Return an error without what only this app needs of it."""
    return {name: value for name, value in error.items() if name not in ("status", "headers", "retriable")}


def _engine_error(instance: Instance) -> Json | None:
    error = {"TERMINATED": TERMINATED | {"status": 409}, "FAILED": _CRASHED}.get(instance.runtime_status)
    return _in_doubt(instance, error) if error is not None else None


def _in_doubt(instance: Instance, error: Json) -> Json:
    """Return the error of one that ended without a word, with what that leaves open about the key."""
    if instance.name == "repair_secrets":
        # regenerates nothing
        return error
    return with_outcome(error, RegenerationOutcome.UNKNOWN)


def _revocation(shown: Json, revocation: Instance | None) -> Json:
    scheduled: Json = shown.get("revocation", {"status": "NotRequested"})
    if revocation is None:
        return scheduled
    if revocation.runtime_status in ("FAILED", "TERMINATED"):
        error: Any = _engine_error(revocation)
        return {**scheduled, "status": "Failed", "error": shown_error(error)}
    told: Json = {name: value for name, value in (revocation.shown or {}).items() if name not in ("stage", "decision")}
    return {**scheduled, **told}
