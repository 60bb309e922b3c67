"""The JSON of Durable Functions' HTTP API: instances, their history, entities.

https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-http-api; StatusResponsePayload and
DurableOrchestrationStatus in Azure/azure-functions-durable-extension.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

# what the API calls a status -> its number; the extension's OrchestrationRuntimeStatus
STATUS_NUMBERS: dict[str, pb.OrchestrationStatus] = {
    "Running": pb.ORCHESTRATION_STATUS_RUNNING,
    "Completed": pb.ORCHESTRATION_STATUS_COMPLETED,
    "ContinuedAsNew": pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW,
    "Failed": pb.ORCHESTRATION_STATUS_FAILED,
    "Canceled": pb.ORCHESTRATION_STATUS_CANCELED,
    "Terminated": pb.ORCHESTRATION_STATUS_TERMINATED,
    "Pending": pb.ORCHESTRATION_STATUS_PENDING,
    "Suspended": pb.ORCHESTRATION_STATUS_SUSPENDED,
}
STATUS_NAMES = {number: name for name, number in STATUS_NUMBERS.items()}


def decoded(value: StringValue) -> Any:
    """Return a payload: the JSON value in it, or its text where it is none; None if it is empty."""
    if not value.value:
        return None
    try:
        return json.loads(value.value)
    except ValueError:
        return value.value


def instance_json(state: pb.OrchestrationState, *, show_input: bool) -> dict[str, Any]:
    """Return an instance without its history. The output of a failed one is the text of its failure."""
    failed = state.orchestrationStatus == pb.ORCHESTRATION_STATUS_FAILED
    return {
        "name": state.name,
        "instanceId": state.instanceId,
        "runtimeStatus": STATUS_NAMES[state.orchestrationStatus],
        "input": decoded(state.input) if show_input else None,
        "customStatus": decoded(state.customStatus),
        "output": state.failureDetails.errorMessage if failed else decoded(state.output),
        "createdTime": _seconds(state.createdTimestamp),
        "lastUpdatedTime": _seconds(state.lastUpdatedTimestamp),
    }


def entity_json(entity: pb.EntityMetadata) -> dict[str, Any]:
    """Return an entity of a list; `state` is null unless it was asked for."""
    _, name, key = entity.instanceId.split("@", 2)
    return {
        "entityId": {"name": name, "key": key},
        "lastOperationTime": _seconds(entity.lastModifiedTime),
        "state": decoded(entity.serializedState),
    }


def history_json(events: Iterable[pb.HistoryEvent], *, show_input: bool, show_output: bool) -> list[dict[str, Any]]:
    """Return a history as the API shows it: no scheduling of its own, the function's name at each completion."""
    scheduled: dict[int, pb.HistoryEvent] = {}
    shown: list[dict[str, Any]] = []
    for event in events:
        kind = event.WhichOneof("eventType") or ""
        if kind in {"taskScheduled", "subOrchestrationInstanceCreated"}:
            scheduled[event.eventId] = event
        elif kind not in {"orchestratorStarted", "orchestratorCompleted", "timerCreated"}:
            detail = _event_detail(kind, getattr(event, kind), scheduled, show_input=show_input)
            if not show_output:
                detail.pop("Result", None)
            shown.append({"EventType": kind[:1].upper() + kind[1:], "Timestamp": _precise(event.timestamp), **detail})
    return shown


def _event_detail(
    kind: str, event: Any, scheduled: Mapping[int, pb.HistoryEvent], *, show_input: bool
) -> dict[str, Any]:
    detail: dict[str, Any] = {}
    begun = scheduled.get(event.taskScheduledId) if hasattr(event, "taskScheduledId") else None
    if begun is not None:
        detail["FunctionName"] = getattr(begun, begun.WhichOneof("eventType") or "").name
        detail["ScheduledTime"] = _precise(begun.timestamp)
    elif kind == "executionStarted":
        detail["FunctionName"] = event.name
        detail |= {"Input": decoded(event.input)} if show_input else {}
    elif kind == "eventRaised":
        detail["Name"] = event.name
        detail |= {"Input": decoded(event.input)} if show_input else {}
    elif kind == "timerFired":
        detail["FireAt"] = _precise(event.fireAt)
    elif kind == "executionTerminated":
        detail["Reason"] = decoded(event.input)
    elif kind == "executionCompleted":
        detail["OrchestrationStatus"] = STATUS_NAMES[event.orchestrationStatus]
    if hasattr(event, "result"):
        detail["Result"] = decoded(event.result)
    if hasattr(event, "failureDetails") and event.HasField("failureDetails"):
        detail["Reason"] = event.failureDetails.errorMessage
    return detail


def _seconds(stamp: Timestamp) -> str:
    return f"{_moment(stamp):%Y-%m-%dT%H:%M:%S}Z"


def _precise(stamp: Timestamp) -> str:
    return f"{_moment(stamp).isoformat(timespec='microseconds')}Z"


def _moment(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime()
