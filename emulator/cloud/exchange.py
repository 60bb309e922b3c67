"""What every service does around a request: the journal, the faults, the log line and the answer on the wire."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from emulator.cloud.faults import (
    BodyFault,
    DelayFault,
    DisconnectFault,
    ExpiredTokenFault,
    Faults,
    RequestFault,
    RequestService,
    StatusFault,
)
from emulator.cloud.journal import Entry, Journal, now

_UNEXPECTED_JSON = b'{"unexpected":true}'


@dataclass(slots=True)
class Reply:
    """An answer before it is on the wire; `effect`: the request changed something."""

    status: int
    payload: object = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    effect: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A request that fitted an operation: what to do about it, atomically and without waiting."""

    # None: nothing that a fault rule could name.
    name: str | None
    act: Callable[[RequestFault | None], Reply]
    resource_key: str | None = None


def entry_of(
    request: web.BaseRequest,
    service: str,
    operation: str | None,
    *,
    resource_id: str | None = None,
    key_type: str | None = None,
    secret: str | None = None,
) -> Entry:
    """Return a request's entry for the journal; what the request alone does not tell, its service gives."""
    return Entry(
        service=service,
        operation=operation,
        method=request.method,
        path=request.rel_url.raw_path,
        at=now(),
        api_version=request.rel_url.query.get("api-version"),
        resource_id=resource_id,
        key_type=key_type,
        secret=secret,
        client_request_id=request.headers.get("x-ms-client-request-id"),
    )


class Exchange:
    """One service's way of answering. `refusal` makes the service's own error of a StatusFault."""

    def __init__(
        self, service: RequestService, *, journal: Journal, faults: Faults, refusal: Callable[[StatusFault], Reply]
    ) -> None:
        self.service: RequestService = service
        self._journal = journal
        self._faults = faults
        self._refusal = refusal
        self._log = logging.getLogger(f"emulator.cloud.{service}")

    async def answer(
        self, request: web.BaseRequest, entry: Entry, operation: Operation, common: Mapping[str, str]
    ) -> web.StreamResponse:
        """Serve the operation as the fault rules will have it; `common` headers stand in every answer."""
        self._journal.add(entry)
        fault = None
        if operation.name is not None:
            fault = self._faults.take(self.service, operation.name, operation.resource_key)
        reply = await self._outcome(entry, operation, fault)
        entry.status = None if reply is None else reply.status
        self._log_line(entry, fault)
        if reply is None:
            return _dropped(request)
        return _response(reply, common, fault)

    async def _outcome(self, entry: Entry, operation: Operation, fault: RequestFault | None) -> Reply | None:
        """Return the reply, or None when the connection is to be dropped."""
        match fault:
            case DelayFault(after=False):
                await asyncio.sleep(fault.seconds)
            case StatusFault(after=False):
                return self._refusal(fault)
            case DisconnectFault("before"):
                return None
            case _:
                pass
        reply = operation.act(fault)
        entry.effect = reply.effect
        match fault:
            case DelayFault(after=True):
                await asyncio.sleep(fault.seconds)
            case StatusFault(after=True) if reply.status < 400:
                # A request that the service itself refuses had no effect to report a failure after.
                return self._refusal(fault)
            case DisconnectFault("after"):
                return None
            case _:
                pass
        return reply

    def _log_line(self, entry: Entry, fault: RequestFault | None) -> None:
        if self._log.isEnabledFor(logging.INFO):
            self._log.info(
                "%s %s %s -> %s%s",
                entry.method,
                entry.operation or entry.path,
                entry.resource_id or entry.secret or "",
                entry.status or "dropped",
                "" if fault is None else f" ({_NAMES[type(fault)]} fault)",
            )


_NAMES: dict[type[RequestFault], str] = {
    StatusFault: "status",
    DelayFault: "delay",
    DisconnectFault: "disconnect",
    BodyFault: "body",
    ExpiredTokenFault: "expired token",
}


def _dropped(request: web.BaseRequest) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    # aiohttp wants a response; on an aborted connection it goes nowhere.
    return web.Response()


def _response(reply: Reply, common: Mapping[str, str], fault: RequestFault | None) -> web.Response:
    headers = {**common, **reply.headers}
    if reply.payload is None:
        return web.Response(status=reply.status, headers=headers)
    body = json.dumps(reply.payload, separators=(",", ":")).encode()
    match fault:
        case BodyFault("truncated"):
            # The framing is intact: the client gets all that Content-Length promises, and it is no JSON.
            body = body[: len(body) // 2]
        case BodyFault("invalid"):
            body = _UNEXPECTED_JSON
        case _:
            pass
    headers["Content-Type"] = "application/json; charset=utf-8"
    return web.Response(status=reply.status, body=body, headers=headers)
