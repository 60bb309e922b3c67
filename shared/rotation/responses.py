"""Responses that several endpoints give: 202 with where to go on, and the whole status of a rotation."""

from shared.http import Request, Response
from shared.rotation.engine import Engine
from shared.rotation.guard import revocation_id
from shared.rotation.model import Json
from shared.rotation.status import Instance, status_json

RETRY_AFTER = "2"
# routes stand below this; the app's host.json says so
_PREFIX = "/api/"


async def full_status(engine: Engine, instance: Instance) -> Json:
    """Return the wire status of a rotation with that of its revocation."""
    return status_json(instance, await engine.find(revocation_id(instance.id)))


def accepted(request: Request, id_: str, body: Json) -> Response:
    """Return 202 with where to go on: the Logic Apps HTTP action follows Location, azure-core Operation-Location."""
    # urlsplit raises at some hosts, and the Host header is the caller's
    origin = "/".join(request.url.split("/", 3)[:3])
    rotation = f"{origin}{_PREFIX}rotations/{id_}"
    headers = {"Location": f"{rotation}/result", "Operation-Location": rotation, "Retry-After": RETRY_AFTER}
    return Response(body, 202, headers)
