"""Orchestrators, native two-argument generators."""

from collections.abc import Generator
from datetime import timedelta
from typing import Any

import azure.durable_functions as df
from durabletask import task
from durabletask.entities import EntityInstanceId
from durabletask.task import OrchestrationContext, RetryPolicy

type Steps = Generator[task.Task[Any], Any, Any]

orchestrations = df.Blueprint()


@orchestrations.orchestration_trigger(context_name="context")
def greet(ctx: OrchestrationContext, name: str) -> Steps:
    """Call one activity."""
    return (yield ctx.call_activity("hello", input=name))


@orchestrations.orchestration_trigger(context_name="context")
def call(ctx: OrchestrationContext, step: dict[str, Any]) -> Steps:
    """Call `activity` with `input`, and tell how it failed if it did."""
    try:
        result = yield ctx.call_activity(step["activity"], input=step.get("input"))
    except task.TaskFailedError as error:
        return {"message": error.details.message, "type": error.details.error_type, "text": str(error)}
    return {"result": result}


@orchestrations.orchestration_trigger(context_name="context")
def fan_out(ctx: OrchestrationContext, step: dict[str, Any]) -> Steps:
    """Call an activity for each of `inputs`, all at once."""
    return (yield task.when_all([ctx.call_activity(step["activity"], input=each) for each in step["inputs"]]))


@orchestrations.orchestration_trigger(context_name="context")
def retry(ctx: OrchestrationContext, how: dict[str, Any]) -> Steps:
    """Call `flaky` with a retry policy."""
    policy = RetryPolicy(
        first_retry_interval=timedelta(milliseconds=50), max_number_of_attempts=3, backoff_coefficient=2
    )
    return (yield ctx.call_activity("flaky", input=how, retry_policy=policy))


@orchestrations.orchestration_trigger(context_name="context")
def broken(ctx: OrchestrationContext, text: str) -> Steps:
    """Raise after one step."""
    yield ctx.call_activity("nothing")
    raise ValueError(text)


@orchestrations.orchestration_trigger(context_name="context")
def race(ctx: OrchestrationContext, seconds: float) -> Steps:
    """Wait for the event `decision`, or so many seconds."""
    ctx.set_custom_status("waiting")
    event = ctx.wait_for_external_event("decision")
    timer = ctx.create_timer(timedelta(seconds=seconds))
    winner = yield task.when_any([event, timer])
    if winner is event:
        timer.cancel()
        return event.get_result()
    return "too late"


@orchestrations.orchestration_trigger(context_name="context")
def late_listener(ctx: OrchestrationContext, seconds: float) -> Steps:
    """Wait for an event only after some time."""
    yield ctx.create_timer(timedelta(seconds=seconds))
    return (yield ctx.wait_for_external_event("decision"))


@orchestrations.orchestration_trigger(context_name="context")
def sender(ctx: OrchestrationContext, target: str) -> Steps:
    """Send an event to another instance."""
    ctx.send_event(target, "decision", data={"from": ctx.instance_id})
    yield ctx.call_activity("nothing")
    return "sent"


@orchestrations.orchestration_trigger(context_name="context")
def use_entities(ctx: OrchestrationContext, key: str) -> Steps:
    """Signal and call entities of both kinds."""
    counter, box = EntityInstanceId("Counter", key), EntityInstanceId("box", key)
    ctx.signal_entity(counter, "add", 1)
    total = yield ctx.call_entity(counter, "add", 2)
    yield ctx.call_entity(box, "put", {"total": total})
    kept = yield ctx.call_entity(box, "get")
    try:
        yield ctx.call_entity(counter, "fail", 9)
    except task.TaskFailedError as error:
        failure = error.details.message
    else:
        failure = None
    after = yield ctx.call_entity(counter, "add", 0)
    return {"total": total, "kept": kept, "failure": failure, "after": after}


@orchestrations.orchestration_trigger(context_name="context")
def call_entity(ctx: OrchestrationContext, step: dict[str, Any]) -> Steps:
    """Call one entity operation."""
    entity = EntityInstanceId(step["entity"], step["key"])
    try:
        return (yield ctx.call_entity(entity, step["operation"], step.get("input")))
    except task.TaskFailedError as error:
        return {"message": error.details.message, "type": error.details.error_type}


@orchestrations.orchestration_trigger(context_name="context")
def parent(ctx: OrchestrationContext, child: dict[str, Any]) -> Steps:
    """Call a sub-orchestration and wait for it."""
    try:
        return (yield ctx.call_sub_orchestrator(child["name"], input=child["input"], instance_id=child["id"]))
    except task.TaskFailedError as error:
        return {"message": error.details.message, "type": error.details.error_type}


@orchestrations.orchestration_trigger(context_name="context")
def launcher(ctx: OrchestrationContext, child: dict[str, Any]) -> Steps:
    """Start a sub-orchestration that outlives this one."""
    ctx.call_sub_orchestrator(child["name"], input=child["input"], instance_id=child["id"])
    yield ctx.call_activity("nothing")
    return "launched"


@orchestrations.orchestration_trigger(context_name="context")
def ask_parent(ctx: OrchestrationContext, nothing: None) -> str | None:
    """Tell the parent's id."""
    return ctx.parent_instance_id


@orchestrations.orchestration_trigger(context_name="context")
def rounds(ctx: OrchestrationContext, left: int) -> Steps:
    """Continue as new; each round leaves a timer behind that must not wake the next."""
    timer = ctx.create_timer(timedelta(milliseconds=150))
    quick = ctx.create_timer(timedelta(milliseconds=20))
    if left:
        yield quick
        ctx.continue_as_new(left - 1)
        return None
    winner = yield task.when_any([timer])
    assert winner is timer
    return "done"
