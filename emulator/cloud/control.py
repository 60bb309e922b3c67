"""The control API: what a test or a developer may do to the emulated cloud. JSON over plain HTTP on 127.0.0.1."""

import logging
from collections.abc import Mapping
from typing import Protocol

from aiohttp import web

from emulator.cloud.arm_shapes import host_name
from emulator.cloud.control_durable import Durable, DurableRoutes
from emulator.cloud.control_events import EventRoutes
from emulator.cloud.control_requests import (
    ControlError,
    Methods,
    Route,
    check_origin,
    json_body,
    json_object,
    query_parameter,
)
from emulator.cloud.control_secrets import SecretRoutes
from emulator.cloud.control_throttling import ThrottlingRoutes
from emulator.cloud.event_grid_delivery import Delivery
from emulator.cloud.fault_rules import parse_rules
from emulator.cloud.faults import Faults, Rule
from emulator.cloud.journal import Journal
from emulator.cloud.json_values import Json, JsonError
from emulator.cloud.resource_ids import ResourceId
from emulator.cloud.state import Resource, State
from emulator.cloud.throttling import Throttling
from emulator.cloud.vault import Vault

_log = logging.getLogger("emulator.cloud.control")
_LONGEST_PROPAGATION_SECONDS = 3600.0


class Controlled(Protocol):
    """The cloud, as the control API sees it."""

    @property
    def state(self) -> State:
        """The resources."""
        ...

    @property
    def faults(self) -> Faults:
        """The fault rules in force."""
        ...

    @property
    def throttling(self) -> Throttling:
        """How many writes ARM lets pass."""
        ...

    @property
    def journal(self) -> Journal:
        """The requests so far."""
        ...

    @property
    def vault(self) -> Vault | None:
        """The secrets; None: there is no key vault."""
        ...

    @property
    def durable(self) -> Durable | None:
        """The durable engine of the app's host; None: there is none."""
        ...

    @property
    def delivery(self) -> Delivery:
        """The events, and their delivery to the app."""
        ...

    @property
    def data_plane_url(self) -> str:
        """Origin of the data plane."""
        ...

    def endpoints(self) -> Mapping[str, str | None]:
        """Return every URL and secret that a caller needs, by name."""
        ...

    async def set_faults(self, rules: list[Rule]) -> None:
        """Put these rules in force."""
        ...

    async def reset(self) -> None:
        """Go back to the start."""
        ...


class Control:
    """Answers requests to the control port."""

    def __init__(self, cloud: Controlled) -> None:
        self._cloud = cloud
        self._durable = DurableRoutes(cloud.durable, cloud.faults)
        self._events = EventRoutes(cloud.delivery)
        self._routes: dict[str, Methods] = {
            "/_control/endpoints": {"GET": self._endpoints},
            "/_control/resources": {
                "GET": self._list_resources,
                "POST": self._make_resource,
                "DELETE": self._remove_resource,
            },
            "/_control/secrets": SecretRoutes(cloud.vault).methods,
            "/_control/faults": {"GET": self._list_faults, "PUT": self._put_faults},
            "/_control/throttling": ThrottlingRoutes(cloud.throttling).methods,
            "/_control/requests": {"GET": self._list_requests, "DELETE": self._forget_requests},
            "/_control/events": self._events.methods,
            "/_control/events/delivery": self._events.delivery_methods,
            "/_control/durable": self._durable.methods,
            "/_control/durable/faults/take": self._durable.take_methods,
            "/_control/probe": {"POST": self._probe},
            "/_control/reset": {"POST": self._reset},
        }

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; every error is `{"error": <a sentence>}`."""
        try:
            check_origin(request)
            response = await self._route(request)(request)
        except ControlError as error:
            response = web.json_response({"error": error.message}, status=error.status, headers=error.headers)
        except JsonError as error:
            response = web.json_response({"error": f"{error}."}, status=400)
        response.headers["Cache-Control"] = "no-store"
        _log.debug("%s %s -> %s", request.method, request.rel_url.raw_path, response.status)
        return response

    def _route(self, request: web.BaseRequest) -> Route:
        methods = self._routes.get(request.rel_url.path.rstrip("/"))
        if methods is None:
            path = request.rel_url.raw_path.rstrip("/")
            methods = self._durable.methods_of_instance(path) or self._events.methods_of_event(path)
        if methods is None:
            raise ControlError(404, f"There is no such path; there are: {', '.join(self._routes)}.")
        route = methods.get(request.method)
        if route is None:
            allowed = ", ".join(methods)
            raise ControlError(405, f"This path takes {allowed}.", {"Allow": allowed})
        return route

    async def _endpoints(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response(dict(self._cloud.endpoints()))

    async def _list_resources(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response([self._resource_json(each) for each in self._cloud.state.resources()])

    async def _make_resource(self, request: web.BaseRequest) -> web.Response:
        wanted = await json_object(request, "resourceId", "keyShape", "propagationSeconds", "disableLocalAuth")
        resource_id = _parsed_id(wanted, wanted.string("resourceId"))
        propagation = wanted.number("propagationSeconds", 0.0)
        if not 0 <= propagation <= _LONGEST_PROPAGATION_SECONDS:
            raise wanted.error(f"propagationSeconds must be from 0 to {_LONGEST_PROPAGATION_SECONDS:g}")
        is_new = self._cloud.state.find(resource_id) is None
        resource = self._cloud.state.create(
            resource_id,
            key_shape=wanted.choice("keyShape", ("base64", "cask"), "base64"),
            propagation_seconds=propagation,
            disable_local_auth=wanted.flag("disableLocalAuth"),
        )
        return web.json_response(self._resource_json(resource), status=201 if is_new else 200)

    async def _remove_resource(self, request: web.BaseRequest) -> web.Response:
        given = query_parameter(request, "resourceId")
        if not self._cloud.state.delete(_parsed_id(Json(None, "the query"), given)):
            raise ControlError(404, "There is no resource with that resourceId.")
        return web.Response(status=204)

    async def _list_faults(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response([rule.as_json() for rule in self._cloud.faults.rules()])

    async def _put_faults(self, request: web.BaseRequest) -> web.Response:
        await self._cloud.set_faults(parse_rules(await json_body(request)))
        return await self._list_faults(request)

    async def _list_requests(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response([entry.as_json() for entry in self._cloud.journal.entries()])

    async def _forget_requests(self, _request: web.BaseRequest) -> web.Response:
        self._cloud.journal.clear()
        return web.Response(status=204)

    async def _probe(self, request: web.BaseRequest) -> web.Response:
        wanted = await json_object(request, "resourceId", "key")
        resource_id = _parsed_id(wanted, wanted.string("resourceId"))
        key = wanted.string("key")
        resource = self._cloud.state.find(resource_id)
        if resource is None:
            raise ControlError(404, "There is no resource with that resourceId.")
        return web.json_response({"accepted": self._cloud.state.accepts(resource, key)})

    async def _reset(self, request: web.BaseRequest) -> web.Response:
        if await request.read():
            await json_object(request)
        await self._cloud.reset()
        return web.Response(status=204)

    def _resource_json(self, resource: Resource) -> dict[str, object]:
        return {
            "resourceId": str(resource.id),
            "hostName": host_name(resource, self._cloud.data_plane_url),
            "keys": {"primary": resource.key("Primary"), "secondary": resource.key("Secondary")},
            "issuedKeys": resource.issued,
            "keyShape": resource.key_shape,
            "propagationSeconds": resource.propagation_seconds,
            "disableLocalAuth": resource.disable_local_auth,
        }


def _parsed_id(where: Json, text: str) -> ResourceId:
    try:
        return ResourceId.parse(text)
    except ValueError as error:
        raise where.error(f"resourceId {error}") from None
