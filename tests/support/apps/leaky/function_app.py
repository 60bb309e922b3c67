"""An app that leaks on purpose: it answers with what it was sent, and logs it."""

import logging

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route("answer", methods=["POST"])
async def answer(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with the body."""
    return func.HttpResponse(req.get_body())


@app.route("log", methods=["POST"])
async def log(req: func.HttpRequest) -> func.HttpResponse:
    """Log the body, in the middle of a line."""
    logging.getLogger("leaky").warning("got %s from somebody", req.get_body().decode())
    return func.HttpResponse(status_code=204)
