"""Runs of orchestrations: what durabletask's in-memory backend gets wrong about them is put right here.

An instance id can live through several *runs* (executions, in DurableTask.Core): a start that takes the place of an
ended instance, a purge and a new start, continue-as-new. What belongs to a run that is over, such as the result of an
activity or a timer, is dropped; the stock backend delivers it to the next run, where it stands for another task.
"""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask.internal import helpers
from durabletask.testing.in_memory_backend import InMemoryOrchestrationBackend, OrchestrationInstance

_MAX_HISTORY = 1_000_000

# Calls a function after so many seconds; may itself be called from any thread.
type CallLater = Callable[[float, Callable[[], None]], None]


class Runs(InMemoryOrchestrationBackend):
    """The backend with runs. Timers run on `call_later`, where the stock backend keeps a sleeping thread for each."""

    def __init__(self, call_later: CallLater) -> None:
        super().__init__(max_history_size=_MAX_HISTORY, port=0)
        self._call_later = call_later
        self._numbers = itertools.count(1)
        self._runs: dict[str, int] = {}
        # completion token of an activity -> run that scheduled it
        self._activities: dict[str, int] = {}
        # run of a sub-orchestration -> its parent's id, its parent's run, and the task there that waits for it
        self._parents: dict[int, tuple[str, int, int]] = {}
        # instances whose start is scheduled for later
        self._held: set[str] = set()

    def CompleteOrchestratorTask(  # noqa: N802 - the name is the protocol's
        self, request: pb.OrchestratorResponse, context: grpc.ServicerContext
    ) -> pb.CompleteTaskResponse:
        """Take in what an orchestrator function decided; ignored if its run is over."""
        with self._lock:
            instance = self._instances.get(request.instanceId)
            # The stock backend would also forget here that the instance's new run is being worked on.
            if instance is None or str(instance.completion_token) != request.completionToken:
                return pb.CompleteTaskResponse()
            before = len(instance.history)
            response = super().CompleteOrchestratorTask(request, context)
            _stamp(instance.history[before:])
            if instance.pending_events:
                self._enqueue_orchestration(request.instanceId)
            return response

    def CompleteActivityTask(  # noqa: N802 - the name is the protocol's
        self, request: pb.ActivityResponse, context: grpc.ServicerContext
    ) -> pb.CompleteTaskResponse:
        """Take in an activity's result, once, and only for the run that scheduled it.

        The stock backend looks at neither, and takes a failure without a message for a success.
        """
        with self._lock:
            run = self._activities.pop(request.completionToken, None)
            event = pb.HistoryEvent(eventId=-1)
            if request.HasField("failureDetails"):
                event.taskFailed.taskScheduledId = request.taskId
                event.taskFailed.failureDetails.CopyFrom(request.failureDetails)
            else:
                event.taskCompleted.taskScheduledId = request.taskId
                if request.HasField("result"):
                    event.taskCompleted.result.CopyFrom(request.result)
            if run is not None:
                self._deliver(request.instanceId, run, event)
            return pb.CompleteTaskResponse()

    def _deliver(self, instance_id: str, run: int, event: pb.HistoryEvent) -> None:
        """Hand an event to an instance, unless that run of it is over."""
        with self._lock:
            instance = self._instances.get(instance_id)
            if instance is None or self._runs.get(instance_id) != run or self._is_terminal_status(instance.status):
                return
            event.timestamp.GetCurrentTime()
            instance.pending_events.append(event)
            instance.last_updated_at = datetime.now(UTC)
            self._enqueue_orchestration(instance_id)

    def _at(self, when: datetime, action: Callable[[], None]) -> None:
        self._call_later(max(0.0, (when - datetime.now(UTC)).total_seconds()), action)

    def _begin_run(self, instance_id: str) -> None:
        self._runs[instance_id] = next(self._numbers)

    def _enqueue_orchestration(self, instance_id: str) -> None:
        instance = self._instances.get(instance_id)
        if instance is not None and self._is_terminal_status(instance.status):
            # DurableTask.Core drops messages to an ended instance; the stock backend would run it again.
            instance.pending_events.clear()
        elif instance_id not in self._orchestration_in_flight and instance_id not in self._held:
            # One that is being worked on is enqueued when that is done: in the queue it would only hold up others.
            super()._enqueue_orchestration(instance_id)

    def _create_instance_internal(
        self, instance_id: str, name: str, encoded_input: str | None = None, version: str | None = None
    ) -> None:
        super()._create_instance_internal(instance_id, name, encoded_input, version)
        self._begin_run(instance_id)

    def _process_schedule_task_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        super()._process_schedule_task_action(instance, action)
        item = self._activity_queue[-1]
        # The stock token is the instance's, so the same for all activities that are scheduled together.
        item.completion_token = self._next_completion_token
        self._next_completion_token += 1
        self._activities[str(item.completion_token)] = self._runs[instance.instance_id]

    def _process_create_timer_action(self, instance: OrchestrationInstance, action: pb.OrchestratorAction) -> None:
        fire_at = action.createTimer.fireAt.ToDatetime(tzinfo=UTC)
        instance.history.append(helpers.new_timer_created_event(action.id, fire_at))
        instance_id, run = instance.instance_id, self._runs[instance.instance_id]
        fired = helpers.new_timer_fired_event(action.id, fire_at)
        self._at(fire_at, lambda: self._deliver(instance_id, run, fired))

    def _schedule_delayed_entity_operation(self, entity_id: str, event: pb.HistoryEvent, fire_at: datetime) -> None:
        generation = self._generation

        def fire() -> None:
            with self._lock:
                if self._generation == generation:
                    self._queue_entity_operation(entity_id, event)

        self._at(fire_at, fire)

    def _process_complete_orchestration_action(
        self, instance: OrchestrationInstance, complete_action: pb.CompleteOrchestrationAction
    ) -> None:
        super()._process_complete_orchestration_action(instance, complete_action)
        if complete_action.orchestrationStatus == pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW:
            parent = self._parents.pop(self._runs[instance.instance_id], None)
            self._begin_run(instance.instance_id)
            if parent is not None:
                self._parents[self._runs[instance.instance_id]] = parent

    def _watch_sub_orchestration(self, parent_instance_id: str, sub_instance_id: str, task_id: int) -> None:
        # The stock backend waits in a thread, and for 30 seconds only.
        self._parents[self._runs[sub_instance_id]] = (parent_instance_id, self._runs[parent_instance_id], task_id)
        parent = self._instances[parent_instance_id]
        for event in self._instances[sub_instance_id].pending_events:
            if event.HasField("executionStarted"):
                told = event.executionStarted.parentInstance
                told.taskScheduledId = task_id
                told.name.value = parent.name
                told.orchestrationInstance.instanceId = parent_instance_id

    def _notify_waiters(self, instance_id: str) -> None:
        super()._notify_waiters(instance_id)
        instance = self._instances[instance_id]
        if not self._is_terminal_status(instance.status):
            return
        parent = self._parents.pop(self._runs[instance_id], None)
        if parent is None:
            return
        parent_id, parent_run, task_id = parent
        if instance.status == pb.ORCHESTRATION_STATUS_COMPLETED:
            ended = helpers.new_sub_orchestration_completed_event(task_id, instance.output)
        else:
            details = instance.failure_details
            if details is None:
                details = pb.TaskFailureDetails(errorType="OrchestrationTerminated", errorMessage="It was terminated.")
            ended = pb.HistoryEvent(eventId=-1)
            ended.subOrchestrationInstanceFailed.taskScheduledId = task_id
            ended.subOrchestrationInstanceFailed.failureDetails.CopyFrom(details)
        self._deliver(parent_id, parent_run, ended)


def _stamp(events: list[pb.HistoryEvent]) -> None:
    """Give a time to the events that the stock backend leaves without one."""
    for event in events:
        if not event.timestamp.seconds:
            event.timestamp.GetCurrentTime()
