"""The durable engine without a worker: the test takes the work items and answers them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
import pytest
from durabletask.internal import helpers, orchestrator_service_pb2_grpc

from emulator.host.durable_engine import Engine, Refused, entity_name


class Bench:
    """An engine whose timers fire when the test says so, and its worker."""

    def __init__(self, *, replace_running: bool = False) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.engine = Engine(self._call_later, replace_running=replace_running)
        self.engine.is_open = True
        self.call = self.engine.local_call()
        self._items = self.engine.GetWorkItems(pb.GetWorkItemsRequest(), self.call)

    def _call_later(self, seconds: float, action: Callable[[], None]) -> None:
        self.timers.append((seconds, action))

    def start(self, instance_id: str, **options: object) -> None:
        """Start an instance."""
        self.engine.StartInstance(pb.CreateInstanceRequest(instanceId=instance_id, name="o", **options), self.call)  # pyright: ignore[reportArgumentType] - given by the test

    def item(self) -> pb.WorkItem:
        """Return the next work item."""
        return next(self._items)

    def decide(self, item: pb.WorkItem, *actions: pb.OrchestratorAction) -> None:
        """Answer an orchestrator's work item."""
        response = pb.OrchestratorResponse(
            instanceId=item.orchestratorRequest.instanceId, actions=actions, completionToken=item.completionToken
        )
        self.engine.CompleteOrchestratorTask(response, self.call)

    def finish(self, item: pb.WorkItem, result: str = '"done"') -> None:
        """Answer an orchestrator's work item with its end."""
        self.decide(item, completed(pb.ORCHESTRATION_STATUS_COMPLETED, result))

    def result(self, item: pb.WorkItem, result: str) -> None:
        """Answer an activity's work item."""
        request = item.activityRequest
        response = pb.ActivityResponse(
            instanceId=request.orchestrationInstance.instanceId,
            taskId=request.taskId,
            completionToken=item.completionToken,
        )
        response.result.value = result
        self.engine.CompleteActivityTask(response, self.call)

    def state(self, instance_id: str) -> pb.OrchestrationState:
        """Return an instance's state."""
        wanted = pb.GetInstanceRequest(instanceId=instance_id, getInputsAndOutputs=True)
        return self.engine.GetInstance(wanted, self.call).orchestrationState

    def raise_event(self, instance_id: str) -> None:
        """Raise the event `e`."""
        self.engine.RaiseEvent(pb.RaiseEventRequest(instanceId=instance_id, name="e"), self.call)

    def terminate(self, instance_id: str) -> None:
        """Terminate an instance."""
        self.engine.TerminateInstance(pb.TerminateRequest(instanceId=instance_id), self.call)


def completed(status: pb.OrchestrationStatus, result: str | None = None) -> pb.OrchestratorAction:
    """Return the action that ends an orchestrator."""
    return helpers.new_complete_orchestration_action(9, status, result)


def activity(task_id: int = 1) -> pb.OrchestratorAction:
    """Return the action that schedules an activity."""
    return pb.OrchestratorAction(id=task_id, scheduleTask=pb.ScheduleTaskAction(name="a"))


def timer(seconds: float, task_id: int = 1) -> pb.OrchestratorAction:
    """Return the action that makes a timer."""
    fire_at = helpers.new_timestamp(datetime.now(UTC) + timedelta(seconds=seconds))
    return pb.OrchestratorAction(id=task_id, createTimer=pb.CreateTimerAction(fireAt=fire_at))


def kinds(item: pb.WorkItem) -> list[str]:
    """Return the kinds of new events that an orchestrator gets."""
    return [event.WhichOneof("eventType") or "" for event in item.orchestratorRequest.newEvents]


@pytest.fixture
def bench() -> Bench:
    """An engine, and nobody at work."""
    return Bench()


@pytest.fixture
def served() -> Iterator[Engine]:
    """An engine that serves gRPC."""
    engine = Engine(lambda _seconds, _action: None, replace_running=False)
    engine.start()
    yield engine
    engine.stop()


def test_a_late_result_is_not_the_next_run_s(bench: Bench) -> None:
    """An activity of an instance that was replaced ends: the new instance's task of the same number still waits."""
    bench.start("i")
    bench.decide(bench.item(), activity())
    old = bench.item()
    bench.terminate("i")
    bench.decide(bench.item(), completed(pb.ORCHESTRATION_STATUS_TERMINATED))
    bench.start("i")
    bench.decide(bench.item(), activity())
    new = bench.item()
    bench.result(old, '"old"')
    bench.result(new, '"new"')
    item = bench.item()
    assert kinds(item) == ["orchestratorStarted", "taskCompleted"]
    assert item.orchestratorRequest.newEvents[1].taskCompleted.result.value == '"new"'


def test_a_result_counts_once(bench: Bench) -> None:
    """The second answer to one work item is dropped."""
    bench.start("i")
    bench.decide(bench.item(), activity(1), activity(2))
    first, second = bench.item(), bench.item()
    assert first.completionToken != second.completionToken
    bench.result(first, "1")
    bench.result(first, "1")
    bench.result(second, "2")
    results = [event.taskCompleted.result.value for event in bench.item().orchestratorRequest.newEvents]
    assert results == ["", "1", "2"]


def test_an_ended_instance_is_not_run_again(bench: Bench) -> None:
    """The result of an activity that nobody waited for wakes nobody."""
    bench.start("i")
    bench.decide(bench.item(), activity(), completed(pb.ORCHESTRATION_STATUS_COMPLETED, "1"))
    bench.result(bench.item(), "2")
    bench.start("other")
    assert bench.item().orchestratorRequest.instanceId == "other"


def test_an_answer_for_a_run_that_is_over_changes_nothing(bench: Bench) -> None:
    """An orchestrator that was at work when all was purged answers: the new instance goes on as if it had not."""
    bench.start("i")
    old = bench.item()
    bench.engine.DeleteTaskHub(pb.DeleteTaskHubRequest(), bench.call)
    bench.start("i")
    new = bench.item()
    bench.finish(old, '"old"')
    assert bench.state("i").orchestrationStatus == pb.ORCHESTRATION_STATUS_PENDING
    bench.raise_event("i")
    bench.decide(new, timer(60))
    assert kinds(bench.item()) == ["orchestratorStarted", "eventRaised"]


def test_what_comes_while_an_orchestrator_is_at_work_waits(bench: Bench) -> None:
    """And another instance is not held up by it."""
    bench.start("busy")
    busy = bench.item()
    bench.raise_event("busy")
    bench.start("other")
    assert bench.item().orchestratorRequest.instanceId == "other"
    bench.decide(busy, timer(60))
    assert kinds(bench.item()) == ["orchestratorStarted", "eventRaised"]


def test_a_timer_fires_for_its_run_alone(bench: Bench) -> None:
    """Neither after continue-as-new nor after the end."""
    bench.start("i")
    bench.decide(bench.item(), timer(30), completed(pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW, "1"))
    ((seconds, fire),) = bench.timers
    assert 29 < seconds <= 30
    bench.decide(bench.item(), timer(5))
    fire()
    bench.timers[1][1]()
    item = bench.item()
    assert kinds(item) == ["orchestratorStarted", "timerFired"]
    bench.finish(item)
    bench.timers[1][1]()
    assert bench.state("i").orchestrationStatus == pb.ORCHESTRATION_STATUS_COMPLETED


def test_a_parent_waits_as_long_as_its_child_takes(bench: Bench) -> None:
    """Through the child's continue-as-new, and with no clock at all."""
    bench.start("parent")
    sub = pb.CreateSubOrchestrationAction(name="o", instanceId="child")
    bench.decide(bench.item(), pb.OrchestratorAction(id=1, createSubOrchestration=sub))
    child = bench.item()
    told = next(event for event in child.orchestratorRequest.newEvents if event.HasField("executionStarted"))
    assert told.executionStarted.parentInstance.orchestrationInstance.instanceId == "parent"
    bench.decide(child, completed(pb.ORCHESTRATION_STATUS_CONTINUED_AS_NEW, "1"))
    bench.finish(bench.item(), '"at last"')
    item = bench.item()
    assert kinds(item) == ["orchestratorStarted", "subOrchestrationInstanceCompleted"]
    assert item.orchestratorRequest.newEvents[1].subOrchestrationInstanceCompleted.result.value == '"at last"'


def test_a_terminated_child_fails_its_parent_s_task(bench: Bench) -> None:
    """The parent gets a failure, not silence."""
    bench.start("parent")
    sub = pb.CreateSubOrchestrationAction(name="o", instanceId="child")
    bench.decide(bench.item(), pb.OrchestratorAction(id=1, createSubOrchestration=sub))
    child = bench.item()
    bench.decide(child, timer(60))
    bench.terminate("child")
    bench.decide(bench.item(), completed(pb.ORCHESTRATION_STATUS_TERMINATED))
    event = bench.item().orchestratorRequest.newEvents[1]
    assert event.subOrchestrationInstanceFailed.failureDetails.errorType == "OrchestrationTerminated"


def test_a_failure_without_a_text_is_a_failure(bench: Bench) -> None:
    """The stock backend takes it for a success."""
    bench.start("i")
    bench.decide(bench.item(), activity())
    item = bench.item()
    response = pb.ActivityResponse(instanceId="i", taskId=1, completionToken=item.completionToken)
    response.failureDetails.errorType = "ValueError"
    bench.engine.CompleteActivityTask(response, bench.call)
    assert kinds(bench.item()) == ["orchestratorStarted", "taskFailed"]


def test_a_scheduled_start_waits_for_its_time(bench: Bench) -> None:
    """An event before that is kept; a termination does not wait."""
    start_at = helpers.new_timestamp(datetime.now(UTC) + timedelta(hours=1))
    bench.start("later", scheduledStartTimestamp=start_at)
    bench.start("never", scheduledStartTimestamp=start_at)
    bench.raise_event("later")
    bench.start("now")
    assert bench.item().orchestratorRequest.instanceId == "now"
    bench.terminate("never")
    assert kinds(bench.item()) == ["orchestratorStarted", "executionStarted", "executionTerminated"]
    seconds, release = bench.timers[0]
    assert 3590 < seconds <= 3600
    release()
    assert kinds(bench.item()) == ["orchestratorStarted", "executionStarted", "eventRaised"]


def test_any_state_replaces_what_runs() -> None:
    """Where host.json allows it; the former run's answer is dropped."""
    bench = Bench(replace_running=True)
    bench.start("i")
    old = bench.item()
    bench.start("i")
    new = bench.item()
    bench.finish(old, '"old"')
    assert bench.state("i").orchestrationStatus == pb.ORCHESTRATION_STATUS_PENDING
    bench.finish(new, '"new"')
    assert bench.state("i").output.value == '"new"'


def test_history_has_times(bench: Bench) -> None:
    """The stock backend leaves most events at 1970."""
    bench.start("i")
    bench.decide(bench.item(), activity())
    bench.result(bench.item(), "1")
    bench.finish(bench.item())
    chunks = bench.engine.StreamInstanceHistory(pb.StreamInstanceHistoryRequest(instanceId="i"), bench.call)
    events = [event for chunk in chunks for event in chunk.events]
    assert [event.WhichOneof("eventType") for event in events] == [
        "orchestratorStarted",
        "executionStarted",
        "taskScheduled",
        "orchestratorCompleted",
        "orchestratorStarted",
        "taskCompleted",
        "orchestratorCompleted",
        "executionCompleted",
    ]
    assert all(event.timestamp.seconds > 1_700_000_000 for event in events)


def test_a_delayed_signal_is_forgotten_with_the_rest(bench: Bench) -> None:
    """A purge leaves nothing that comes to life later."""
    when = helpers.new_timestamp(datetime.now(UTC) + timedelta(hours=1))
    signal = pb.SignalEntityRequest(instanceId="@e@k", name="x", requestId="r", scheduledTime=when)
    bench.engine.SignalEntity(signal, bench.call)
    bench.engine.DeleteTaskHub(pb.DeleteTaskHubRequest(), bench.call)
    bench.timers[0][1]()
    query = pb.QueryEntitiesRequest(query=pb.EntityQuery(includeTransient=True))
    assert not bench.engine.QueryEntities(query, bench.call).entities


def test_calls_of_the_host_are_refused_as_those_of_clients(bench: Bench) -> None:
    """With the same code."""
    with pytest.raises(Refused) as caught:
        bench.raise_event("nobody")
    assert caught.value.code is grpc.StatusCode.NOT_FOUND


def test_many_may_wait_at_once(served: Engine) -> None:
    """More than the ten threads of the stock backend, and others are still served; the end wakes them all."""
    with grpc.insecure_channel(served.address) as channel:
        stub: Any = orchestrator_service_pb2_grpc.TaskHubSidecarServiceStub
        client = stub(channel)
        client.StartInstance(pb.CreateInstanceRequest(instanceId="i", name="o"), timeout=20)
        wanted = pb.GetInstanceRequest(instanceId="i")
        calls = [client.WaitForInstanceCompletion.future(wanted, timeout=60) for _ in range(40)]
        other = client.StartInstance(pb.CreateInstanceRequest(instanceId="j", name="o"), timeout=20)
        assert other.instanceId == "j"
        served.stop()
        assert all(call.exception(20) is not None for call in calls)


def test_it_listens_on_this_machine_alone(served: Engine) -> None:
    """On a port that the system chose; two engines never share one."""
    other = Engine(lambda _seconds, _action: None, replace_running=False)
    try:
        assert other.start().startswith("127.0.0.1:")
        assert other.address != served.address
    finally:
        other.stop()


@pytest.mark.parametrize(
    ("entity_id", "name"), [("@Counter@k", "counter"), ("@a@b@c", ""), ("x", ""), ("@@", ""), ("", "")]
)
def test_names_of_entities(entity_id: str, name: str) -> None:
    """In lower case; a malformed id names none."""
    assert entity_name(entity_id) == name
