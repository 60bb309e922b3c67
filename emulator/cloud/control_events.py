"""`/_control/events`: what passed through Event Grid, and what a test may do about deliveries."""

import re
from urllib.parse import unquote

from aiohttp import web

from emulator.cloud.control_requests import ControlError, Methods, json_body, json_object
from emulator.cloud.defaults import TOPIC_ID
from emulator.cloud.event_grid_delivery import Delivery
from emulator.cloud.event_grid_schemas import any_event
from emulator.cloud.json_values import Json

_REDELIVER = re.compile(r"/_control/events/(?P<id>[^/]+)/redeliver")


class EventRoutes:
    """Shows and changes what `delivery` does."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        self.methods: Methods = {"GET": self._list, "POST": self._publish}
        self.delivery_methods: Methods = {"GET": self._state, "PUT": self._set_state}
        self._redeliver_methods: Methods = {"POST": self._redeliver}

    def methods_of_event(self, raw_path: str) -> Methods | None:
        """Return what can be done at a path that names an event; None: it names none."""
        return None if _REDELIVER.fullmatch(raw_path) is None else self._redeliver_methods

    async def _list(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response([each.as_json() for each in self._delivery.records.all()])

    async def _publish(self, request: web.BaseRequest) -> web.Response:
        body = await json_body(request)
        is_array = isinstance(body, list)
        given = Json(body, "the body")
        # All are checked before the first goes out.
        events = [any_event(each, TOPIC_ID) for each in (given.items() if is_array else [given])]
        shown = [self._delivery.publish(each).as_json() for each in events]
        return web.json_response(shown if is_array else shown[0], status=201)

    async def _redeliver(self, request: web.BaseRequest) -> web.Response:
        match = _REDELIVER.fullmatch(request.rel_url.raw_path.rstrip("/"))
        record = None if match is None else self._delivery.records.find(unquote(match["id"]))
        if record is None:
            raise ControlError(404, "There is no event with that id.")
        if not await self._delivery.redeliver(record):
            raise ControlError(409, "There is no webhook to deliver to.")
        return web.json_response(record.as_json())

    async def _state(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response({"held": self._delivery.is_held})

    async def _set_state(self, request: web.BaseRequest) -> web.Response:
        wanted = await json_object(request, "held")
        if "held" not in wanted.members():
            raise wanted.error("held is missing")
        if wanted.flag("held"):
            self._delivery.hold()
        else:
            self._delivery.release()
        return await self._state(request)
