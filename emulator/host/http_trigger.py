"""HTTP triggers: routes, methods, authorization levels."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aiohttp import web

from emulator.host import http_messages
from emulator.host.access import LEVELS
from emulator.host.errors import StartError
from emulator.host.functions import Function
from emulator.host.request_target import RequestTarget, parse_query
from emulator.host.route_parsing import TemplateError
from emulator.host.routes import RouteTemplate
from emulator.host.triggers import HostContext, TriggerListener
from emulator.host.worker import InvocationFailed

_log = logging.getLogger("emulator.host")
_RESERVED = {"admin", "runtime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRoute:
    """One HTTP function: its template with the prefix, the methods it takes (None: all) and its level."""

    function: Function
    template: RouteTemplate
    methods: frozenset[str] | None
    level: str

    def takes(self, method: str) -> bool:
        """Whether the function takes this HTTP method, given in upper case."""
        return self.methods is None or method in self.methods


class HttpTrigger(TriggerListener):
    """Finds the function for a request, checks its key, and turns its result into a response."""

    def __init__(self, context: HostContext) -> None:
        super().__init__(context)
        self.routes: list[HttpRoute] = []

    def add(self, function: Function) -> None:
        """Take in an HTTP function; StartError for a malformed, reserved or conflicting route."""
        route = self._read(function)
        if route.template.text.lower().partition("/")[0] in _RESERVED:
            raise StartError(
                f"The route {route.template.text!r} of the function {function.name} conflicts with one or more "
                "built in routes."
            )
        for other in self.routes:
            same = other.template.text.lower() == route.template.text.lower()
            if same and _share_methods(other.methods, route.methods):
                raise StartError(
                    f"The route {route.template.text!r} of the function {function.name} conflicts with the route "
                    f"defined by function {other.function.name}."
                )
        self.routes.append(route)
        self.routes.sort(key=lambda each: each.template.precedence)

    def run_now(self, function: Function, value: str) -> None:
        """Log that the admin API cannot run an HTTP function: in the real host too its input must be a request."""
        _log.error("The HTTP function %s cannot be run by the admin API: call its route.", function.name)

    async def handle(self, request: web.BaseRequest, target: RequestTarget) -> web.Response:
        """Answer a request outside of /admin and /runtime."""
        method = request.method.upper()
        matches = list(self._matches(target.segments))
        if not matches:
            return web.Response(status=404)
        found = next(((route, values) for route, values in matches if route.takes(method)), None)
        if found is None:
            # Deployed hosts have answered 404 here (azure-functions-host#10098); 405 with Allow is RFC 9110, 15.5.6.
            allowed = sorted({each for route, _ in matches for each in route.methods or ()})
            return web.Response(status=405, headers={"Allow": ", ".join(allowed)})
        route, values = found
        keys = self.context.keys
        if keys is not None and not keys.allow(route.level, presented_key(request, target)):
            return web.Response(status=401)
        body = await read_body(request, self.context.body_limit)
        if body is None:
            return web.Response(status=413)
        protos = self.context.invoker.protos
        data = protos.TypedData(http=http_messages.to_rpc_http(protos, request, target, values, body))
        try:
            value = await self.context.invoker.invoke(
                route.function,
                data,
                reason="This function was programmatically called via the host APIs.",
                trace_parent=request.headers.get("traceparent", ""),
                trace_state=request.headers.get("tracestate", ""),
            )
            return http_messages.to_response(value)
        except InvocationFailed:
            return web.Response(status=500)
        except http_messages.BadResponse as error:
            _log.error("The response of the function %s cannot be sent: %s", route.function.name, error)
            return web.Response(status=500)

    def _matches(self, segments: Sequence[str]) -> Iterator[tuple[HttpRoute, dict[str, str]]]:
        for route in self.routes:
            values = route.template.match(segments)
            if values is not None:
                yield route, values

    def _read(self, function: Function) -> HttpRoute:
        trigger = function.trigger
        # Without a route the function's name is the route (azure-functions-host, WebScriptHostHttpRoutesManager).
        path = trigger.text("route") or function.name
        prefix = self.context.configuration.route_prefix
        try:
            template = RouteTemplate(f"{prefix}/{path.strip('/')}" if prefix else path)
        except TemplateError as error:
            raise StartError(f"The route {path!r} of the function {function.name} is malformed: {error}.") from None
        level = trigger.text("authLevel", "function").lower()
        if level not in LEVELS:
            raise StartError(f"The function {function.name} has an unknown authLevel {level!r}.")
        methods = trigger.properties.get("methods")
        taken = frozenset(str(m).upper() for m in methods) if isinstance(methods, list) and methods else None  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
        return HttpRoute(function=function, template=template, methods=taken, level=level)


def presented_key(request: web.BaseRequest, target: RequestTarget) -> str:
    """Return the access key that a request brings, from its header or else from its query; empty if it has none."""
    key = request.headers.get("x-functions-key", "")
    if not key and target.query:
        query = parse_query(target.query)
        key = next((value for name, value in query.items() if name.lower() == "code"), "")
    return key


async def read_body(request: web.BaseRequest, limit: int) -> bytes | None:
    """Return the body, or None if it has more than `limit` bytes. Says 100 Continue where the client waits for it."""
    if request.content_length is not None and request.content_length > limit:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if not request.can_read_body:
        return b""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge:
        return None


def _share_methods(one: frozenset[str] | None, other: frozenset[str] | None) -> bool:
    return one is None or other is None or bool(one & other)
