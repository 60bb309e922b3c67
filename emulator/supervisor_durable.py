"""The state of the app's orchestrations and entities, for the control API."""

import asyncio
import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.durable_view import DurableView


class DurableState:
    """Looks into the durable engine in the host's process. As long as none is connected, there is nothing in it."""

    def __init__(self) -> None:
        self._address = ""
        self._view: DurableView | None = None
        self._opening = asyncio.Lock()

    def connect(self, address: str) -> None:
        """Tell where the engine is: host:port of its gRPC."""
        self._address = address

    async def state(self) -> Mapping[str, object]:
        """Return `{"instances": [...], "entities": [...]}`, ready for JSON; what is in them: see DurableView."""
        view = await self._open()
        if view is None:
            return {"instances": [], "entities": []}
        return {"instances": await view.instances(), "entities": await view.entities()}

    async def terminate(self, instance_id: str) -> bool:
        """Terminate an instance, which ends a moment later; False if there is none. One that has ended stays so."""
        view = await self._open()
        return view is not None and await view.terminate(instance_id)

    async def purge(self) -> None:
        """Forget every instance, entity and timer; see DurableView."""
        view = await self._open()
        if view is not None:
            await view.purge()

    async def close(self) -> None:
        """Close the connection."""
        if self._view is not None:
            await self._view.close()

    async def _open(self) -> "DurableView | None":
        async with self._opening:
            if self._view is None and self._address:
                # In a thread and at first need: gRPC takes long to import, and the cloud must go on to serve.
                module = await asyncio.to_thread(importlib.import_module, "emulator.durable_view")
                view: DurableView = module.DurableView(self._address)
                self._view = view
        return self._view
