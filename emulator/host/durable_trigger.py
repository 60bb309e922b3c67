"""Durable Functions: orchestrationTrigger, activityTrigger, entityTrigger and the binding durableClient."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable

import durabletask.internal.orchestrator_service_pb2 as pb

from emulator.host.durable_client import DurableUrls
from emulator.host.durable_engine import Engine
from emulator.host.durable_faults import DurableFaults
from emulator.host.durable_functions import DurableFunctions
from emulator.host.durable_http import DurableHttpApi
from emulator.host.durable_options import read_durable_options
from emulator.host.durable_work import WorkItems
from emulator.host.functions import Function
from emulator.host.triggers import Handler, HostContext, TriggerListener

_log = logging.getLogger("emulator.host.durable")


class DurableTrigger(TriggerListener):
    """Runs the app's durable functions on an engine of this process, whose state ends with it."""

    def __init__(self, context: HostContext) -> None:
        super().__init__(context)
        options = read_durable_options(context.configuration.extensions)
        self._functions = DurableFunctions()
        self._engine = Engine(self._call_later, replace_running=options.replace_running)
        self._faults = DurableFaults(context.control_url)
        self._work = WorkItems(self._engine, context.invoker, self._functions, options, self._faults)
        self._urls = DurableUrls(context.base_url, options.hub_name, context.system_key)
        self._api = DurableHttpApi(self._engine, self._urls.of_instance)
        self._pump = threading.Thread(target=self._pump_items, name="durable work items", daemon=True)
        context.invoker.input_providers["durableclient"] = self._client

    def add(self, function: Function) -> None:
        """Take in an orchestrator, activity or entity function; StartError if there are two of one name."""
        self._functions.add(function)

    def webhooks(self) -> dict[str, Handler]:
        """Return the HTTP API of Durable Functions."""
        return {"durabletask": self._api.handle}

    async def start(self) -> None:
        """Start the engine."""
        # Nothing is awaited: the first request, which the server may have accepted already, must find the engine.
        self._loop = asyncio.get_running_loop()
        self._client_json = self._urls.client_json(self._engine.start())
        self._pump.start()

    def facts(self) -> dict[str, object]:
        """Return where the engine is, for whoever looks into its state."""
        return {"durableEngine": self._engine.address}

    async def stop(self) -> None:
        """Begin no more work items."""
        self._work.stop()

    async def close(self) -> None:
        """End the engine; orchestrations that run, and everything that they know, are gone."""
        await self._faults.close()
        if self._pump.is_alive():
            await asyncio.to_thread(self._engine.stop)
            await asyncio.to_thread(self._pump.join)

    def run_now(self, function: Function, value: str) -> None:
        """Log that the admin API cannot run a durable function: its input is the engine's."""
        _log.error("The durable function %s cannot be run by the admin API: start an orchestration.", function.name)

    def _client(self, _function: Function, _binding: object) -> object:
        return self.context.invoker.protos.TypedData(string=self._client_json)

    def _pump_items(self) -> None:
        while self._engine.is_open:  # the stream ends by itself only after an error, which the engine logs
            for item in self._engine.GetWorkItems(pb.GetWorkItemsRequest(), self._engine.local_call()):
                with contextlib.suppress(RuntimeError):  # the loop is closed: the host has ended
                    self._loop.call_soon_threadsafe(self._work.take, item)

    def _call_later(self, seconds: float, action: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: the host has ended
            self._loop.call_soon_threadsafe(self._loop.call_later, seconds, action)
