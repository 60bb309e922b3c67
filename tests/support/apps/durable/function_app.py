"""Durable functions of every kind; orchestrators stand in orchestrations.py, entities in entities.py."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.durable_functions as df
import azure.functions as func
import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from activities import activities
from durabletask.entities import EntityInstanceId
from entities import entities
from orchestrations import orchestrations

app = df.DFApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for blueprint in (orchestrations, activities, entities):
    app.register_functions(blueprint)  # pyright: ignore[reportUnknownMemberType] - untyped in the SDK


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
        statuses = [pb.OrchestrationStatus.Value(name) for name in names]
        policy = pb.OrchestrationIdReusePolicy(replaceableStatus=statuses)
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
