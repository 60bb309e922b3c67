"""The host's admin API, below /admin: run a function now, list functions, tell the host's state.

https://learn.microsoft.com/azure/azure-functions/functions-manually-run-non-http; azure-functions-host, HostController
and FunctionsController.
"""

import json
import os
import platform
import time
import uuid
from collections.abc import Callable, Mapping
from typing import cast

from aiohttp import web

from emulator.host.functions import Function
from emulator.host.http_trigger import presented_key, read_body
from emulator.host.request_target import RequestTarget
from emulator.host.triggers import HostContext
from emulator.host.worker import HOST_VERSION

type Runner = Callable[[Function, str], bool]


class AdminApi:
    """Answers requests below /admin. `run` starts a function with an input, False if this host cannot run it."""

    def __init__(self, functions: Mapping[str, Function], context: HostContext, run: Runner) -> None:
        """`functions` are keyed by lower-cased name."""
        self._functions = functions
        self._run = run
        self._context = context
        self._instance = uuid.uuid4().hex
        self._started = time.monotonic()

    async def handle(self, request: web.BaseRequest, target: RequestTarget) -> web.Response:
        """Answer one request; the master key opens it where keys are enforced."""
        match [segment.lower() for segment in target.segments[1:] if segment]:
            case ["host", "ping"]:
                # Open to all, as HostController leaves it: load balancers ask it.
                return _only(request, "GET", "POST") or web.Response()
            case ["host", "status"]:
                return self._refuse(request, target, "GET") or web.json_response(self._status())
            case ["functions"]:
                listed = [self._describe(function) for function in self._functions.values()]
                return self._refuse(request, target, "GET") or web.json_response(listed)
            case ["functions", name]:
                function = self._functions.get(name)
                if function is None:
                    return self._refuse(request, target, "GET", "POST") or web.Response(status=404)
                refusal = self._refuse(request, target, "GET", "POST")
                if refusal is not None:
                    return refusal
                if request.method == "GET":
                    return web.json_response(self._describe(function))
                return await self._run_function(request, function)
            case _:
                return web.Response(status=404)

    def _refuse(self, request: web.BaseRequest, target: RequestTarget, *methods: str) -> web.Response | None:
        keys = self._context.keys
        if keys is not None and not keys.allow("admin", presented_key(request, target)):
            return web.Response(status=401)
        return _only(request, *methods)

    async def _run_function(self, request: web.BaseRequest, function: Function) -> web.Response:
        body = await read_body(request, self._context.body_limit)
        if body is None:
            return web.Response(status=413)
        value = ""
        if body.strip():
            try:
                invocation: object = json.loads(body)
            except ValueError:
                return _bad_request("The body is not JSON.")
            given = cast("dict[str, object]", invocation).get("input") if isinstance(invocation, dict) else invocation
            if not isinstance(invocation, dict) or not isinstance(given, str | None):
                return _bad_request('The body must be a JSON object such as {"input": "text"}.')
            value = given or ""
        if not self._run(function, value):
            return _bad_request(f"This host does not run triggers of type {function.trigger.type}.")
        return web.Response(status=202)

    def _status(self) -> dict[str, object]:
        return {
            "id": f"{platform.node()}-{os.getpid()}".lower(),
            "state": "Running",
            "version": HOST_VERSION,
            "versionDetails": f"{HOST_VERSION} (emulated)",
            "instanceId": self._instance,
            "computerName": platform.node(),
            "processUptime": int((time.monotonic() - self._started) * 1000),
        }

    def _describe(self, function: Function) -> dict[str, object]:
        return {
            "name": function.name,
            "href": f"{self._context.base_url}/admin/functions/{function.name}",
            "config": {"name": function.name, "bindings": [dict(b.properties) for b in function.bindings]},
            "isDisabled": False,
            "language": "python",
        }


def _only(request: web.BaseRequest, *methods: str) -> web.Response | None:
    if request.method in methods:
        return None
    return web.Response(status=405, headers={"Allow": ", ".join(methods)})


def _bad_request(message: str) -> web.Response:
    return web.Response(status=400, text=message)
