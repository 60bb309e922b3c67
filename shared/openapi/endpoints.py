"""The HTTP endpoint that serves the description of the API."""

from shared.authorization import authorized
from shared.http import Request, Response
from shared.settings import settings


async def describe(request: Request) -> Response:
    """`GET /api/openapi.json`: return the OpenAPI document."""
    authorized(request, settings(), "Read")
    # imported by the first request: a cold start should not wait for it
    from shared.openapi.operations import document

    return Response(document())
