"""Durable Functions' HTTP API, below /runtime/webhooks/durabletask: which path is what.

Paths, statuses and bodies are those of Azure/azure-functions-durable-extension, HttpApiHandler.cs. The query's
taskHub and connection are not looked at: there is one task hub. `timeout` and `pollingInterval` of a start are not
either: the answer comes at once, as it may in Azure.
"""

from collections.abc import Callable, Mapping

import grpc
from aiohttp import web

from emulator.host.durable_engine import Engine, Refused
from emulator.host.durable_http_entities import EntitiesApi
from emulator.host.durable_http_instances import InstancesApi
from emulator.host.durable_query import Query
from emulator.host.request_target import RequestTarget

_STATUS_OF = {
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.FAILED_PRECONDITION: 410,
    grpc.StatusCode.ALREADY_EXISTS: 409,
}


class DurableHttpApi:
    """Answers the requests; the host has checked the key."""

    def __init__(self, engine: Engine, links: Callable[[str], Mapping[str, str]]) -> None:
        """`links` makes the URLs of an instance, by their names, out of its id."""
        self._instances = InstancesApi(engine, links)
        self._entities = EntitiesApi(engine)

    async def handle(self, request: web.BaseRequest, target: RequestTarget) -> web.Response:
        """Answer one request."""
        path = [segment for segment in target.segments[3:] if segment]
        query = Query(target.query)
        try:
            match path[:1]:
                case [first] if first.lower() == "instances":
                    return await self._of_instances(request, query, path[1:])
                case [first] if first.lower() == "entities":
                    return await self._of_entities(request, query, path[1:])
                case [first] if first.lower() == "orchestrators" and request.method == "POST" and len(path) in {2, 3}:
                    return await self._instances.start(request, path[1], "".join(path[2:]))
                case _:
                    return web.Response(status=404)
        except web.HTTPRequestEntityTooLarge:
            return web.Response(status=413)
        except Refused as error:
            return web.Response(status=_STATUS_OF.get(error.code, 500), text=error.details)

    async def _of_instances(self, request: web.BaseRequest, query: Query, path: list[str]) -> web.Response:
        match request.method, path:
            case "GET", []:
                return self._instances.list(query, request.headers.get("x-ms-continuation-token", ""))
            case "DELETE", []:
                return self._instances.purge_by_filter(query)
            case "GET", [instance_id]:
                return self._instances.status(request, query, instance_id)
            case "DELETE", [instance_id]:
                return self._instances.purge(instance_id)
            case "POST", [instance_id, operation, event] if operation.lower() == "raiseevent":
                return await self._instances.raise_event(request, instance_id, event)
            case "POST", [instance_id, operation]:
                return self._instances.change(query, instance_id, operation.lower())
            case _:
                return web.Response(status=404)

    async def _of_entities(self, request: web.BaseRequest, query: Query, path: list[str]) -> web.Response:
        match request.method, path:
            case "GET", [] | [_]:
                return self._entities.list(query, "".join(path))
            case "GET", [name, key]:
                return self._entities.read(name, key)
            case "POST", [name, key]:
                return await self._entities.signal(request, query.text("op"), name, key)
            case "DELETE", [name, key]:
                return await self._entities.signal(request, "delete", name, key)
            case _:
                return web.Response(status=404)
