"""The data plane of Communication Services: list phone numbers, for whoever signs with a live key.

`GET /phoneNumbers` is azure-communication-phonenumbers' list_purchased_phone_numbers; a resource here owns none. One
port serves all resources, so the endpoint of a resource is `https://localhost:<port>/<segment>` where the real one
has a host of its own.
"""

import uuid
from datetime import UTC, datetime
from urllib.parse import unquote

from aiohttp import web

from emulator.cloud.exchange import Exchange, Operation, Reply, entry_of
from emulator.cloud.faults import Faults, StatusFault
from emulator.cloud.hmac_authentication import SignedRequest, is_signed_by
from emulator.cloud.journal import Journal
from emulator.cloud.state import Resource, State

# The body of the real one, as quoted in the documentation of Swoosh's and other clients' adapters.
_DENIED = Reply(401, {"error": {"code": "Denied", "message": "Denied by the resource provider."}})


class DataPlane:
    """Answers requests to the data plane's port."""

    def __init__(self, *, state: State, journal: Journal, faults: Faults) -> None:
        self._state = state
        self._exchange = Exchange("communication", journal=journal, faults=faults, refusal=_refusal)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        body = await request.read()
        segments = [unquote(each) for each in request.rel_url.raw_path.split("/") if each]
        resource = self._state.find_by_segment(segments[0]) if segments else None
        operation = "listPhoneNumbers" if [each.lower() for each in segments[1:]] == ["phonenumbers"] else None
        if request.method != "GET":
            operation = None
        client_request_id = request.headers.get("x-ms-client-request-id")
        entry = entry_of(
            request,
            "communication",
            operation,
            resource_id=None if resource is None else str(resource.id),
        )
        headers = {"x-ms-request-id": str(uuid.uuid4())}
        if client_request_id and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            headers["x-ms-client-request-id"] = client_request_id
        served = Operation(
            name=operation,
            act=lambda _fault: self._answer(request, body, resource, operation),
            resource_key=None if resource is None else resource.id.key,
        )
        return await self._exchange.answer(request, entry, served, headers)

    def _answer(self, request: web.BaseRequest, body: bytes, resource: Resource | None, operation: str | None) -> Reply:
        # A resource that does not exist has no host name in Azure; here it is one that accepts no key.
        if resource is None or not self._is_allowed(request, body, resource):
            return _DENIED
        if operation is None:
            return Reply(404, {"error": {"code": "NotFound", "message": "The requested operation was not found."}})
        return Reply(200, {"phoneNumbers": []})

    def _is_allowed(self, request: web.BaseRequest, body: bytes, resource: Resource) -> bool:
        host = request.headers.get("Host", "")
        signed = SignedRequest(
            method=request.method,
            path_and_query=request.raw_path,
            # The Python SDK signs all of the endpoint behind the scheme, path included; the JavaScript one the host.
            hosts=(host, f"{host}/{resource.segment}"),
            body=body,
            date=request.headers.get("x-ms-date"),
            content_hash=request.headers.get("x-ms-content-sha256"),
            authorization=request.headers.get("Authorization"),
        )
        return is_signed_by(signed, self._state.accepted_keys(resource), datetime.now(UTC))


def _refusal(fault: StatusFault) -> Reply:
    """Return the CommunicationErrorResponse (same outer shape as ARM's) that a fault rule asks for."""
    if fault.status == 401 and fault.code is None:
        return _DENIED
    error = {
        "code": fault.code or {429: "TooManyRequests"}.get(fault.status, "InternalServerError"),
        "message": fault.message or f"The request failed with {fault.status} because a fault rule says so.",
    }
    return Reply(
        fault.status, {"error": error}, {} if fault.retry_after is None else {"Retry-After": fault.retry_after}
    )
