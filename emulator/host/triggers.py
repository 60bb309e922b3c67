"""Which module runs which type of trigger, and what such a module offers to the host."""

import importlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.host.access import AccessKeys
from emulator.host.configuration import HostConfiguration
from emulator.host.functions import Function
from emulator.host.invocation import Invoker

if TYPE_CHECKING:
    from aiohttp import web

    from emulator.host.request_target import RequestTarget

# binding type, in lower case -> module:class of the listener that runs triggers, or supplies inputs, of this type.
# A listener for several types stands at each of them.
LISTENERS = {
    "httptrigger": "emulator.host.http_trigger:HttpTrigger",
    "timertrigger": "emulator.host.timer_trigger:TimerTrigger",
    "eventgridtrigger": "emulator.host.event_grid_trigger:EventGridTrigger",
    "orchestrationtrigger": "emulator.host.durable_trigger:DurableTrigger",
    "activitytrigger": "emulator.host.durable_trigger:DurableTrigger",
    "entitytrigger": "emulator.host.durable_trigger:DurableTrigger",
    "durableclient": "emulator.host.durable_trigger:DurableTrigger",
}

type Handler = Callable[["web.BaseRequest", "RequestTarget"], Awaitable["web.Response"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostContext:
    """What a listener may use. `keys` is None while access keys are not enforced; `body_limit` is in bytes.

    `system_key` stands in the URLs of webhooks whether keys are enforced or not. `control_url` is the origin of the
    emulated cloud's control API; None: there is none.
    """

    invoker: Invoker
    configuration: HostConfiguration
    keys: AccessKeys | None
    base_url: str
    system_key: str
    control_url: str | None
    body_limit: int


class TriggerListener(ABC):
    """Runs all functions of one kind of trigger. One instance a host, made when the first function needs it.

    A listener that supplies inputs registers them in `context.invoker.input_providers` when it is made.
    """

    def __init__(self, context: HostContext) -> None:
        self.context = context

    @abstractmethod
    def add(self, function: Function) -> None:
        """Take in a function before the start; StartError if its trigger is malformed."""

    def webhooks(self) -> dict[str, Handler]:
        """Return handlers of paths below /runtime/webhooks, by the path's next segment; the host checks the key."""
        return {}

    async def start(self) -> None:  # noqa: B027 - many listeners have nothing to start
        """Begin to run functions; called once, when the host serves."""

    def facts(self) -> dict[str, object]:
        """Return what the process that started the host may want to know, by name; asked once it serves."""
        return {}

    async def stop(self) -> None:  # noqa: B027 - many listeners have nothing to stop
        """Start no more invocations; those that run go on."""

    async def close(self) -> None:  # noqa: B027 - many listeners have nothing to close
        """Let go of what is left, once nothing runs any more; also after a start that failed."""

    @abstractmethod
    def run_now(self, function: Function, value: str) -> None:
        """Run one function in the background, as the admin API asks; `value` is the given input."""


def listener_class(binding_type: str) -> type[TriggerListener] | None:
    """Return the listener class for a type of binding, in any case, or None if this host knows none."""
    place = LISTENERS.get(binding_type.lower())
    if place is None:
        return None
    module, _, name = place.partition(":")
    # Imported at need: an app without timers should not pay for their parser at each start.
    found: type[TriggerListener] = getattr(importlib.import_module(module), name)
    return found
