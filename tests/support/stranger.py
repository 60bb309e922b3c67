"""A server over TLS, under the cloud's authority, that is none of Azure's."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from aiohttp import web

from emulator.cloud.addresses import listen, port_of
from emulator.cloud.cloud import Cloud


@contextlib.asynccontextmanager
async def stranger(
    cloud: Cloud, answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
) -> AsyncGenerator[tuple[str, list[str]]]:
    """Serve on a free port; give the server's origin, and the paths that were asked for so far."""
    paths: list[str] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        paths.append(request.path)
        await request.read()
        return await answer(request)

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    bound = listen(0)
    try:
        await web.SockSite(runner, bound, ssl_context=cloud.authority.server_context()).start()
        yield f"https://localhost:{port_of(bound)}", paths
    finally:
        await runner.cleanup()
