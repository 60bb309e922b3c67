"""The public surface: every trigger of the app on one page. Logic lives in shared/."""

import azure.functions as func

from shared import endpoints
from shared.durable_app import DurableApp
from shared.http import answer
from shared.logs import configure_logging
from shared.openapi.endpoints import describe
from shared.rotation.blueprint import blueprint
from shared.rotation.durable_engine import DurableEngine
from shared.settings import reconcile_schedule

configure_logging()

app = DurableApp(http_auth_level=func.AuthLevel.FUNCTION)
app.register_functions(blueprint)
# as text: durable_client_input would make a client for each invocation, whether it is used or not
durable_client = app.generic_input_binding("client", "durableClient")  # pyright: ignore[reportUnknownMemberType]  # untyped keyword arguments


@app.function_name("regenerate_default")
@app.route("regenerateKey", methods=["POST"])
@durable_client
async def regenerate_default(req: func.HttpRequest, client: str) -> func.HttpResponse:
    """Regenerate a key of the resource that COMMUNICATION_SERVICE_ID names."""
    return await answer(req, endpoints.regenerate_default, DurableEngine(client))


@app.function_name("regenerate_by_path")
@app.route(
    "subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication"
    "/communicationServices/{communicationServiceName}/regenerateKey",
    methods=["POST"],
)
@durable_client
async def regenerate_by_path(req: func.HttpRequest, client: str) -> func.HttpResponse:
    """Regenerate a key of the resource in the path, as ARM does: any ARM client works against this route."""
    return await answer(req, endpoints.regenerate, DurableEngine(client))


@app.function_name("start_rotation")
@app.route("rotations", methods=["POST"])
@durable_client
async def start_rotation(req: func.HttpRequest, client: str) -> func.HttpResponse:
    """Start a rotation: 202, with where its status and its result are."""
    from shared.rotation.endpoints import rotate

    return await answer(req, rotate, DurableEngine(client))


@app.function_name("get_rotation")
@app.route("rotations/{id}", methods=["GET"])
@durable_client
async def get_rotation(req: func.HttpRequest, client: str) -> func.HttpResponse:
    """Return a rotation's status."""
    from shared.rotation.endpoints import status

    return await answer(req, status, DurableEngine(client))


@app.function_name("get_rotation_result")
@app.route("rotations/{id}/result", methods=["GET"])
@durable_client
async def get_rotation_result(req: func.HttpRequest, client: str) -> func.HttpResponse:
    """Return a rotation's result once it has ended."""
    from shared.rotation.endpoints import result

    return await answer(req, result, DurableEngine(client))


@app.function_name("revoke_old_key")
@app.route("rotations/{id}/revoke", methods=["POST"])
@durable_client
async def revoke_old_key(req: func.HttpRequest, client: str) -> func.HttpResponse:
    """End the old key's grace period now."""
    from shared.rotation.endpoints import revoke

    return await answer(req, revoke, DurableEngine(client))


@app.function_name("keep_old_key")
@app.route("rotations/{id}/cancel", methods=["POST"])
@durable_client
async def keep_old_key(req: func.HttpRequest, client: str) -> func.HttpResponse:
    """Let the old key live."""
    from shared.rotation.endpoints import cancel

    return await answer(req, cancel, DurableEngine(client))


@app.function_name("get_openapi")
@app.route("openapi.json", methods=["GET"])
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
    """Return the description of this API, OpenAPI 3.1."""
    return await answer(req, describe)


@app.function_name("on_event")
@app.event_grid_trigger("event")  # pyright: ignore[reportUnknownMemberType]  # the SDK leaves a type open
@durable_client
async def on_event(event: func.EventGridEvent, client: str) -> None:
    """Do what an event asks for: rotate what is about to expire, repair what was broken, or what somebody requests."""
    # imported by the first event: a cold start should not wait for it
    from shared.event_envelope import event_of
    from shared.rotation.reactions import react

    await react(event_of(event), DurableEngine(client))


@app.function_name("reconcile")
@app.timer_trigger("timer", reconcile_schedule())
@durable_client
async def reconcile(timer: func.TimerRequest, client: str) -> None:
    """Start what an event should have started, and what was left undone."""
    # imported by the first run, as above
    from shared.rotation.reconcile import reconcile as look_for_what_got_lost

    await look_for_what_got_lost(DurableEngine(client))
