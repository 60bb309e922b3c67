"""A service's port: serves HTTP on it, and can refuse connections or present an untrusted certificate."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable

from aiohttp import web

from emulator.cloud.addresses import bind, port_of
from emulator.cloud.faults import ConnectionFault, Rule

_BACKLOG = 512
_SHUTDOWN_SECONDS = 1.0
# SO_LINGER with a timeout of zero: closing sends a reset instead of an orderly end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Listener:
    """Serves `handler` on a socket that is bound already; TLS when contexts are given."""

    def __init__(
        self,
        bound: socket.socket,
        handler: Handler,
        *,
        context: ssl.SSLContext | None = None,
        untrusted_context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._socket = bound
        self._port = port_of(bound)
        self._handler = handler
        self._context = context
        self._untrusted_context = untrusted_context
        self._http: web.Server | None = None
        # The last one accepts connections; earlier ones may still have some from before a recovery.
        self._servers: list[asyncio.Server] = []
        self._rule: Rule | None = None
        self._recoveries: set[asyncio.Task[None]] = set()
        self._requests: set[asyncio.Task[object]] = set()

    async def start(self) -> None:
        """Begin to serve."""
        # The services write their own line a request; aiohttp's access log would repeat it.
        self._http = web.Server(self._handle, access_log=None, keepalive_timeout=75.0)
        await self._serve()

    async def apply(self, rule: Rule | None) -> None:
        """Go by a rule for connections, or serve normally (None); drops the connections there are on a change."""
        if rule is self._rule:
            return
        self._rule = rule
        await self._stop_accepting()
        # The port stays ours: a socket that is bound and does not listen refuses connections.
        self._socket = bind(self._port)
        await self._drop_connections()
        await self._serve()

    def drop_requests(self) -> None:
        """Cancel the requests under way and close their connections; what they had not done yet is not done."""
        for request in self._requests:
            request.cancel()

    async def stop(self) -> None:
        """Stop serving, cancel what is under way and close every connection."""
        for task in self._recoveries:
            task.cancel()
        await self._stop_accepting()
        await self._drop_connections()
        if self._http is not None:
            # Everything is cancelled and aborted by now; the time limit is for what cannot be foreseen.
            await self._http.shutdown(_SHUTDOWN_SECONDS)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a handler runs in a task")
        self._requests.add(task)
        try:
            return await self._handler(request)
        finally:
            self._requests.discard(task)

    async def _stop_accepting(self) -> None:
        # asyncio finishes accepting in the loop's next turn, and loses the connection if the server is closed by then.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().remove_reader(self._socket)
        await asyncio.sleep(0)
        for server in self._servers:
            server.close()
        self._socket.close()

    async def _drop_connections(self) -> None:
        requests = list(self._requests)
        self.drop_requests()
        for server in self._servers:
            server.abort_clients()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        if requests:
            await asyncio.wait(requests)

    async def _serve(self) -> None:
        rule, factory, context = self._rule, self._http, self._context
        if rule is not None:
            if rule.fault == ConnectionFault("refuse"):
                if rule.times is None:
                    return
                factory, context = self._refusing, None
            elif self._untrusted_context is not None:
                factory, context = self._distrusted, self._untrusted_context()
        if factory is None:
            return
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(factory, sock=self._socket, ssl=context, backlog=_BACKLOG))

    def _refusing(self) -> asyncio.Protocol:
        self._count()
        return _Refusing()

    def _distrusted(self) -> asyncio.Protocol:
        self._count()
        if self._http is None:
            raise RuntimeError("not started")
        return self._http()

    def _count(self) -> None:
        """Count a connection; the last one of a rule brings the service back."""
        # Several connections may be accepted at once, before the port changes; the rule is used up only once.
        if self._rule is None or self._rule.times == 0:
            return
        self._rule.use()
        if self._rule.times == 0:
            task = asyncio.ensure_future(self._recover(self._rule))
            self._recoveries.add(task)
            task.add_done_callback(self._recoveries.discard)

    async def _recover(self, used_up: Rule) -> None:
        if self._rule is used_up:
            self._rule = None
            # The connection that was counted last goes on to its end; only new ones are served again.
            await self._stop_accepting()
            self._socket = bind(self._port)
            await self._serve()


class _Refusing(asyncio.Protocol):
    """Resets each connection. A port that does not listen cannot count whom it refuses; this can."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.close()
