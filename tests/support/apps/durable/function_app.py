"""Durable functions of every kind, and HTTP functions that do what a client of theirs can do."""

import asyncio
import json
from collections import Counter
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask import task
from durabletask.entities import DurableEntity, EntityContext, EntityInstanceId
from durabletask.task import OrchestrationContext, RetryPolicy

type Steps = Generator[task.Task[Any], Any, Any]

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
functions = df.Blueprint()
runs: Counter[str] = Counter()


class OutOfTea(Exception):
    """A failure of the app's own."""


@functions.orchestration_trigger(context_name="context")
def greet(ctx: OrchestrationContext, name: str) -> Steps:
    """Call one activity."""
    return (yield ctx.call_activity("hello", input=name))


@functions.orchestration_trigger(context_name="context")
def call(ctx: OrchestrationContext, step: dict[str, Any]) -> Steps:
    """Call `activity` with `input`, and tell how it failed if it did."""
    try:
        result = yield ctx.call_activity(step["activity"], input=step.get("input"))
    except task.TaskFailedError as error:
        return {"message": error.details.message, "type": error.details.error_type, "text": str(error)}
    return {"result": result}


@functions.orchestration_trigger(context_name="context")
def fan_out(ctx: OrchestrationContext, step: dict[str, Any]) -> Steps:
    """Call an activity for each of `inputs`, all at once."""
    return (yield task.when_all([ctx.call_activity(step["activity"], input=each) for each in step["inputs"]]))


@functions.orchestration_trigger(context_name="context")
def retry(ctx: OrchestrationContext, how: dict[str, Any]) -> Steps:
    """Call `flaky` with a retry policy."""
    policy = RetryPolicy(
        first_retry_interval=timedelta(milliseconds=50), max_number_of_attempts=3, backoff_coefficient=2
    )
    return (yield ctx.call_activity("flaky", input=how, retry_policy=policy))


@functions.orchestration_trigger(context_name="context")
def broken(ctx: OrchestrationContext, text: str) -> Steps:
    """Raise after one step."""
    yield ctx.call_activity("nothing")
    raise ValueError(text)


@functions.orchestration_trigger(context_name="context")
def show(ctx: OrchestrationContext, length: int) -> Steps:
    """Show a status of that many characters of JSON."""
    ctx.set_custom_status("x" * (length - 2))
    yield ctx.call_activity("nothing")


@functions.orchestration_trigger(context_name="context")
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


@functions.orchestration_trigger(context_name="context")
def late_listener(ctx: OrchestrationContext, seconds: float) -> Steps:
    """Wait for an event only after some time."""
    yield ctx.create_timer(timedelta(seconds=seconds))
    return (yield ctx.wait_for_external_event("decision"))


@functions.orchestration_trigger(context_name="context")
def sender(ctx: OrchestrationContext, target: str) -> Steps:
    """Send an event to another instance."""
    ctx.send_event(target, "decision", data={"from": ctx.instance_id})
    yield ctx.call_activity("nothing")
    return "sent"


@functions.orchestration_trigger(context_name="context")
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


@functions.orchestration_trigger(context_name="context")
def call_entity(ctx: OrchestrationContext, step: dict[str, Any]) -> Steps:
    """Call one entity operation."""
    entity = EntityInstanceId(step["entity"], step["key"])
    try:
        return (yield ctx.call_entity(entity, step["operation"], step.get("input")))
    except task.TaskFailedError as error:
        return {"message": error.details.message, "type": error.details.error_type}


@functions.orchestration_trigger(context_name="context")
def parent(ctx: OrchestrationContext, child: dict[str, Any]) -> Steps:
    """Call a sub-orchestration and wait for it."""
    try:
        return (yield ctx.call_sub_orchestrator(child["name"], input=child["input"], instance_id=child["id"]))
    except task.TaskFailedError as error:
        return {"message": error.details.message, "type": error.details.error_type}


@functions.orchestration_trigger(context_name="context")
def launcher(ctx: OrchestrationContext, child: dict[str, Any]) -> Steps:
    """Start a sub-orchestration that outlives this one."""
    ctx.call_sub_orchestrator(child["name"], input=child["input"], instance_id=child["id"])
    yield ctx.call_activity("nothing")
    return "launched"


@functions.orchestration_trigger(context_name="context")
def ask_parent(ctx: OrchestrationContext, nothing: None) -> str | None:
    """Tell the parent's id."""
    return ctx.parent_instance_id


@functions.orchestration_trigger(context_name="context")
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


@functions.activity_trigger(input_name="text")
async def echo(text: Any) -> Any:
    """Return the input."""
    return text


@functions.activity_trigger(input_name="name")
def hello(name: str) -> str:
    """Greet, synchronously."""
    return f"Hello {name}!"


@functions.activity_trigger(input_name="seconds")
async def wait(seconds: float) -> float:
    """Take some time."""
    print("waiting", flush=True)  # noqa: T201 - the test looks for it
    await asyncio.sleep(seconds)
    return seconds


@functions.activity_trigger(input_name="nothing")
async def nothing(nothing: Any) -> None:
    """Return nothing."""


@functions.activity_trigger(input_name="size")
async def large(size: int) -> str:
    """Return so many characters."""
    return "x" * size


@functions.activity_trigger(input_name="text")
async def fail(text: str) -> None:
    """Raise with this text."""
    raise OutOfTea(text)


@functions.activity_trigger(input_name="how")
async def flaky(_ctx: object, how: dict[str, Any]) -> int:
    """Fail the first `failures` times for the same `key`; then return how often it ran."""
    runs[how["key"]] += 1
    if runs[how["key"]] <= how["failures"]:
        raise OutOfTea(f"attempt {runs[how['key']]}")
    return runs[how["key"]]


@functions.activity_trigger(input_name="key")
async def count(key: str) -> int:
    """Return how often this ran with the same key."""
    runs[key] += 1
    return runs[key]


@functions.activity_trigger(input_name="key")
async def counted(key: str) -> int:
    """Return how often `count` ran with this key."""
    return runs[key]


class Tally(DurableEntity):
    """A number."""

    def add(self, amount: int) -> int:
        """Add, and return the sum."""
        total = self.get_state(int, 0) + amount
        self.set_state(total)
        return total

    def fail(self, amount: int) -> None:
        """Change the state, then raise: the change must not last."""
        self.set_state(amount)
        raise ValueError(f"cannot take {amount}")

    def launch(self, instance_id: str) -> str:
        """Start an orchestration."""
        return self.schedule_new_orchestration("greet", "entity", instance_id=instance_id)


functions.entity_trigger(context_name="context", entity_name="Counter")(Tally)


@functions.entity_trigger(context_name="context")
def box(ctx: EntityContext, value: Any) -> Any:
    """Keep a value: `put`, `get`."""
    if ctx.operation == "put":
        ctx.set_state(value)
    return ctx.get_state()


app.register_functions(functions)  # pyright: ignore[reportUnknownMemberType] - untyped in the SDK


def answer(value: object, status: int = 200) -> func.HttpResponse:
    """Return JSON."""
    return func.HttpResponse(json.dumps(value), status_code=status, mimetype="application/json")


def refused(error: grpc.RpcError) -> func.HttpResponse:
    """Return what the engine said, as its client sees it."""
    return answer({"code": error.code().name, "details": error.details(), "type": type(error).__name__}, 409)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] - grpc's stubs leave these out


@app.route("start/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def start(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Start an orchestration; the query has `id`, `later` (seconds) and `policy` (statuses that may be replaced)."""
    body = req.get_body()
    later = req.params.get("later")
    policy = None
    if "policy" in req.headers:
        names = [f"ORCHESTRATION_STATUS_{name}" for name in req.headers["policy"].split(",") if name != "none"]
        policy = pb.OrchestrationIdReusePolicy(replaceableStatus=names)
    try:
        instance_id = await client.schedule_new_orchestration(
            req.route_params["name"],
            input=json.loads(body) if body else None,
            instance_id=req.params.get("id"),
            start_at=datetime.now(UTC) + timedelta(seconds=float(later)) if later else None,
            reuse_id_policy=policy,
        )
    except grpc.RpcError as error:
        return refused(error)
    return answer({"id": instance_id}, 202)


@app.route("state/{id}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def state(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Tell an instance's state, as the typed client sees it."""
    found = await client.get_orchestration_state(req.route_params["id"])
    if found is None:
        return answer(None, 404)
    failure = found.failure_details
    output: Any = found.get_output()
    status: Any = found.get_custom_status()
    return answer(
        {
            "status": found.runtime_status.name,
            "output": output,
            "customStatus": status,
            "failure": failure and {"type": failure.error_type, "message": failure.message},
        }
    )


@app.route("raise/{id}/{event}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def raise_event(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Raise an event; the body is its payload."""
    try:
        await client.raise_orchestration_event(
            req.route_params["id"], req.route_params["event"], data=json.loads(req.get_body() or b"null")
        )
    except grpc.RpcError as error:
        return refused(error)
    return answer(None, 202)


@app.route("terminate/{id}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def terminate(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Terminate an instance."""
    try:
        await client.terminate_orchestration(req.route_params["id"], output="enough")
    except grpc.RpcError as error:
        return refused(error)
    return answer(None, 202)


@app.route("counter/{key}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def read_counter(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Tell an entity's state."""
    found = await client.get_entity(EntityInstanceId("counter", req.route_params["key"]), include_state=True)
    return answer(None, 404) if found is None else answer(found.get_state(int))


@app.route("counter/{key}/{operation}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def signal_counter(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Signal an entity."""
    entity = EntityInstanceId("counter", req.route_params["key"])
    await client.signal_entity(entity, req.route_params["operation"], input=json.loads(req.get_body() or b"null"))
    return answer(None, 202)


@app.route("links/{id}", methods=["GET"])
@app.durable_client_input(client_name="client")
async def links(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Return what the SDK's helper returns, system key included."""
    return client.create_check_status_response(req, req.route_params["id"])


@app.route("engine", methods=["GET"])
@app.durable_client_input(client_name="client")
async def engine(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Tell what the binding got."""
    return answer({"rpcBaseUrl": client.rpcBaseUrl, "hub": client.taskHubName})
