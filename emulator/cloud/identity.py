"""App Service's managed identity endpoint, api-version 2019-08-01.

Source: learn.microsoft.com/azure/app-service/overview-managed-identity ("REST endpoint reference"), and what the real
one answers, as quoted in Azure-Samples/azure-search-openai-demo#2148 (`No User Assigned or Delegated Managed Identity
found ...`).
"""

import hmac
import uuid
from collections.abc import Mapping

from aiohttp import web

from emulator.cloud.defaults import IDENTITIES, SYSTEM_ASSIGNED, Identity
from emulator.cloud.exchange import Exchange, Operation, Reply, entry_of
from emulator.cloud.faults import ExpiredTokenFault, Faults, RequestFault, StatusFault
from emulator.cloud.journal import Journal
from emulator.cloud.tokens import Tokens

_PATH = "/msi/token"
_API_VERSION = "2019-08-01"


class IdentityEndpoint:
    """Answers requests to the identity port; `header` is the secret that an app gets as IDENTITY_HEADER."""

    def __init__(self, *, tokens: Tokens, journal: Journal, faults: Faults, header: str) -> None:
        self._tokens = tokens
        self._header = header
        self._exchange = Exchange("identity", journal=journal, faults=faults, refusal=_refusal)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        operation = "token" if request.rel_url.raw_path.rstrip("/").lower() == _PATH else None
        entry = entry_of(
            request,
            "identity",
            operation,
        )
        served = Operation(name=operation, act=lambda fault: self._answer(request, operation, fault))
        return await self._exchange.answer(request, entry, served, {"Cache-Control": "no-store"})

    def _answer(self, request: web.BaseRequest, operation: str | None, fault: RequestFault | None) -> Reply:
        if operation is None:
            return _error(404, "The requested path was not found.")
        if request.method != "GET":
            return _error(405, "The requested resource does not support this method.", {"Allow": "GET"})
        # The header guards against server-side request forgery; it is App Service's secret, so no timing either.
        sent = request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(sent.encode("utf-8", "surrogateescape"), self._header.encode()):
            # 401 for a missing or wrong header: inferred, the page names no status.
            return _error(401, "The X-IDENTITY-HEADER header is missing or wrong.")
        query = request.rel_url.query
        if query.get("api-version") != _API_VERSION:
            return _error(400, f"The api-version query parameter must be {_API_VERSION}.")
        resource = query.get("resource")
        if not resource:
            return _error(400, "The resource query parameter is required.")
        identity = _identity(query)
        if identity is None:
            return _error(
                400,
                "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId.",
            )
        token = self._tokens.issue(resource, identity, expired=isinstance(fault, ExpiredTokenFault))
        return Reply(
            200,
            {
                "access_token": token.value,
                # Seconds since the epoch, as a string.
                "expires_on": str(token.expires_on),
                "resource": resource,
                "token_type": "Bearer",
                "client_id": identity.client_id,
            },
        )


def _identity(query: Mapping[str, str]) -> Identity | None:
    """Return the identity that the query asks for: the system-assigned one when it names none."""
    named = {name: query[name].lower() for name in ("client_id", "principal_id", "mi_res_id") if query.get(name)}
    if not named:
        return SYSTEM_ASSIGNED
    for each in IDENTITIES:
        ids = {
            "client_id": each.client_id,
            "principal_id": each.principal_id,
            "mi_res_id": (each.resource_id or "").lower(),
        }
        if all(ids[name] == value for name, value in named.items()):
            return each
    return None


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, {"statusCode": status, "message": message, "correlationId": str(uuid.uuid4())}, headers or {})


def _refusal(fault: StatusFault) -> Reply:
    """Return the error that a fault rule asks for; the endpoint has a shape of its own, without a code."""
    headers = {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    message = fault.message or f"The request failed with {fault.status} because a fault rule says so."
    return _error(fault.status, message if fault.code is None else f"{fault.code}: {message}", headers)
