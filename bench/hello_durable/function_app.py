"""The smallest HTTP app that also has an orchestration: what Durable Functions itself costs at the start."""

from collections.abc import Generator
from typing import Any

import azure.durable_functions as df
import azure.functions as func

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.orchestration_trigger(context_name="context")
def nothing(context: Any, _input: Any) -> Generator[Any, Any, str]:
    """End at once."""
    yield from ()
    return "done"


@app.route("hello", methods=["GET"])
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    """Say hello."""
    return func.HttpResponse("Hello, world.")
