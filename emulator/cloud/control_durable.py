"""`/_control/durable`: orchestrations and entities of the app, and the faults of its activities.

Orchestrations live where the app runs, not in the cloud: whoever runs both plugs in a Durable.
"""

import re
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import unquote

from aiohttp import web

from emulator.cloud.control_requests import ControlError, Methods, json_object
from emulator.cloud.faults import Faults

_TERMINATE = re.compile(r"/_control/durable/(?P<id>[^/]+)/terminate")


class Durable(Protocol):
    """The durable engine of the app's host."""

    async def state(self) -> Mapping[str, object]:
        """Return `{"instances": [...], "entities": [...]}`, ready for JSON."""
        ...

    async def terminate(self, instance_id: str) -> bool:
        """Terminate an orchestration; False when there is none with that id."""
        ...

    async def purge(self) -> None:
        """Forget every orchestration, running ones too, every entity and every timer."""
        ...


class DurableRoutes:
    """Answers for `durable` (None: no engine, 404) and hands out the activities' faults."""

    def __init__(self, durable: Durable | None, faults: Faults) -> None:
        self._durable = durable
        self._faults = faults
        self.methods: Methods = {"GET": self._state, "DELETE": self._purge}
        self.take_methods: Methods = {"POST": self._take}
        self._terminate_methods: Methods = {"POST": self._terminate}

    def methods_of_instance(self, raw_path: str) -> Methods | None:
        """Return what can be done at a path that names an instance; None: it names none."""
        return None if _TERMINATE.fullmatch(raw_path) is None else self._terminate_methods

    async def _state(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response(dict(await self._engine().state()))

    async def _purge(self, _request: web.BaseRequest) -> web.Response:
        await self._engine().purge()
        return web.Response(status=204)

    async def _terminate(self, request: web.BaseRequest) -> web.Response:
        match = _TERMINATE.fullmatch(request.rel_url.raw_path.rstrip("/"))
        if match is None or not await self._engine().terminate(unquote(match["id"])):
            raise ControlError(404, "There is no orchestration with that id.")
        # As the durable HTTP API answers: the termination is on its way.
        return web.Response(status=202)

    async def _take(self, request: web.BaseRequest) -> web.Response:
        fault = self._faults.take("durable", (await json_object(request, "operation")).string("operation"))
        return web.json_response(None if fault is None else fault.as_json())

    def _engine(self) -> Durable:
        if self._durable is None:
            raise ControlError(404, "No durable engine is plugged in: this cloud runs without the app's host.")
        return self._durable
