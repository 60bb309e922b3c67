"""Work items of the durable engine, run as functions of the app.

It is what the extension does out of process (Azure/azure-functions-durable-extension, OutOfProcMiddleware): a request
goes to the function as base64 of a protobuf message, or for an activity as its JSON input, and the reply comes back
in the same form. Whatever goes wrong, each item is completed: otherwise its instance would wait for ever.
"""

import asyncio
import base64
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers
from google.protobuf.message import Message

from emulator.host.durable_engine import Engine, entity_name
from emulator.host.durable_faults import DurableFaults, Rerun
from emulator.host.durable_functions import DurableFunctions
from emulator.host.durable_options import DurableOptions
from emulator.host.functions import Function
from emulator.host.invocation import Invoker
from emulator.host.worker import InvocationFailed

_log = logging.getLogger("emulator.host.durable")
_LARGEST_STATUS = 16 * 1024


class WorkItems:
    """Runs work items, so many of each kind at once as `options` allow."""

    def __init__(
        self,
        engine: Engine,
        invoker: Invoker,
        functions: DurableFunctions,
        options: DurableOptions,
        faults: DurableFaults,
    ) -> None:
        self._engine = engine
        self._invoker = invoker
        self._functions = functions
        self._faults = faults
        self._stopped = False
        self._late: set[asyncio.Task[None]] = set()
        orchestrators, activities, entities = (
            asyncio.Semaphore(count)
            for count in (options.max_orchestrators, options.max_activities, options.max_entities)
        )
        self._runners: dict[str, tuple[asyncio.Semaphore, Callable[[pb.WorkItem], Awaitable[None]]]] = {
            "orchestratorRequest": (orchestrators, self._run_orchestrator),
            "activityRequest": (activities, self._run_activity),
            "entityRequestV2": (entities, self._run_entity),
        }

    def take(self, item: pb.WorkItem) -> None:
        """Run an item in the background; call it in the event loop."""
        if not self._stopped:
            self._invoker.run(self._run(item), "durable work item")

    def stop(self) -> None:
        """Begin no more items; functions that run go on."""
        self._stopped = True
        for task in self._late:
            task.cancel()

    async def _run(self, item: pb.WorkItem) -> None:
        semaphore, runner = self._runners[item.WhichOneof("request") or ""]
        async with semaphore:
            if self._stopped:
                return
            try:
                await runner(item)
            except Exception:  # noqa: BLE001 - whatever the host does wrong, the other items go on
                _log.exception("The host failed to handle a durable work item")

    async def _run_orchestrator(self, item: pb.WorkItem) -> None:
        request = item.orchestratorRequest
        events = (*request.pastEvents, *request.newEvents)
        name = next((e.executionStarted.name for e in reversed(events) if e.HasField("executionStarted")), "")
        function = self._functions.find("orchestrator", name)
        if function is None:
            response = _failed(_failure("(unknown)", self._functions.unknown("orchestrator", name)))
        else:
            try:
                response = await self._call(function, request, pb.OrchestratorResponse)
            except InvocationFailed as error:
                failure = _failure("(unknown)", f"Function '{function.name}' failed with an unhandled exception.")
                failure.innerFailure.CopyFrom(_details(error))
                response = _failed(failure)
        if len(response.customStatus.value.encode("utf-16-le")) > _LARGEST_STATUS:
            response = _failed(_failure("(unknown)", "The custom status is larger than 16 KB of UTF-16."))
        response.instanceId = request.instanceId
        response.completionToken = item.completionToken
        _tell_failure(name, response)
        self._engine.CompleteOrchestratorTask(response, self._engine.local_call())

    async def _run_activity(self, item: pb.WorkItem) -> None:
        request = item.activityRequest
        response = pb.ActivityResponse(
            instanceId=request.orchestrationInstance.instanceId,
            taskId=request.taskId,
            completionToken=item.completionToken,
        )
        function = self._functions.find("activity", request.name)
        if function is None:
            message = self._functions.unknown("activity", request.name)
            response.failureDetails.CopyFrom(_failure("(unknown)", message))
        else:
            rerun = await self._faults.take(function.name)
            if rerun is not None and rerun.delay_seconds is None:
                await self._lose(function, request)
            try:
                response.result.value = await self._call_activity(function, request)
            except InvocationFailed as error:
                response.failureDetails.CopyFrom(_details(error))
            if rerun is not None and rerun.delay_seconds is not None:
                self._run_late(function, request, rerun)
        self._engine.CompleteActivityTask(response, self._engine.local_call())

    async def _run_entity(self, item: pb.WorkItem) -> None:
        # The SDK in the app reads the older EntityBatchRequest alone, and does nothing with what it cannot read.
        request, operations = helpers.convert_to_entity_batch_request(item.entityRequestV2)
        name = entity_name(request.instanceId)
        function = self._functions.find("entity", name)
        failure = None
        result = pb.EntityBatchResult()
        if function is None:
            failure = _failure("EntityFunctionNotFound", self._functions.unknown("entity", name))
        else:
            try:
                result = await self._call(function, request, pb.EntityBatchResult)
            except InvocationFailed as error:
                message = f"Invocation of function '{function.name}' failed with an exception."
                failure = _failure("FunctionInvocationFailed", message)
                failure.innerFailure.CopyFrom(_details(error))
        if failure is not None:
            result.entityState.CopyFrom(request.entityState)
            if not request.HasField("entityState"):
                result.ClearField("entityState")
            for _ in request.operations:
                result.results.add().failure.failureDetails.CopyFrom(failure)
        result.completionToken = item.completionToken
        del result.operationInfos[:]
        result.operationInfos.extend(operations)
        self._engine.CompleteEntityTask(result, self._engine.local_call())

    async def _call[T: Message](self, function: Function, request: Message, reply: type[T]) -> T:
        """Give a function a protobuf request and return its reply; InvocationFailed if it gives none."""
        text = base64.b64encode(request.SerializeToString()).decode()
        value = await self._invoke(function, self._invoker.protos.TypedData(string=text))
        try:
            return reply.FromString(base64.b64decode(value.string))
        except Exception as error:
            message = f"The function {function.name} gave no reply that a durable function gives."
            raise InvocationFailed(type(error).__name__, message, "") from error

    async def _call_activity(self, function: Function, request: pb.ActivityRequest) -> str:
        """Run an activity and return its result as JSON."""
        text = request.input.value if request.HasField("input") else "null"
        value = await self._invoke(function, self._invoker.protos.TypedData(string=text))
        kind = None if value is None else value.WhichOneof("data")
        return "null" if kind is None else str(getattr(value, kind))

    async def _invoke(self, function: Function, data: object) -> Any:
        return await self._invoker.invoke(function, data, reason="(null)")

    async def _lose(self, function: Function, request: pb.ActivityRequest) -> None:
        """Run an activity whose result nobody will see, as if its worker died just before it told it."""
        with contextlib.suppress(InvocationFailed):
            await self._call_activity(function, request)
        _log.warning("The result of the activity %s is lost, as a fault rule asks.", function.name)

    def _run_late(self, function: Function, request: pb.ActivityRequest, rerun: Rerun) -> None:
        async def run() -> None:
            await asyncio.sleep(rerun.delay_seconds or 0)
            await self._lose(function, request)

        task = asyncio.create_task(run(), name=f"late rerun of {function.name}")
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def _details(error: InvocationFailed) -> pb.TaskFailureDetails:
    """Return an exception of the app as the extension hands it on: the first line of its message."""
    return _failure(error.error_type, error.message.partition("\n")[0].rstrip(), error.stack_trace)


def _failure(error_type: str, message: str, stack_trace: str = "") -> pb.TaskFailureDetails:
    details = pb.TaskFailureDetails(errorType=error_type, errorMessage=message)
    if stack_trace:
        details.stackTrace.value = stack_trace
    return details


def _failed(failure: pb.TaskFailureDetails) -> pb.OrchestratorResponse:
    action = helpers.new_complete_orchestration_action(-1, pb.ORCHESTRATION_STATUS_FAILED, failure_details=failure)
    return pb.OrchestratorResponse(actions=[action])


def _tell_failure(name: str, response: pb.OrchestratorResponse) -> None:
    for action in response.actions:
        if action.completeOrchestration.orchestrationStatus == pb.ORCHESTRATION_STATUS_FAILED:
            details = action.completeOrchestration.failureDetails
            _log.error(
                "%s: Function '%s (Orchestrator)' failed with an error. Reason: %s: %s",
                response.instanceId,
                name,
                details.errorType,
                details.errorMessage,
            )
