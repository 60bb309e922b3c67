"""`/_control/throttling`: whether ARM counts the writes of a subscription, and how many it lets pass."""

from aiohttp import web

from emulator.cloud.control_requests import Methods, json_object
from emulator.cloud.throttling import CAPACITY, REFILL_PER_SECOND, Limits, Throttling

_MOST = 1_000_000


class ThrottlingRoutes:
    """Shows and changes `throttling`."""

    def __init__(self, throttling: Throttling) -> None:
        self._throttling = throttling
        self.methods: Methods = {"GET": self._show, "PUT": self._change}

    async def _show(self, _request: web.BaseRequest) -> web.Response:
        return web.json_response(self._throttling.as_json())

    async def _change(self, request: web.BaseRequest) -> web.Response:
        wanted = await json_object(request, "enabled", "capacity", "refillPerSecond")
        if "enabled" not in wanted.members():
            raise wanted.error("enabled is missing")
        capacity = wanted.optional_integer("capacity")
        limits = Limits(CAPACITY if capacity is None else capacity, wanted.number("refillPerSecond", REFILL_PER_SECOND))
        if not 1 <= limits.capacity <= _MOST:
            raise wanted.error(f"capacity must be from 1 to {_MOST}")
        # Less than one in a thousand seconds would be a Retry-After that nobody waits for.
        if not 0.001 <= limits.refill_per_second <= _MOST:
            raise wanted.error(f"refillPerSecond must be from 0.001 to {_MOST}")
        if wanted.flag("enabled"):
            self._throttling.switch_on(limits)
        else:
            self._throttling.switch_off()
        return await self._show(request)
