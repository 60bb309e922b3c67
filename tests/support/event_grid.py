"""Publishing to the emulated Event Grid, events to publish, and a webhook that takes what is delivered."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from aiohttp import web

from emulator.cloud.addresses import listen, port_of
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import SYSTEM_ASSIGNED, Identity
from tests.support.cloud import Answer, Http

AUDIENCE = "https://eventgrid.azure.net"
Event = dict[str, object]


def event_grid_event(**members: object) -> Event:
    """Return an event in Event Grid's schema, as a publisher sends it."""
    return {
        "id": "event-1",
        "subject": "a subject",
        "eventType": "Some.Type",
        "eventTime": "2026-01-02T03:04:05.1234567Z",
        "data": {"a": 1},
        "dataVersion": "1",
        **members,
    }


def cloud_event(**members: object) -> Event:
    """Return a CloudEvent, as a publisher sends it."""
    return {
        "specversion": "1.0",
        "id": "event-1",
        "source": "/a/source",
        "type": "Some.Type",
        "time": "2026-01-02T03:04:05Z",
        "data": {"a": 1},
        **members,
    }


class Publisher:
    """Plain requests to the topic, with a good token of an identity unless told otherwise."""

    def __init__(self, cloud: Cloud, http: Http, identity: Identity = SYSTEM_ASSIGNED) -> None:
        self._cloud = cloud
        self._http = http
        self.token = cloud.tokens.issue(AUDIENCE, identity).value

    async def send(
        self,
        body: object,
        content_type: str = "application/json; charset=utf-8",
        *,
        method: str = "POST",
        query: str = "?api-version=2018-01-01",
        authorization: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request; `authorization` "" is the good one, None sends none; bytes go as they are."""
        sent = {"Content-Type": content_type, **(headers or {})}
        if authorization is not None:
            sent["Authorization"] = authorization or f"Bearer {self.token}"
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self._http.send(method, f"{self._cloud.topic_url}{query}", headers=sent, data=data)


class Receiver:
    """What came to a webhook, in its order: headers in lower case, and bodies.

    Each request is answered with the next of `statuses`, then with 202. `gate` lets no request through while it is
    cleared.
    """

    def __init__(self) -> None:
        self.url = ""
        self.statuses: list[int] = []
        self.headers: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.bodies: list[Any] = []
        self.gate = asyncio.Event()
        self.gate.set()

    @property
    def ids(self) -> list[str]:
        """The ids of the events, in the order of their arrival."""
        return [(body[0] if isinstance(body, list) else body)["id"] for body in self.bodies]

    async def handle(self, request: web.BaseRequest) -> web.Response:
        """Take one request."""
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.queries.append(dict(request.rel_url.query))
        self.bodies.append(json.loads(await request.read()))
        status = self.statuses.pop(0) if self.statuses else 202
        await self.gate.wait()
        return web.Response(status=status)


@contextlib.asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """Run a webhook on a free port; on leaving, its port and connections are closed."""
    receiver = Receiver()
    runner = web.ServerRunner(web.Server(receiver.handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    bound = listen(0)
    try:
        receiver.url = f"http://127.0.0.1:{port_of(bound)}/runtime/webhooks/eventgrid?functionName=on_event"
        await web.SockSite(runner, bound).start()
        yield receiver
    finally:
        receiver.gate.set()
        await runner.cleanup()
