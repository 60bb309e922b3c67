"""HTTP functions that show what the host handed them, and answer in every way a function can."""

import asyncio
import base64
import json
import logging
import sys
import time
from collections.abc import AsyncGenerator
from http import HTTPStatus

import azure.functions as func

app = func.FunctionApp()
ANONYMOUS = func.AuthLevel.ANONYMOUS


async def _client() -> AsyncGenerator[str]:
    """Stand for a client that must be closed: asyncio does it when the loop ends."""
    try:
        yield "open"
    finally:
        sys.stderr.write("client closed\n")


_clients: list[AsyncGenerator[str]] = []


def _json(value: object, status: int = HTTPStatus.OK) -> func.HttpResponse:
    return func.HttpResponse(json.dumps(value), status_code=status, mimetype="application/json")


@app.route(route="echo/{*path}", auth_level=ANONYMOUS)
async def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Return the request."""
    return _json(
        {
            "method": req.method,
            "url": req.url,
            "headers": {name: req.headers[name] for name in req.headers},
            "params": dict(req.params),
            "route": dict(req.route_params),
            "body": base64.b64encode(req.get_body()).decode(),
        }
    )


@app.route(route="items/{id:int}", methods=["GET"], auth_level=ANONYMOUS)
async def item_by_number(req: func.HttpRequest) -> func.HttpResponse:
    """Return who answered."""
    return _json({"by": "number", **req.route_params})


@app.route(route="items/{name}", methods=["GET", "PUT"], auth_level=ANONYMOUS)
async def item_by_name(req: func.HttpRequest) -> func.HttpResponse:
    """Return who answered."""
    return _json({"by": "name", **req.route_params})


@app.route(route="Items/Special", methods=["POST"], auth_level=ANONYMOUS)
async def item_special(req: func.HttpRequest) -> func.HttpResponse:
    """Return who answered."""
    return _json({"by": "literal", **req.route_params})


@app.route(route="optional/{a}/{b=two}/{c?}", auth_level=ANONYMOUS)
async def optional(req: func.HttpRequest) -> func.HttpResponse:
    """Return the route values."""
    return _json(dict(req.route_params))


@app.route(auth_level=ANONYMOUS)
async def Unrouted(req: func.HttpRequest) -> str:  # noqa: N802 - its name is its route
    """Return text."""
    return f"text of {req.method}"


@app.route(route="level/anonymous", auth_level=ANONYMOUS)
async def level_anonymous(req: func.HttpRequest) -> str:
    """Need no key."""
    return req.method


@app.route(route="level/function")
async def level_function(req: func.HttpRequest) -> str:
    """Need a function key."""
    return req.method


@app.route(route="level/admin", auth_level=func.AuthLevel.ADMIN)
async def level_admin(req: func.HttpRequest) -> str:
    """Need the master key."""
    return req.method


@app.route(route="answer", auth_level=ANONYMOUS)
async def answer(req: func.HttpRequest) -> func.HttpResponse:
    """Answer as the JSON body says: status, headers, body."""
    wanted = req.get_json()
    return func.HttpResponse(
        wanted.get("body"),
        status_code=wanted.get("status", HTTPStatus.OK),
        headers=wanted.get("headers"),
    )


@app.route(route="cookies", auth_level=ANONYMOUS)
async def cookies(req: func.HttpRequest) -> func.HttpResponse:
    """Set one plain cookie and one with every attribute."""
    response = func.HttpResponse(req.method)
    response.headers.add("Set-Cookie", "plain=1")
    response.headers.add(
        "Set-Cookie",
        'full="a b"; Domain=example.com; Path=/x; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=60; Secure; HttpOnly; '
        "SameSite=Strict",
    )
    return response


@app.route(route="nothing", auth_level=ANONYMOUS)
async def nothing(req: func.HttpRequest):
    """Return nothing, which the worker cannot turn into a response."""
    logging.getLogger("app").info("nothing for %s", req.method)


@app.route(route="raise/{what}", auth_level=ANONYMOUS)
async def raising(req: func.HttpRequest) -> str:
    """Fail in the way that the route says."""
    failures = {
        "error": ValueError("the text of the error"),
        "exit": SystemExit(7),
        "cancel": asyncio.CancelledError(),
    }
    raise failures[req.route_params["what"]]


@app.route(route="sync", auth_level=ANONYMOUS)
def sync(req: func.HttpRequest) -> str:
    """Run in a thread."""
    return f"sync {req.method}"


@app.route(route="slow/{seconds}", auth_level=ANONYMOUS)
async def slow(req: func.HttpRequest) -> str:
    """Take that long."""
    sys.stderr.write("slow started\n")
    await asyncio.sleep(float(req.route_params["seconds"]))
    sys.stderr.write("slow done\n")
    return "slow"


@app.route(route="stuck", auth_level=ANONYMOUS)
async def stuck(req: func.HttpRequest) -> str:
    """Block the event loop for a long time."""
    sys.stderr.write(f"stuck at {req.method}\n")
    time.sleep(600)  # noqa: ASYNC251 - the mistake is the point
    return "never"


@app.route(route="client", auth_level=ANONYMOUS)
async def client(req: func.HttpRequest) -> str:
    """Open something that asyncio closes at the end."""
    opened = _client()
    _clients.append(opened)
    return f"{req.method} {await anext(opened)}"


@app.route(route="context", auth_level=ANONYMOUS)
async def with_context(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """Return ids of the invocation."""
    trace = context.trace_context
    return _json(
        {
            "name": context.function_name,
            "invocation": context.invocation_id,
            "parent": trace.trace_parent,
            "state": trace.trace_state,
            "method": req.method,
        }
    )


@app.route(route="log", auth_level=ANONYMOUS)
async def log(req: func.HttpRequest) -> str:
    """Log at two levels, and print."""
    logging.getLogger("app").debug("a debug line for %s", req.method)
    logging.getLogger("app").info("an info line")
    print("a printed line")  # noqa: T201 - what is printed must not spoil stdout
    return "logged"
