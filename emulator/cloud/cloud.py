"""The emulated cloud: every service, started and stopped together."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from functools import cached_property

from emulator.cloud.addresses import CloudSockets
from emulator.cloud.arm import Arm
from emulator.cloud.authority import Authority
from emulator.cloud.control import Control
from emulator.cloud.control_durable import Durable
from emulator.cloud.data_plane import DataPlane
from emulator.cloud.defaults import RESOURCE_ID, SYSTEM_ASSIGNED
from emulator.cloud.event_grid import EventGridTopic
from emulator.cloud.event_grid_delivery import Delivery
from emulator.cloud.event_grid_key_vault import KeyVaultEvents
from emulator.cloud.faults import Faults, Rule
from emulator.cloud.first_secret import NAME as FIRST_SECRET
from emulator.cloud.first_secret import first_secret
from emulator.cloud.identity import IdentityEndpoint
from emulator.cloud.journal import Journal
from emulator.cloud.key_vault import KeyVault
from emulator.cloud.listener import Listener
from emulator.cloud.resource_ids import ResourceId
from emulator.cloud.state import State
from emulator.cloud.throttling import Throttling
from emulator.cloud.tokens import Tokens
from emulator.cloud.vault import Vault

# What the app's host may add to the endpoints; null as long as it does not.
_APP_ENDPOINTS = ("app", "webhook", "functionKey", "systemKey")
# How often the vault is looked through for secrets that are near their expiry.
_EXPIRY_SECONDS = 1.0


class Cloud:
    """Serves on `sockets` (bound already, and closed by `stop`) with the certificate of `authority`.

    `identity_header` is the secret that the managed identity endpoint demands (settings.app_settings gives it to the
    app). `app_endpoints` is shown in `/_control/endpoints` and read anew each time. Without `key_vault` there is no
    vault: nothing answers at its port. `durable` is the engine behind `/_control/durable`. `state`, `vault`, `faults`,
    `journal` and `delivery` may be read and changed from the loop that the cloud runs on.
    """

    def __init__(
        self,
        *,
        sockets: CloudSockets,
        authority: Authority,
        identity_header: str,
        app_endpoints: Mapping[str, str | None] | None = None,
        key_vault: bool = True,
        durable: Durable | None = None,
    ) -> None:
        self.sockets = sockets
        self.authority = authority
        self.identity_header = identity_header
        self.state = State()
        self.vault = Vault() if key_vault else None
        self.durable = durable
        self.tokens = Tokens()
        self.faults = Faults()
        self.throttling = Throttling()
        self.journal = Journal()
        self.delivery = Delivery(self.faults, authority.ca_file)
        self._app_endpoints: Mapping[str, str | None] = {} if app_endpoints is None else app_endpoints
        # The URLs outlive the sockets, which are closed and opened again by faults.
        self.arm_url = sockets.arm_url
        self.data_plane_url = sockets.data_plane_url
        self.key_vault_url = sockets.key_vault_url if key_vault else None
        self.topic_url = sockets.topic_url
        self.identity_url = sockets.identity_url
        self.control_url = sockets.control_url
        self._listeners: dict[str, Listener] = {}
        self._expiry_watch: asyncio.Task[None] | None = None
        self._publish_first_secret()

    @cached_property
    def token(self) -> str:
        """A bearer token that ARM accepts, for trying things out by hand; it lives 24 hours."""
        return self.tokens.issue(self.arm_url, SYSTEM_ASSIGNED).value

    async def start(self) -> None:
        """Begin to serve; when it returns, every port answers."""
        context = self.authority.server_context()
        untrusted = self.authority.untrusted_server_context
        arm = Arm(
            state=self.state,
            tokens=self.tokens,
            journal=self.journal,
            faults=self.faults,
            throttling=self.throttling,
            arm_url=self.arm_url,
            data_plane_url=self.data_plane_url,
            publish=self.delivery.publish,
        )
        data_plane = DataPlane(state=self.state, journal=self.journal, faults=self.faults)
        identity = IdentityEndpoint(
            tokens=self.tokens, journal=self.journal, faults=self.faults, header=self.identity_header
        )
        topic = EventGridTopic(
            tokens=self.tokens, journal=self.journal, faults=self.faults, publish=self.delivery.publish_from_app
        )
        sockets = self.sockets
        # By the names of services in fault rules; the control API has no faults.
        self._listeners = {
            "arm": Listener(sockets.arm, arm.handle, context=context, untrusted_context=untrusted),
            "communication": Listener(
                sockets.data_plane, data_plane.handle, context=context, untrusted_context=untrusted
            ),
            "eventgrid": Listener(sockets.event_grid, topic.handle, context=context, untrusted_context=untrusted),
            "identity": Listener(sockets.identity, identity.handle),
            "control": Listener(sockets.control, Control(self).handle),
        }
        if self.vault is None or self.key_vault_url is None:
            # A bound port queues connections that nobody would ever answer; a closed one refuses them.
            sockets.key_vault.close()
        else:
            key_vault = KeyVault(
                vault=self.vault,
                tokens=self.tokens,
                journal=self.journal,
                faults=self.faults,
                url=self.key_vault_url,
            )
            self._listeners["keyvault"] = Listener(
                sockets.key_vault, key_vault.handle, context=context, untrusted_context=untrusted
            )
            events = KeyVaultEvents(self.vault, self.key_vault_url, self.delivery.publish)
            self.vault.on_new_version = events.on_new_version
            self._expiry_watch = asyncio.create_task(_watch(events), name="expiry watch")
        for listener in self._listeners.values():
            await listener.start()

    async def stop(self) -> None:
        """Stop serving, drop every connection and close the sockets; also after a start that failed."""
        if self._expiry_watch is not None:
            self._expiry_watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._expiry_watch
            self._expiry_watch = None
        await self.delivery.close()
        for listener in self._listeners.values():
            await listener.stop()
        self._listeners = {}
        self.sockets.close()

    async def reset(self) -> None:
        """Go back to the start: one resource with new keys, its secret, no faults, journal, events; nothing under way.

        Tokens stay valid: an app that runs on holds one in its cache, as it would in Azure.
        """
        await self.set_faults([])
        self.throttling.switch_off()
        for service, listener in self._listeners.items():
            # A request that waits out a delay would change the new state; the one that asks for the reset goes on.
            if service != "control":
                listener.drop_requests()
        self.state.reset()
        self._publish_first_secret()
        self.journal.clear()
        self.delivery.reset()

    async def set_faults(self, rules: list[Rule]) -> None:
        """Put these rules in force; rules for connections close and open ports before this returns."""
        self.faults.replace(rules)
        for service, listener in self._listeners.items():
            await listener.apply(self.faults.connection_rule(service))

    def endpoints(self) -> dict[str, str | None]:
        """Return what `/_control/endpoints` shows."""
        return {
            **dict.fromkeys(_APP_ENDPOINTS),
            "arm": self.arm_url,
            "keyVault": self.key_vault_url,
            "dataPlane": self.data_plane_url,
            "identity": self.identity_url,
            "topic": self.topic_url,
            "caFile": str(self.authority.ca_file),
            "token": self.token,
            **self._app_endpoints,
        }

    def _publish_first_secret(self) -> None:
        """Put the vault back to the one secret of the start."""
        resource = self.state.find(ResourceId.parse(RESOURCE_ID))
        if self.vault is not None and resource is not None:
            self.vault.clear()
            # It was there before anybody could have heard of it.
            self.vault.set(FIRST_SECRET, first_secret(resource, self.data_plane_url, time.time()), announce=False)


async def _watch(events: KeyVaultEvents) -> None:
    while True:
        await asyncio.sleep(_EXPIRY_SECONDS)
        events.check()
