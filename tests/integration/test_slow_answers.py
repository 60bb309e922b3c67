"""An answer that goes on without end, a byte at a time or a page at a time: each call gives up at a time of its own."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from aiohttp import web

from emulator.cloud.addresses import listen, port_of
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from shared.azure_clients import credential as credentials
from shared.azure_clients import data_plane, event_grid, management
from shared.azure_clients.credential import Credential
from shared.azure_clients.data_plane import CommunicationDataPlane
from shared.azure_clients.event_grid import EventGridTopic
from shared.azure_clients.key_vault import KeyVault
from shared.azure_clients.key_vault_calls import Patience
from shared.azure_clients.management import Management
from shared.errors import ManagedIdentityUnavailable, NoVerdict, RegenerationOutcome, UpstreamUnreachable
from shared.event_grid_errors import EventNotPublished
from shared.key_vault_errors import KeyVaultUnavailable
from shared.parameters import KeyType
from shared.redaction import Secret
from shared.resource_id import ResourceId
from shared.settings import parse_settings
from tests.support.announcing import announcement
from tests.support.fakes import LEGACY_KEY

RESOURCE = ResourceId.parse(RESOURCE_ID)
SOON = 0.3
# aiohttp warns, rarely, of a connection that is collected with a call that was given up; collecting it closes it
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning")
PATIENCE = Patience(again_after=(0.001,), longest_call=SOON)

type Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def _serving(cloud: Cloud | None, handle: Handler) -> AsyncGenerator[str]:
    """Give the origin of a server, over TLS if a cloud gives the certificate."""
    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    bound = listen(0)
    try:
        context = cloud.authority.server_context() if cloud else None
        await web.SockSite(runner, bound, ssl_context=context).start()
        yield f"{'https' if cloud else 'http'}://localhost:{port_of(bound)}"
    finally:
        await runner.cleanup()


async def _drip(request: web.BaseRequest) -> web.StreamResponse:
    """Answer with blanks, one at a time, once a token has come where one is asked for."""
    if "Authorization" not in request.headers and "X-IDENTITY-HEADER" not in request.headers:
        challenge = 'Bearer authorization="https://localhost/tenant", resource="https://vault.azure.net"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.02)
    return response


@pytest_asyncio.fixture
async def dripping(cloud: Cloud) -> AsyncIterator[str]:
    """A server that never comes to an end."""
    async with _serving(cloud, _drip) as origin:
        yield origin


async def test_key_vault(dripping: str, credential: Credential) -> None:
    """It may pass, and a listing that hangs holds up nobody who asks later."""
    vault = KeyVault(dripping, credential, verify_challenge_resource=False, patience=PATIENCE)
    async with asyncio.timeout(5):
        for asked in (vault.current("name"), vault.tagged(), vault.tagged(), vault.disable("name", "version")):
            with pytest.raises(KeyVaultUnavailable):
                await asked
    await vault.close()


async def test_a_listing_whose_pages_go_round(cloud: Cloud, credential: Credential) -> None:
    """A page that names itself as the next one ends like any other call that takes too long."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            return await _drip(request)
        return web.json_response({"value": [], "nextLink": f"https://{request.host}/secrets?api-version=7.4"})

    async with _serving(cloud, handle) as origin, asyncio.timeout(5):
        vault = KeyVault(origin, credential, verify_challenge_resource=False, patience=PATIENCE)
        with pytest.raises(KeyVaultUnavailable):
            await vault.tagged()
        await vault.close()


async def test_arm(
    monkeypatch: pytest.MonkeyPatch, app_environment: dict[str, str], dripping: str, credential: Credential
) -> None:
    """The connection counts as lost: whether a key has changed is not known."""
    monkeypatch.setattr(management, "_LONGEST_CALL_SECONDS", SOON)
    settings = parse_settings({**app_environment, "ARM_ENDPOINT": dripping, "REQUEST_DEADLINE_SECONDS": "0.1"})
    arm = Management(settings, credential)
    async with asyncio.timeout(5):
        with pytest.raises(UpstreamUnreachable) as caught:
            await arm.regenerate_key(RESOURCE, KeyType.PRIMARY, request_id="1", on_send=lambda: None)
        with pytest.raises(UpstreamUnreachable):
            await arm.list_keys(RESOURCE, request_id="1")
    await arm.close()
    assert caught.value.outcome is RegenerationOutcome.UNKNOWN


async def test_the_data_plane(monkeypatch: pytest.MonkeyPatch, dripping: str) -> None:
    """No verdict."""
    monkeypatch.setattr(data_plane, "_LONGEST_CALL_SECONDS", SOON)
    plane = CommunicationDataPlane()
    async with asyncio.timeout(5):
        with pytest.raises(NoVerdict):
            await plane.accepts(dripping, Secret(LEGACY_KEY))
    await plane.close()


async def test_event_grid(monkeypatch: pytest.MonkeyPatch, dripping: str, credential: Credential) -> None:
    """The event may be published again."""
    monkeypatch.setattr(event_grid, "_LONGEST_CALL_SECONDS", SOON)
    topic = EventGridTopic(f"{dripping}/api/events", credential)
    async with asyncio.timeout(5):
        with pytest.raises(EventNotPublished) as caught:
            await topic.publish(announcement())
    await topic.close()
    assert caught.value.retriable


async def test_the_managed_identity(monkeypatch: pytest.MonkeyPatch, app_environment: dict[str, str]) -> None:
    """Nothing was regenerated, and whoever asks next gets as far."""
    monkeypatch.setattr(credentials, "_LONGEST_CALL_SECONDS", SOON)
    async with _serving(None, _drip) as origin, asyncio.timeout(5):
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{origin}/token")
        async with Credential(parse_settings(app_environment)) as opened:
            for _ in range(2):
                with pytest.raises(ManagedIdentityUnavailable) as caught:
                    await opened.get_token_info("https://management.azure.com/.default")
                assert caught.value.outcome is RegenerationOutcome.NOT_REGENERATED
                assert "TimeoutError" in caught.value.message
