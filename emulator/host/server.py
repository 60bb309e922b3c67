"""The host: the worker, the listeners of all triggers, and the HTTP server before them."""

import asyncio
import logging
import os
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from emulator.host import http_messages
from emulator.host.access import AccessKeys
from emulator.host.admin import AdminApi
from emulator.host.configuration import HostConfiguration
from emulator.host.errors import StartError
from emulator.host.functions import Function
from emulator.host.http_trigger import HttpTrigger, presented_key
from emulator.host.invocation import Invoker
from emulator.host.request_target import BadTarget, RequestTarget, parse_target
from emulator.host.triggers import HostContext, listener_class
from emulator.host.worker import Worker

if TYPE_CHECKING:
    from emulator.host.triggers import Handler, TriggerListener

_log = logging.getLogger("emulator.host")
# https://learn.microsoft.com/azure/azure-functions/functions-app-settings#functions_request_body_size_limit
_BODY_LIMIT = 104_857_600
# Kestrel's limits: 8 KiB for the request line, 32 KiB for all headers (KestrelServerLimits); here one may take it all.
_LINE_LIMIT, _HEADER_LIMIT = 8 * 1024, 32 * 1024
# aiohttp waits this long for a handler, and as long again after it has canceled it.
_STOP_SECONDS = 5.0


class Host:
    """One function app, served. `start` before it serves, `stop` ends it; neither may be called twice."""

    def __init__(
        self,
        app_directory: Path,
        configuration: HostConfiguration,
        *,
        keys: AccessKeys,
        enforce_keys: bool,
        base_url: str,
        control_url: str | None = None,
    ) -> None:
        """`base_url` is the origin that is served, `control_url` that of the cloud's control API (None: no cloud)."""
        self._worker = Worker(app_directory)
        self._context = HostContext(
            invoker=Invoker(self._worker, configuration.function_timeout),
            configuration=configuration,
            keys=keys if enforce_keys else None,
            base_url=base_url,
            system_key=keys.system,
            control_url=control_url,
            body_limit=_body_limit(),
        )
        self._http = HttpTrigger(self._context)
        self._listeners: dict[type[TriggerListener], TriggerListener] = {HttpTrigger: self._http}
        self._by_name: dict[str, TriggerListener] = {}
        self._webhooks: dict[str, Handler] = {}
        self._admin: AdminApi | None = None
        self._runner: web.ServerRunner | None = None

    async def start(self, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        """Import the app, then serve it on the bound socket `sock`; StartError if the app cannot be run."""
        functions = await self._worker.start()
        by_name: dict[str, Function] = {}
        for function in functions:
            if function.name.lower() in by_name:
                raise StartError(f"Two functions are called {function.name}; case does not tell them apart.")
            by_name[function.name.lower()] = function
            self._add(function)
        for function in functions:
            self._check_inputs(function)
        for listener in self._listeners.values():
            self._webhooks |= listener.webhooks()
        self._admin = AdminApi(by_name, self._context, self._run_now)
        server = web.Server(
            self._handle,
            request_factory=self._make_request,
            access_log=None,
            auto_decompress=False,  # the host hands on the body as it came
            max_line_size=_LINE_LIMIT,
            max_field_size=_HEADER_LIMIT,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_STOP_SECONDS)
        await self._runner.setup()
        await web.SockSite(self._runner, sock, ssl_context=tls, backlog=512).start()
        for listener in self._listeners.values():
            await listener.start()

    async def stop(self) -> None:
        """Stop listening, give what runs a bounded time, and let the worker go."""
        await asyncio.gather(*(listener.stop() for listener in self._listeners.values()))
        if self._runner is not None:
            await asyncio.gather(self._runner.cleanup(), self._context.invoker.drain(_STOP_SECONDS))
        for listener in self._listeners.values():
            await listener.close()
        self._worker.stop()

    def facts(self) -> dict[str, object]:
        """Return what the process that started this one may want to know: of each listener, and `functions`."""
        facts: dict[str, object] = {"functions": self.http_functions()}
        for listener in self._listeners.values():
            facts |= listener.facts()
        return facts

    def http_functions(self) -> list[dict[str, object]]:
        """Return name, URL template and methods (empty: all) of each HTTP function, in the order of matching."""
        return [
            {
                "name": route.function.name,
                "url": f"{self._context.base_url}/{route.template.text}",
                "methods": sorted(route.methods or ()),
            }
            for route in self._http.routes
        ]

    def _add(self, function: Function) -> None:
        listener = self._listener(function.trigger.type)
        if listener is None:
            _log.warning(
                "This host does not run triggers of type %s: the function %s is indexed only.",
                function.trigger.type,
                function.name,
            )
            return
        listener.add(function)
        self._by_name[function.name] = listener

    def _check_inputs(self, function: Function) -> None:
        for binding in function.inputs:
            self._listener(binding.type)
            if function.name in self._by_name and binding.type.lower() not in self._context.invoker.input_providers:
                _log.warning(
                    "This host does not supply bindings of type %s: calls of the function %s will fail.",
                    binding.type,
                    function.name,
                )

    def _listener(self, binding_type: str) -> "TriggerListener | None":
        kind = listener_class(binding_type)
        if kind is None:
            return None
        if kind not in self._listeners:
            self._listeners[kind] = kind(self._context)
        return self._listeners[kind]

    def _run_now(self, function: Function, value: str) -> bool:
        listener = self._by_name.get(function.name)
        if listener is None:
            return False
        listener.run_now(function, value)
        return True

    def _make_request(self, *arguments: Any) -> web.BaseRequest:
        message, payload, protocol, writer, task = arguments
        loop, limit = asyncio.get_running_loop(), self._context.body_limit
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=limit)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            target = parse_target(request.raw_path)
            http_messages.check_headers(request)
            response = await self._dispatch(request, target)
        except (BadTarget, http_messages.BadRequest, RequestPayloadError):
            response = web.Response(status=400)
        except ConnectionError:
            raise
        except Exception:  # noqa: BLE001 - whatever the host does wrong, it goes on serving
            _log.exception("The host failed to handle a request")
            response = web.Response(status=500)
        response.headers.setdefault("Server", "emulator")
        return response

    async def _dispatch(self, request: web.BaseRequest, target: RequestTarget) -> web.Response:
        first = target.segments[0].lower()
        if first == "admin" and self._admin is not None:
            return await self._admin.handle(request, target)
        if first == "runtime":
            return await self._webhook(request, target)
        return await self._http.handle(request, target)

    async def _webhook(self, request: web.BaseRequest, target: RequestTarget) -> web.Response:
        path = [segment.lower() for segment in target.segments]
        handler = self._webhooks.get(path[2]) if path[1:2] == ["webhooks"] and len(path) > 2 else None
        if handler is None:
            return web.Response(status=404)
        keys = self._context.keys
        if keys is not None and not keys.allow("system", presented_key(request, target)):
            return web.Response(status=401)
        return await handler(request, target)


def _body_limit() -> int:
    text = os.environ.get("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT") or str(_BODY_LIMIT)
    if not text.isdecimal():
        raise StartError("FUNCTIONS_REQUEST_BODY_SIZE_LIMIT must be a number of bytes.")
    return int(text)
