"""The smallest HTTP app: what start and a request cost without any work."""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


@app.route("hello", methods=["GET"])
async def hello(req: func.HttpRequest) -> func.HttpResponse:
    """Say hello."""
    return func.HttpResponse("Hello, world.")
