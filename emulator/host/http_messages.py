"""Between aiohttp's HTTP messages and the worker's RpcHttp, as the real host translates them."""

import re
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from emulator.host.cookies import set_cookie_header
from emulator.host.request_target import RequestTarget, parse_query

# What Kestrel takes for a Host header: a name or an address, and maybe a port.
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]+)(?::[0-9]{1,5})?")
# Kestrel refuses to send a response header with anything but printable ASCII
# (https://learn.microsoft.com/aspnet/core/fundamentals/servers/kestrel/options#response-header-encoding).
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# The server frames the body itself.
_FRAMING = {"content-length", "transfer-encoding", "connection", "keep-alive"}
_NO_BODY = {204, 205, 304}


class BadRequest(Exception):
    """The request is one that the host answers with 400 before any function sees it."""


class BadResponse(Exception):
    """The function's response cannot be sent; the host answers with 500. `str()` says why."""


def check_headers(request: web.BaseRequest) -> None:
    """Raise BadRequest for what Kestrel refuses: no or several or odd Host headers, header bytes that are not UTF-8."""
    hosts = request.headers.getall("Host", [])
    if len(hosts) > 1 or (not hosts and request.version >= (1, 1)):
        raise BadRequest
    if hosts and hosts[0] and not _HOST.fullmatch(hosts[0]):
        raise BadRequest
    for _, value in request.raw_headers:
        if not value.isascii():
            try:
                value.decode()
            except UnicodeDecodeError:
                raise BadRequest from None


def to_rpc_http(
    protos: Any,
    request: web.BaseRequest,
    target: RequestTarget,
    route_values: dict[str, str],
    body: bytes,
) -> Any:
    """Return the RpcHttp that the worker gets: header names in lower case, repeated headers joined by commas.

    An empty body is left unset.
    """
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
    query = f"?{target.query}" if target.query else ""
    message = protos.RpcHttp(
        method=request.method,
        url=f"{request.scheme}://{headers.get('host', '')}{target.path}{query}",
        headers=headers,
        params=route_values,
        query=parse_query(target.query) if target.query else {},
    )
    if body:
        message.body.bytes = body
    return message


def to_response(value: Any) -> web.Response:
    """Return the HTTP response that a function's TypedData (or None: 204) stands for; BadResponse if it cannot be."""
    kind: str | None = value.WhichOneof("data") if value is not None else None
    if value is None or kind is None:
        return web.Response(status=204)
    if kind != "http":
        # The host sends any other value as plain text, JSON as JSON (azure-functions-host, `RawScriptResult`).
        content = getattr(value, kind)
        content_type = "application/json" if kind == "json" else "text/plain"
        body = content if isinstance(content, bytes) else str(content).encode()
        return web.Response(body=body, headers={"Content-Type": f"{content_type}; charset=utf-8"})
    http = value.http
    status = _status(http.status_code)
    headers = CIMultiDict[str]()
    for name, text in http.headers.items():
        if name.lower() not in _FRAMING:
            _check_header(name, text)
            headers[name] = text
    for cookie in http.cookies:
        text = set_cookie_header(cookie)
        _check_header("Set-Cookie", text)
        headers.add("Set-Cookie", text)
    body_kind = http.body.WhichOneof("data")
    content = getattr(http.body, body_kind) if body_kind else b""
    body = content if isinstance(content, bytes) else str(content).encode()
    return web.Response(status=status, headers=headers, body=b"" if status in _NO_BODY else body)


def _status(text: str) -> int:
    if not re.fullmatch(r"[2-9][0-9]{2}", text):
        raise BadResponse(f"{text!r} is not an HTTP status that can be sent")
    return int(text)


def _check_header(name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise BadResponse(f"the response header {name!r} holds a control or non-ASCII character")
