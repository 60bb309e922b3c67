"""The HTTP endpoint that serves the description of the API."""

from shared.authorization import authorized
from shared.http import Request, Response
from shared.openapi.operations import document
from shared.settings import settings


async def describe(request: Request) -> Response:
    """`GET /api/openapi.json`: return the OpenAPI document."""
    authorized(request, settings())
    return Response(document())
