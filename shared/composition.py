"""Puts the parts together: the settings, the clients of this process and the use cases that they serve."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from shared.regeneration import Regenerator
from shared.settings import Settings, settings

if TYPE_CHECKING:
    from shared.azure_clients.credential import Credential
    from shared.azure_clients.management import Management


async def regenerator() -> Regenerator:
    """Return the use case, on the clients of this event loop, which are made at the first call.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    configured = settings()
    return Regenerator(keys=await _management(configured), deadline=configured.request_deadline_seconds)


# the worker has one loop, and so one client; the generator that will close it must be held, or it would close at once
_clients: "dict[asyncio.AbstractEventLoop, tuple[Management, AsyncGenerator[None]]]" = {}


async def _management(configured: Settings) -> "Management":
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        # the SDKs take a third of a second to import, and indexing the functions does not need them
        from shared.azure_clients.credential import Credential
        from shared.azure_clients.management import Management

        credential = Credential(configured)
        management = Management(configured, credential)
        closing = _close_with_loop(loop, management, credential)
        _clients[loop] = management, closing
        await anext(closing)
    return _clients[loop][0]


async def _close_with_loop(
    loop: asyncio.AbstractEventLoop, *clients: "Management | Credential"
) -> AsyncGenerator[None]:
    """Close the clients when the event loop ends.

    The Functions worker tells an app nothing of its end. But `asyncio.run`, under which the worker runs, closes
    every asynchronous generator that still waits (`loop.shutdown_asyncgens`), and this one waits for that.
    """
    try:
        yield
    finally:
        del _clients[loop]
        for client in clients:
            await client.close()
