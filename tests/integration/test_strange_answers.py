"""What is no answer of the API, wherever it comes from: an error of ours that says so, and no defect of the app."""

import contextlib
from collections.abc import AsyncGenerator

import pytest
from aiohttp import web

from emulator.cloud.addresses import listen, port_of
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from shared.azure_clients.credential import Credential
from shared.azure_clients.data_plane import CommunicationDataPlane
from shared.azure_clients.event_grid import EventGridTopic
from shared.azure_clients.key_vault import KeyVault
from shared.azure_clients.key_vault_calls import Patience
from shared.azure_clients.management import Management
from shared.errors import ManagedIdentityUnavailable, NoVerdict, RegenerationOutcome, UpstreamResponseInvalid
from shared.event_grid_errors import EventNotPublished
from shared.key_vault_errors import KeyVaultError, KeyVaultUnavailable
from shared.parameters import KeyType
from shared.redaction import Secret
from shared.resource_id import ResourceId
from shared.settings import parse_settings
from tests.support.announcing import announcement
from tests.support.fakes import LEGACY_KEY

RESOURCE = ResourceId.parse(RESOURCE_ID)
DEEP, PLAIN = b"[" * 100_000, b'{"primaryKey": "x"}'
NOT_SO_ENCODED = [(PLAIN, encoding) for encoding in ("gzip", "deflate")]
BODIES = [(DEEP, "identity"), *NOT_SO_ENCODED]
NAMES = ["deep", "no gzip", "no deflate"]


@contextlib.asynccontextmanager
async def _answering(cloud: Cloud, body: bytes, encoding: str, status: int = 200) -> AsyncGenerator[str]:
    """Give the origin of a server that answers everything with a body, once a token has come where one is asked for."""

    async def handle(request: web.BaseRequest) -> web.Response:
        if "Authorization" not in request.headers:
            challenge = 'Bearer authorization="https://localhost/tenant", resource="https://vault.azure.net"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
        return web.Response(status=status, body=body, headers=headers)

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    bound = listen(0)
    try:
        await web.SockSite(runner, bound, ssl_context=cloud.authority.server_context()).start()
        yield f"https://localhost:{port_of(bound)}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("body", "encoding"), BODIES, ids=NAMES)
async def test_arm(
    cloud: Cloud, app_environment: dict[str, str], credential: Credential, body: bytes, encoding: str
) -> None:
    """502 UpstreamResponseInvalid; whether a key has changed is not known."""
    async with _answering(cloud, body, encoding) as origin:
        management = Management(parse_settings({**app_environment, "ARM_ENDPOINT": origin}), credential)
        with pytest.raises(UpstreamResponseInvalid) as caught:
            await management.regenerate_key(RESOURCE, KeyType.PRIMARY, request_id="1", on_send=lambda: None)
        with pytest.raises(UpstreamResponseInvalid):
            await management.list_keys(RESOURCE, request_id="1")
        await management.close()
    assert caught.value.outcome is RegenerationOutcome.UNKNOWN


@pytest.mark.parametrize("status", [200, 403, 404, 503])
@pytest.mark.parametrize(("body", "encoding"), BODIES, ids=NAMES)
async def test_key_vault(cloud: Cloud, credential: Credential, body: bytes, encoding: str, status: int) -> None:
    """Key Vault's error, which may pass, whatever was asked; a 200 that is none names the setting."""
    async with _answering(cloud, body, encoding, status) as origin:
        patience = Patience(again_after=(0.001, 0.002))
        vault = KeyVault(origin, credential, verify_challenge_resource=False, patience=patience)
        for asked in (vault.current("name"), vault.tagged(), vault.previous_versions("name")):
            with pytest.raises(KeyVaultError):
                await asked
        with pytest.raises(KeyVaultError) as caught:
            await vault.set("name", Secret("value"), tags={}, content_type=None, expires_on=None)
        await vault.close()
    if status == 200:
        assert isinstance(caught.value, KeyVaultUnavailable)
        assert "KEY_VAULT_URL" in caught.value.message


async def test_the_data_plane(cloud: Cloud) -> None:
    """A status that was seen decides, whatever comes with it; where none was seen, there is no verdict."""
    plane = CommunicationDataPlane()
    async with _answering(cloud, DEEP, "identity") as origin:
        assert await plane.accepts(origin, Secret(LEGACY_KEY))
    for body, encoding in NOT_SO_ENCODED:
        async with _answering(cloud, body, encoding) as origin:
            with pytest.raises(NoVerdict):
                await plane.accepts(origin, Secret(LEGACY_KEY))
    await plane.close()


@pytest.mark.parametrize(("body", "encoding"), NOT_SO_ENCODED, ids=NAMES[1:])
@pytest.mark.parametrize("status", [202, 500])
async def test_event_grid(cloud: Cloud, credential: Credential, body: bytes, encoding: str, status: int) -> None:
    """The event was not published, and may be published again."""
    async with _answering(cloud, body, encoding, status) as origin:
        topic = EventGridTopic(f"{origin}/api/events", credential)
        with pytest.raises(EventNotPublished) as caught:
            await topic.publish(announcement())
        await topic.close()
    assert caught.value.retriable


@pytest.mark.parametrize(
    "body",
    [
        b"5",
        b'["access_token", "expires_on"]',
        b'{"access_token": "x", "expires_on": "4102444800"}',
        b'{"access_token": "x", "expires_on": {}, "resource": "x"}',
        b'{"access_token": null, "expires_on": null, "resource": null}',
        b'{"access_token": {"a": "b"}, "expires_on": "4102444800", "resource": "x", "token_type": "Bearer"}',
        b'{"access_token": "a\\r\\nb: c", "expires_on": "4102444800", "resource": "x", "token_type": "Bearer"}',
        '{"access_token": "\u00e4", "expires_on": "4102444800", "resource": "x", "token_type": "Bearer"}'.encode(),
        DEEP,
    ],
    ids=lambda body: body[:60].decode(),
)
async def test_the_managed_identity(
    monkeypatch: pytest.MonkeyPatch, app_environment: dict[str, str], body: bytes
) -> None:
    """503 ManagedIdentityUnavailable; nothing was regenerated."""

    async def handle(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    bound = listen(0)
    await web.SockSite(runner, bound).start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://localhost:{port_of(bound)}/token")
    async with Credential(parse_settings(app_environment)) as credential:
        with pytest.raises(ManagedIdentityUnavailable) as caught:
            await credential.get_token_info("https://management.azure.com/.default")
    await runner.cleanup()
    assert caught.value.outcome is RegenerationOutcome.NOT_REGENERATED
