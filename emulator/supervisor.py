"""The supervisor: the emulated cloud in this process, the app's host in a child.

The child is started before this process imports anything heavy, so that both start at the same time. It has to be
another process: its trust in the emulator's certificates is read from its environment when it starts.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Mapping

from emulator.cloud.addresses import LOOPBACK, CloudSockets, PortUnavailableError
from emulator.cloud.authority import Authority, ensure_authority
from emulator.cloud.settings import app_settings
from emulator.host.access import AccessKeys
from emulator.host.errors import StartError
from emulator.host.logs import configure_logging, effective_level
from emulator.host.supervision import Confidences
from emulator.supervisor_child import HOST_NOT_STARTED, Child
from emulator.supervisor_durable import DurableState
from emulator.supervisor_options import PROJECT_ROOT, Options, parse_options
from emulator.supervisor_output import cloud_greeting, complain, greeting, ready, say, settings_to_paste, suggestions
from emulator.supervisor_settings import app_environment, local_values

# The function of the app to which the emulated Event Grid delivers.
_EVENT_FUNCTION = "on_event"
# Where a Functions host that was started by somebody else has it.
_WEBHOOK = f"/runtime/webhooks/eventgrid?functionName={_EVENT_FUNCTION}"
_STATE_DIRECTORY = PROJECT_ROOT / ".emulator"


def main(arguments: list[str] | None = None) -> int:
    """Run until told to stop; return the exit code."""
    options = parse_options(arguments)
    try:
        return _start(options)
    except StartError as error:
        complain(str(error))
    except PortUnavailableError as error:
        complain(f"{error.strerror}; choose another with --control-port (0: a free one)")
    return 1


def _start(options: Options) -> int:
    sockets = CloudSockets.bind(options.control_port)
    try:
        authority = ensure_authority(_STATE_DIRECTORY)
    except OSError as error:
        raise StartError(f"The certificates in {_STATE_DIRECTORY} cannot be made: {error}.") from None
    header = secrets.token_hex(16)
    settings = app_settings(sockets, authority, header, key_vault=options.key_vault)
    keys = AccessKeys.random()
    child = None
    if not options.cloud_only:
        environment = app_environment(os.environ, local_values(options.app), settings)
        told = Confidences(keys=keys, control_url=sockets.control_url)
        child = Child(options, environment, told, str(authority.server_certificate_file))
    configure_logging(effective_level(options.log_level, logging.INFO))
    supervisor = _Supervisor(options, sockets, authority, header, child, keys)
    try:
        return asyncio.run(supervisor.run(settings))
    finally:
        # The interpreter ends with the default in place of a handler: one more Ctrl-C would spoil the exit code.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


class _Supervisor:
    """Runs the cloud, and watches the child and the signals."""

    def __init__(
        self,
        options: Options,
        sockets: CloudSockets,
        authority: Authority,
        identity_header: str,
        child: Child | None,
        keys: AccessKeys,
    ) -> None:
        # Imported here: the child starts meanwhile.
        from emulator.cloud.cloud import Cloud

        self._options = options
        self._child = child
        self._keys = keys
        self._ca_file = authority.ca_file
        self._endpoints: dict[str, str | None] = {"app": None, "webhook": None}
        if child is not None:
            self._endpoints |= {
                "functionKey": keys.function,
                "systemKey": keys.system,
                "masterKey": keys.master,
            }
        self._durable = DurableState()
        self._cloud = Cloud(
            sockets=sockets,
            authority=authority,
            identity_header=identity_header,
            app_endpoints=self._endpoints,
            key_vault=options.key_vault,
            durable=None if child is None else self._durable,
        )

    async def run(self, settings: dict[str, str]) -> int:
        """Serve until a signal comes or the child ends; `settings` are shown if there is no child."""
        loop = asyncio.get_running_loop()
        self._told_to_stop: asyncio.Future[int] = loop.create_future()

        def hand_over(number: int, _frame: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: all is stopping anyway
                loop.call_soon_threadsafe(self._on_signal, number)

        # Not the loop's own handlers: those are gone when it closes, and a further Ctrl-C would meet the exit.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, hand_over)
        if self._child is not None:
            self._child.watch()
        try:
            await self._cloud.start()
            return await (self._serve_alone(settings) if self._child is None else self._serve(self._child))
        finally:
            # Else it would go on to deliver to a host that is about to go.
            self._cloud.delivery.disconnect()
            if self._child is not None:
                await self._child.stop()
                self._child.close()
            await self._cloud.stop()
            await self._durable.close()

    def _connect_events(self, webhooks: Mapping[str, str]) -> None:
        """Deliver events to the app, if it has a function for them; the URL is shown without the key, as ever."""
        webhook = webhooks.get(_EVENT_FUNCTION)
        if webhook is not None:
            self._endpoints["webhook"] = webhook
            self._cloud.delivery.connect(webhook, self._keys.system)

    def _on_signal(self, number: int) -> None:
        if not self._told_to_stop.done():
            self._told_to_stop.set_result(number)
        elif self._child is not None:
            self._child.kill()  # asked twice: now

    async def _serve_alone(self, settings: dict[str, str]) -> int:
        app_url = f"http://{LOOPBACK}:{self._options.port}" if self._options.port else None
        if app_url is not None:
            # Until the app is there the events are tried again, as by the real one.
            self._endpoints["app"] = app_url
            self._connect_events({_EVENT_FUNCTION: app_url + _WEBHOOK})
        say([*settings_to_paste(settings), *cloud_greeting(self._cloud.control_url, app_url), ready()])
        await self._told_to_stop
        return 0

    async def _serve(self, child: Child) -> int:
        await asyncio.wait((child.ready, child.ended, self._told_to_stop), return_when=asyncio.FIRST_COMPLETED)
        if self._told_to_stop.done():
            return 128 + self._told_to_stop.result()
        if child.ready.done():
            facts = child.ready.result()
            self._endpoints["app"] = facts["url"]
            self._durable.connect(facts.get("durableEngine", ""))
            self._connect_events(facts.get("eventGridWebhooks", {}))
            key = self._keys.function if self._options.auth else None
            ca_file = self._ca_file if self._options.https else None
            control_url = self._cloud.control_url
            say(
                [
                    *greeting(self._options.app, facts, control_url),
                    ready(),
                    *suggestions(facts, control_url, key=key, ca_file=ca_file),
                ]
            )
            await asyncio.wait((child.ended, self._told_to_stop), return_when=asyncio.FIRST_COMPLETED)
            if self._told_to_stop.done():
                return 0
        code = await child.exit_code()
        if code != HOST_NOT_STARTED:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            complain(f"the process of the app {how}")
        return 1
