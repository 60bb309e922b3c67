"""A look into the durable engine of a host from another process, over gRPC; JSON comes out."""

import json
from typing import Any, cast

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
import grpc.aio
from durabletask.internal import orchestrator_service_pb2_grpc
from google.protobuf.json_format import MessageToDict

_PAYLOADS = ("input", "result", "data")
_LARGEST_MESSAGE = 2**31 - 1
# The engine is this machine's: a proxy in the environment is none of its business.
_OPTIONS = [("grpc.max_receive_message_length", _LARGEST_MESSAGE), ("grpc.enable_http_proxy", 0)]


class DurableView:
    """One engine; to be made, used and closed in one event loop."""

    def __init__(self, address: str) -> None:
        """`address` is host:port of the engine's gRPC."""
        self._channel = grpc.aio.insecure_channel(address, options=_OPTIONS)
        stub: Any = orchestrator_service_pb2_grpc.TaskHubSidecarServiceStub
        self._engine = stub(self._channel)

    async def instances(self) -> list[dict[str, Any]]:
        """Return every instance, oldest first: `{id, name, status, input, output, customStatus, history}`.

        The status is that of the durable HTTP API: Pending, Running, Completed, Failed, Terminated, Suspended,
        ContinuedAsNew. The output of a failed one is the text of its failure. Each event of the history has a `type`,
        a `timestamp` and its own fields, every payload decoded.
        """
        request = pb.QueryInstancesRequest(query=pb.InstanceQuery(fetchInputsAndOutputs=True))
        states: list[pb.OrchestrationState] = (await self._engine.QueryInstances(request)).orchestrationState
        return [_instance(state) | {"history": await self._history(state.instanceId)} for state in states]

    async def entities(self) -> list[dict[str, Any]]:
        """Return every entity: `{id, state}`, the id being `@name@key`."""
        query = pb.EntityQuery(includeState=True, includeTransient=True)
        found = await self._engine.QueryEntities(pb.QueryEntitiesRequest(query=query))
        return [{"id": each.instanceId, "state": _decoded(each.serializedState.value)} for each in found.entities]

    async def terminate(self, instance_id: str) -> bool:
        """Terminate an instance, which ends a moment later; False if there is none. One that has ended stays so."""
        request = pb.TerminateRequest(instanceId=instance_id)
        request.output.value = json.dumps("Terminated by the control API.")
        try:
            await self._engine.TerminateInstance(request)
        except grpc.aio.AioRpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return False
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise
        return True

    async def purge(self) -> None:
        """Forget every instance, running ones too, every entity and every timer.

        A function that runs at that moment goes on to its end; what it returns is dropped.
        """
        await self._engine.DeleteTaskHub(pb.DeleteTaskHubRequest())

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def _history(self, instance_id: str) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        try:
            async for chunk in self._engine.StreamInstanceHistory(
                pb.StreamInstanceHistoryRequest(instanceId=instance_id)
            ):
                events.extend(_event(event) for event in chunk.events)
        except grpc.aio.AioRpcError as error:
            if error.code() != grpc.StatusCode.NOT_FOUND:  # purged since it was listed
                raise
        return events


def _instance(state: pb.OrchestrationState) -> dict[str, Any]:
    words = pb.OrchestrationStatus.Name(state.orchestrationStatus).removeprefix("ORCHESTRATION_STATUS_").split("_")
    # The protocol's CONTINUED_AS_NEW is ContinuedAsNew in the HTTP API.
    status = "".join(word.title() for word in words)
    output = state.failureDetails.errorMessage if status == "Failed" else _decoded(state.output.value)
    return {
        "id": state.instanceId,
        "name": state.name,
        "status": status,
        "input": _decoded(state.input.value),
        "output": output,
        "customStatus": _decoded(state.customStatus.value),
    }


def _event(event: pb.HistoryEvent) -> dict[str, Any]:
    kind = event.WhichOneof("eventType") or "unknown"
    fields = MessageToDict(event)
    detail = cast("dict[str, Any]", fields.pop(kind, {}))
    for name in _PAYLOADS:
        if isinstance(detail.get(name), str):
            detail[name] = _decoded(detail[name])
    return {"type": kind[:1].upper() + kind[1:], **fields, **detail}


def _decoded(text: str) -> Any:
    """Return the JSON value in a text, the text itself where it is none, None if it is empty."""
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text
