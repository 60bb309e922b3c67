"""The public surface: every trigger of the app on one page. Logic lives in shared/."""

import azure.functions as func

from shared import endpoints
from shared.http import answer
from shared.logs import configure_logging

configure_logging()

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.function_name("regenerate_default")
@app.route("regenerateKey", methods=["POST"])
async def regenerate_default(req: func.HttpRequest) -> func.HttpResponse:
    """Regenerate a key of the resource that COMMUNICATION_SERVICE_ID names."""
    return await answer(req, endpoints.regenerate_default)


@app.function_name("regenerate_by_path")
@app.route(
    "subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Communication"
    "/communicationServices/{communicationServiceName}/regenerateKey",
    methods=["POST"],
)
async def regenerate_by_path(req: func.HttpRequest) -> func.HttpResponse:
    """Regenerate a key of the resource in the path, as ARM does: any ARM client works against this route."""
    return await answer(req, endpoints.regenerate)
