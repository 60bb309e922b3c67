"""Puts the parts together: the settings, the clients of this process and the use cases that they serve."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from shared.clock import utc_now
from shared.settings import Settings, require_key_vault, settings

if TYPE_CHECKING:
    from azure.durable_functions import DurableFunctionsClient

    from shared.azure_clients.credential import Credential
    from shared.azure_clients.data_plane import CommunicationDataPlane
    from shared.azure_clients.event_grid import EventGridTopic
    from shared.azure_clients.key_vault import KeyVault
    from shared.azure_clients.management import Management
    from shared.delivery import Delivery, Vault
    from shared.regeneration import Regenerator
    from shared.rotation.activities import Steps
    from shared.rotation.outbox import Outbox


async def regenerator() -> "Regenerator":
    """Return the use case, on the clients of this event loop, which are made at the first call.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    from shared.regeneration import Regenerator

    configured = settings()
    return Regenerator(keys=await management(), deadline=configured.request_deadline_seconds)


async def delivery(vault: "Vault") -> "Delivery":
    """Return what publishes keys in a Key Vault.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    from shared.delivery import Delivery

    configured = settings()
    return Delivery(
        vault=vault,
        grace=configured.rotation_grace_period,
        validity_days=configured.rotation_validity_days,
        now=utc_now,
    )


async def steps() -> "Steps":
    """Return the steps of a rotation.

    Raises:
        NotConfigured: settings are missing or wrong, or there is no KEY_VAULT_URL.
    """
    return await _steps(await key_vault())


async def steps_without_vault() -> "Steps":
    """Return the steps of what was started without a Key Vault; if there is one by now, its secrets count.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    from shared.no_vault import NoVault

    return await _steps(await key_vault() if settings().key_vault_url else NoVault())


async def _steps(vault: "Vault") -> "Steps":
    from shared.regeneration import Patience, Regenerator
    from shared.rotation.activities import Steps
    from shared.rotation.patient import LONGEST_RETRY_AFTER, PatientManagement

    patient = PatientManagement(await management())
    return Steps(
        allowed=settings().allowed_communication_services,
        management=patient,
        vault=vault,
        data_plane=await data_plane(),
        delivery=await delivery(vault),
        regenerator=Regenerator(
            keys=patient,
            deadline=settings().request_deadline_seconds,
            patience=Patience(longest_retry_after=LONGEST_RETRY_AFTER),
        ),
    )


async def management() -> "Management":
    """Return this event loop's client of Azure Resource Manager.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    return (await _clients_of_loop()).management()


async def key_vault() -> "KeyVault":
    """Return this event loop's client of the app's Key Vault.

    Raises:
        NotConfigured: settings are missing or wrong, or there is no KEY_VAULT_URL.
    """
    return (await _clients_of_loop()).key_vault()


async def data_plane() -> "CommunicationDataPlane":
    """Return this event loop's client of the resources' data planes.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    return (await _clients_of_loop()).data_plane()


async def topic() -> "EventGridTopic | None":
    """Return this event loop's client of the app's Event Grid topic, or None where there is none.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    return (await _clients_of_loop()).topic()


async def announce_soon(announcement: dict[str, Any]) -> None:
    """Have an announcement published in the background; who calls neither waits for the topic nor fails with it.

    To be called by whoever has used the clients of this event loop already, so that the settings are known to be good.
    """
    (await _clients_of_loop()).announce_soon(announcement)


async def durable_client(binding: str) -> "DurableFunctionsClient":
    """Return this event loop's client of the durable engine.

    Args:
        binding: what the host gives a function for its durableClient binding: JSON with the engine's address.

    Raises:
        NotConfigured: settings are missing or wrong.
    """
    return (await _clients_of_loop()).durable_client(binding)


class _Clients:
    """The clients of one event loop, each made at its first use, over one credential.

    The SDKs take up to a third of a second to import, and neither indexing the functions nor a request that needs
    only some of them should wait for all: each is imported where its client is made.
    """

    def __init__(self, configured: Settings) -> None:
        self._settings = configured
        self._credential: Credential | None = None
        self._management: Management | None = None
        self._key_vault: KeyVault | None = None
        self._data_plane: CommunicationDataPlane | None = None
        self._topic: EventGridTopic | None = None
        self._outbox: Outbox | None = None
        self._durable: dict[tuple[str, str], DurableFunctionsClient] = {}
        self._opened = AsyncExitStack()

    def management(self) -> "Management":
        if self._management is None:
            from shared.azure_clients.management import Management

            self._management = Management(self._settings, self._authenticated())
            self._opened.push_async_callback(self._management.close)
        return self._management

    def key_vault(self) -> "KeyVault":
        if self._key_vault is None:
            url = require_key_vault(self._settings)
            from shared.azure_clients.key_vault import KeyVault

            self._key_vault = KeyVault(
                url,
                self._authenticated(),
                verify_challenge_resource=self._settings.key_vault_verify_challenge_resource,
            )
            self._opened.push_async_callback(self._key_vault.close)
        return self._key_vault

    def data_plane(self) -> "CommunicationDataPlane":
        if self._data_plane is None:
            from shared.azure_clients.data_plane import CommunicationDataPlane

            self._data_plane = CommunicationDataPlane()
            self._opened.push_async_callback(self._data_plane.close)
        return self._data_plane

    def topic(self) -> "EventGridTopic | None":
        if self._topic is None and self._settings.event_grid_topic_endpoint is not None:
            from shared.azure_clients.event_grid import EventGridTopic

            self._topic = EventGridTopic(self._settings.event_grid_topic_endpoint, self._authenticated())
            self._opened.push_async_callback(self._topic.close)
        return self._topic

    def announce_soon(self, announcement: dict[str, Any]) -> None:
        if self._settings.event_grid_topic_endpoint is None:
            return
        if self._outbox is None:
            from shared.rotation.outbox import Outbox

            self._outbox = Outbox(self._own_topic)
        self._outbox.add(announcement)

    async def _own_topic(self) -> "EventGridTopic | None":
        return self.topic()

    def durable_client(self, binding: str) -> "DurableFunctionsClient":
        told = json.loads(binding)
        # a host that restarts its engine gives another address; everything else in the text is about HTTP
        address = told["rpcBaseUrl"], told["taskHubName"]
        if address not in self._durable:
            from azure.durable_functions import DurableFunctionsClient

            self._durable[address] = client = DurableFunctionsClient(binding)
            self._opened.push_async_callback(client.close)
        return self._durable[address]

    def _authenticated(self) -> "Credential":
        if self._credential is None:
            from shared.azure_clients.credential import Credential

            self._credential = Credential(self._settings)
            self._opened.push_async_callback(self._credential.close)
        return self._credential

    async def close(self) -> None:
        """Announce what still waits, and close what was opened, the last one first, whatever another does."""
        async with self._opened:
            if self._outbox is not None:
                await self._outbox.close()


# the worker has one loop, and so one set; the generator that will close it must be held, or it would close at once
_clients: dict[asyncio.AbstractEventLoop, tuple[_Clients, AsyncGenerator[None]]] = {}


async def _clients_of_loop() -> _Clients:
    configured = settings()
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        clients = _Clients(configured)
        closing = _close_with_loop(loop, clients)
        _clients[loop] = clients, closing
        await anext(closing)
    return _clients[loop][0]


async def _close_with_loop(loop: asyncio.AbstractEventLoop, clients: _Clients) -> AsyncGenerator[None]:
    """Close the clients when the event loop ends.

    The Functions worker tells an app nothing of its end. But `asyncio.run`, under which the worker runs, closes
    every asynchronous generator that still waits (`loop.shutdown_asyncgens`), and this one waits for that.
    """
    try:
        yield
    finally:
        del _clients[loop]
        await clients.close()
