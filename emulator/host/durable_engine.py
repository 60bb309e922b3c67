"""The durable engine: durabletask's in-memory backend, served and made to answer clients as Azure does.

Without other source named, an override follows Azure/azure-functions-durable-extension, TaskHubGrpcServer.cs.
"""

import contextlib
import logging
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NoReturn

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask.entities import EntityInstanceId
from durabletask.internal import orchestrator_service_pb2_grpc
from google.protobuf import wrappers_pb2

from emulator.host.durable_runs import CallLater, Runs

# The extension's default (int.MaxValue); grpc's own would be 4 MiB for what is received.
MAX_MESSAGE_BYTES = 2**31 - 1
# A call that waits for an instance blocks a thread, and the stock ten are soon used up. They are made at need.
_THREADS = 200
_ENDED = (pb.ORCHESTRATION_STATUS_COMPLETED, pb.ORCHESTRATION_STATUS_FAILED, pb.ORCHESTRATION_STATUS_TERMINATED)
_CHATTER = logging.getLogger("emulator.host.durable.engine")


class Refused(Exception):
    """The engine refuses a call: `code` and `details` as over gRPC."""

    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        super().__init__(f"{code.name}: {details}")
        self.code = code
        self.details = details


class LocalCall:
    """Stands for the context of a gRPC call when the host itself calls the engine."""

    def __init__(self, engine: "Engine") -> None:
        self._engine = engine

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        """Refuse the call."""
        raise Refused(code, details)

    def is_active(self) -> bool:
        """Whether the caller still waits."""
        return self._engine.is_open


class Engine(Runs):
    """Instances and entities in memory, served over gRPC on a free port of 127.0.0.1."""

    def __init__(self, call_later: CallLater, *, replace_running: bool) -> None:
        """`replace_running`: see DurableOptions."""
        super().__init__(call_later)
        self._replace_running = replace_running
        self.address = ""
        self.is_open = False
        # It tells each start at INFO, which the client has told already, and each call on what has been purged.
        self._logger = _CHATTER
        if not _CHATTER.isEnabledFor(logging.DEBUG):
            _CHATTER.setLevel(logging.ERROR)

    def start(self) -> str:
        """Serve, and return the address. The stock backend listens on all interfaces, and on a port already taken."""
        options = [
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ]
        server = grpc.server(ThreadPoolExecutor(_THREADS, "durable engine"), options=options)
        orchestrator_service_pb2_grpc.add_TaskHubSidecarServiceServicer_to_server(self, server)  # pyright: ignore[reportUnknownMemberType] - generated without types
        self.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        self._server = server
        self.is_open = True
        return self.address

    def stop(self, grace: float | None = None) -> None:
        """End it all, calls that wait included; what it held is lost."""
        self.is_open = False
        self._shutdown_event.set()
        self._work_available.set()
        server, self._server = self._server, None
        if server is not None:
            ended = server.stop(grace)
            self.reset()  # wakes the threads of calls that wait
            ended.wait()

    def local_call(self) -> "grpc.ServicerContext":
        """Return the context for a call by the host itself; what the engine refuses raises Refused."""
        return LocalCall(self)  # pyright: ignore[reportReturnType] - has all that the engine uses of a context

    def StartInstance(  # noqa: N802 - the name is the protocol's
        self, request: pb.CreateInstanceRequest, context: grpc.ServicerContext
    ) -> pb.CreateInstanceResponse:
        """Start an instance, at once or when it is scheduled for (the stock backend: at once)."""
        request.instanceId = instance_id = request.instanceId or uuid.uuid4().hex
        start_at = request.scheduledStartTimestamp.ToDatetime(tzinfo=UTC)
        with self._lock:
            existing = self._instances.get(instance_id)
            if existing is not None:
                if existing.status not in self._replaceable(request):
                    details = f"An Orchestration instance with the ID {instance_id} already exists."
                    context.abort(grpc.StatusCode.ALREADY_EXISTS, details)
                del self._instances[instance_id]
                self._orchestration_in_flight.discard(instance_id)
            self._held.discard(instance_id)
            if start_at > datetime.now(UTC):
                self._held.add(instance_id)
            response = super().StartInstance(request, context)
            self._begin_run(instance_id)
            if instance_id in self._held:
                run = self._runs[instance_id]
                self._at(start_at, lambda: self._release(instance_id, run))
        return response

    def RaiseEvent(  # noqa: N802 - the name is the protocol's
        self, request: pb.RaiseEventRequest, context: grpc.ServicerContext
    ) -> pb.RaiseEventResponse:
        """Raise an event; an ended instance is an error (the stock backend: silence)."""
        with self._lock:
            instance = self._instances.get(request.instanceId)
            if instance is not None and self._is_terminal_status(instance.status):
                details = "The orchestration instance with the provided instance id is not running."
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, details)
            return super().RaiseEvent(request, context)

    def TerminateInstance(  # noqa: N802 - the name is the protocol's
        self, request: pb.TerminateRequest, context: grpc.ServicerContext
    ) -> pb.TerminateResponse:
        """Terminate an instance; an unknown or ended one is an error (the stock backend: silence)."""
        with self._lock:
            instance = self._instances.get(request.instanceId)
            if instance is None:
                details = f"No instance with ID '{request.instanceId}' was found."
                context.abort(grpc.StatusCode.NOT_FOUND, details)
            elif self._is_terminal_status(instance.status):
                details = f"Cannot terminate orchestration instance {request.instanceId}: it has ended."
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, details)
            self._held.discard(request.instanceId)
            output = request.output.value if request.HasField("output") else None
            # The extension does not look at `recursive`: sub-orchestrations go on.
            self._terminate_instance_internal(request.instanceId, output)
        return pb.TerminateResponse()

    def PurgeInstances(  # noqa: N802 - the name is the protocol's
        self, request: pb.PurgeInstancesRequest, context: grpc.ServicerContext
    ) -> pb.PurgeInstancesResponse:
        """Purge ended instances, or an entity by its id `@name@key` (the stock backend: instances only)."""
        with self._lock:
            if request.instanceId.startswith("@") and self._entities.pop(request.instanceId, None) is not None:
                self._entity_in_flight.discard(request.instanceId)
                return pb.PurgeInstancesResponse(deletedInstanceCount=1, isComplete=wrappers_pb2.BoolValue(value=True))
            return super().PurgeInstances(request, context)

    def DeleteTaskHub(  # noqa: N802 - the name is the protocol's
        self, request: pb.DeleteTaskHubRequest, context: grpc.ServicerContext
    ) -> pb.DeleteTaskHubResponse:
        """Forget every instance, entity and timer (the stock backend: nothing)."""
        with self._lock:
            self.reset()
            self._activities.clear()
            self._parents.clear()
            self._held.clear()
        return pb.DeleteTaskHubResponse()

    def GetEntity(  # noqa: N802 - the name is the protocol's
        self, request: pb.GetEntityRequest, context: grpc.ServicerContext
    ) -> pb.GetEntityResponse:
        """Return an entity; one without state does not exist."""
        with self._lock:
            entity = self._entities.get(request.instanceId)
            if entity is None or entity.serialized_state is None:
                return pb.GetEntityResponse(exists=False)
            return super().GetEntity(request, context)

    def QueryEntities(  # noqa: N802 - the name is the protocol's
        self, request: pb.QueryEntitiesRequest, context: grpc.ServicerContext
    ) -> pb.QueryEntitiesResponse:
        """List entities; `includeTransient` is about those without state (the stock backend: those that are busy)."""
        with self._lock:
            all_of_them = pb.QueryEntitiesRequest()
            all_of_them.CopyFrom(request)
            all_of_them.query.includeTransient = True
            response = super().QueryEntities(all_of_them, context)
            if not request.query.includeTransient:
                for index in range(len(response.entities) - 1, -1, -1):
                    if self._entities[response.entities[index].instanceId].serialized_state is None:
                        del response.entities[index]
            return response

    def CompleteEntityTask(  # noqa: N802 - the name is the protocol's
        self, request: pb.EntityBatchResult, context: grpc.ServicerContext
    ) -> pb.CompleteTaskResponse:
        """Take in what an entity did. Its start of an instance that exists and runs is dropped.

        So does the Azure Storage engine with a second start message (Azure/durabletask); the stock backend logs a
        traceback.
        """
        with self._lock:
            for index in range(len(request.actions) - 1, -1, -1):
                instance = self._instances.get(request.actions[index].startNewOrchestration.instanceId)
                if instance is not None and not self._is_terminal_status(instance.status):
                    del request.actions[index]
            return super().CompleteEntityTask(request, context)

    def _replaceable(self, request: pb.CreateInstanceRequest) -> set[int]:
        """Return the statuses of an instance that this start may replace: those that both sides allow."""
        allowed = {status for status in pb.OrchestrationStatus.values() if self._replace_running or status in _ENDED}
        if request.HasField("orchestrationIdReusePolicy"):
            allowed &= set(request.orchestrationIdReusePolicy.replaceableStatus)
        return allowed

    def _release(self, instance_id: str, run: int) -> None:
        with self._lock:
            if self._runs.get(instance_id) == run and instance_id in self._instances:
                self._held.discard(instance_id)
                self._enqueue_orchestration(instance_id)


def entity_name(entity_id: str) -> str:
    """Return the name, in lower case, in an entity's id `@name@key`; empty if it is malformed."""
    with contextlib.suppress(ValueError):
        return EntityInstanceId.parse(entity_id).entity
    return ""
