"""Event Grid's errors, as publishers see them.

Shape and statuses: learn.microsoft.com/azure/event-grid/post-to-custom-topic ("Response"); the code is a word
("Unauthorized", in Azure/azure-sdk-for-net#22831). Texts without a source beside them are our own.
"""

from dataclasses import dataclass

from emulator.cloud.exchange import Reply
from emulator.cloud.faults import StatusFault


@dataclass(frozen=True)
class EventGridError(Exception):
    """Event Grid refuses a request."""

    status: int
    code: str
    message: str
    retry_after: str | None = None
    # For Allow, with status 405.
    allow: str | None = None

    def reply(self) -> Reply:
        """Return the error as an answer."""
        described: dict[str, object] = {"code": self.code, "message": self.message}
        headers: dict[str, str] = {}
        if self.retry_after is not None:
            headers["Retry-After"] = self.retry_after
        if self.allow is not None:
            headers["Allow"] = self.allow
        return Reply(self.status, {"error": {**described, "details": [described]}}, headers)


# The names of the statuses, which is what the service gives as codes where that shows.
_CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    413: "PayloadTooLarge",
    429: "TooManyRequests",
    500: "InternalServerError",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "GatewayTimeout",
}


def refusal(fault: StatusFault) -> Reply:
    """Return the error that a fault rule asks for."""
    code = fault.code or _CODES.get(fault.status, "RequestFailed")
    message = fault.message or f"The request failed with {fault.status} because a fault rule says so."
    return EventGridError(fault.status, code, message, fault.retry_after).reply()


def unauthorized(message: str) -> EventGridError:
    """Return a 401."""
    return EventGridError(401, "Unauthorized", message)


def bad_request(message: str) -> EventGridError:
    """Return a 400."""
    return EventGridError(400, "BadRequest", message)


def not_found(message: str) -> EventGridError:
    """Return a 404."""
    return EventGridError(404, "NotFound", message)


def too_large(limit: int) -> EventGridError:
    """Return a 413: more than `limit` bytes."""
    return EventGridError(413, "PayloadTooLarge", f"The events of one request may have {limit} bytes at most.")
