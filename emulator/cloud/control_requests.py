"""What every route of the control API has in common: errors, bodies, and who may ask."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from emulator.cloud.json_values import Json, parse_json

_LOCAL_NAMES = ("127.0.0.1", "localhost")


@dataclass(frozen=True)
class ControlError(Exception):
    """The control API refuses a request; `message` is a sentence for whoever sent it."""

    status: int
    message: str
    headers: Mapping[str, str] | None = None


Route = Callable[[web.BaseRequest], Awaitable[web.Response]]
# By method.
Methods = dict[str, Route]


def check_origin(request: web.BaseRequest) -> None:
    """Raise ControlError for what a web page could send: whoever reads this API's answers sees keys and tokens."""
    # A name that resolves to 127.0.0.1 (DNS rebinding) arrives with that name as its host.
    name, _, port = request.headers.get("Host", "").partition(":")
    if name.lower() not in _LOCAL_NAMES or not (port == "" or port.isdigit()):
        raise ControlError(403, "The control API answers to 127.0.0.1 and localhost only.")
    # A page elsewhere may send a POST without a body unasked; browsers say where it comes from.
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.headers.get('Host')}":
        raise ControlError(403, "The control API answers no pages of other origins.")


async def json_body(request: web.BaseRequest) -> object:
    """Return the value in the body; raises ControlError 415, and JsonError."""
    if request.content_type != "application/json":
        raise ControlError(415, "The body must be JSON with Content-Type: application/json.")
    return parse_json(await request.read())


async def json_object(request: web.BaseRequest, *names: str) -> Json:
    """Return the object in the body, which has no members but `names`; raises ControlError 415, and JsonError."""
    value = Json(await json_body(request), "the body")
    value.only(*names)
    return value


def query_parameter(request: web.BaseRequest, name: str) -> str:
    """Return a parameter of the query; raises ControlError 400 when it is missing."""
    value = request.rel_url.query.get(name)
    if value is None:
        raise ControlError(400, f"The query parameter {name} is missing.")
    return value
