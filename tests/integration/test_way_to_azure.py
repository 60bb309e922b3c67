"""Where the app's requests go: to the service itself, past proxies, and nowhere else, whatever it answers."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from shared.azure_clients.credential import Credential
from shared.azure_clients.data_plane import CommunicationDataPlane
from shared.azure_clients.event_grid import EventGridTopic
from shared.azure_clients.key_vault import KeyVault
from shared.azure_clients.key_vault_calls import Patience
from shared.azure_clients.management import Management
from shared.errors import AppError, NoVerdict, UpstreamResponseInvalid
from shared.key_vault_errors import KeyVaultUnavailable
from shared.parameters import KeyType
from shared.redaction import Secret
from shared.resource_id import ResourceId
from shared.settings import Settings, parse_settings
from tests.support.announcing import announcement
from tests.support.cloud import ControlClient, first_resource
from tests.support.stranger import stranger

RESOURCE = ResourceId.parse(RESOURCE_ID)
BRIEF = Patience(again_after=(0.001,))

type Call = Callable[[Settings, Credential, str], Awaitable[object]]


async def _list_keys(settings: Settings, credential: Credential, origin: str) -> object:
    management = Management(replace(settings, arm_endpoint=origin), credential)
    try:
        return await management.list_keys(RESOURCE, request_id="r")
    finally:
        await management.close()


async def _regenerate_key(settings: Settings, credential: Credential, origin: str) -> object:
    management = Management(replace(settings, arm_endpoint=origin), credential)
    try:
        return await management.regenerate_key(RESOURCE, KeyType.PRIMARY, request_id="r", on_send=lambda: None)
    finally:
        await management.close()


async def _read_secret(_: Settings, credential: Credential, origin: str) -> object:
    vault = KeyVault(origin, credential, verify_challenge_resource=False, patience=BRIEF)
    try:
        return await vault.current("MyCommunicationResource-connection-string")
    finally:
        await vault.close()


async def _set_secret(_: Settings, credential: Credential, origin: str) -> object:
    vault = KeyVault(origin, credential, verify_challenge_resource=False, patience=BRIEF)
    try:
        return await vault.set("a", Secret("value"), tags={}, content_type=None, expires_on=None)
    finally:
        await vault.close()


async def _probe(_: Settings, _credential: Credential, origin: str) -> object:
    plane = CommunicationDataPlane()
    try:
        return await plane.accepts(origin, Secret("a2V5" * 22))
    finally:
        await plane.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    ("call", "error"),
    [
        pytest.param(_list_keys, UpstreamResponseInvalid, id="listKeys"),
        pytest.param(_regenerate_key, UpstreamResponseInvalid, id="regenerateKey"),
        pytest.param(_read_secret, KeyVaultUnavailable, id="getSecret"),
        pytest.param(_set_secret, KeyVaultUnavailable, id="setSecret"),
        pytest.param(_probe, NoVerdict, id="listPhoneNumbers"),
    ],
)
async def test_a_redirect_is_not_followed(
    cloud: Cloud,
    app_environment: dict[str, str],
    credential: Credential,
    call: Call,
    error: type[AppError],
    status: int,
) -> None:
    """It is an answer that is not the service's; token, signature and value go nowhere else."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if "Authorization" not in request.headers:
            challenge = 'Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"'
            return web.Response(status=401, headers={"WWW-Authenticate": challenge})
        return web.Response(status=status, headers={"Location": f"https://{request.host}/elsewhere"})

    async with stranger(cloud, answer) as (origin, paths):
        with pytest.raises(error):
            await call(parse_settings(app_environment), credential, origin)
    assert paths
    assert "/elsewhere" not in paths


async def test_neither_a_proxy_nor_a_netrc_file_is_asked(
    tmp_path: Path,
    cloud: Cloud,
    app_environment: dict[str, str],
    control: ControlClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a proxy that is not there, and another password for every host, each service is reached all the same."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for spelled in (name, name.lower()):
            monkeypatch.setenv(spelled, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    settings = parse_settings(app_environment)
    async with Credential(settings) as credential:
        await _list_keys(settings, credential, settings.arm_endpoint)
        assert await _read_secret(settings, credential, str(settings.key_vault_url)) is not None
        topic = EventGridTopic(cloud.topic_url, credential)
        await topic.publish(announcement())
        await topic.close()
    plane = CommunicationDataPlane()
    key = Secret(first_resource(cloud).key("Primary"))
    assert await plane.accepts(f"{cloud.data_plane_url}/{first_resource(cloud).segment}", key)
    await plane.close()
    asked = {entry["service"] for entry in await control.requests()}
    assert asked == {"identity", "arm", "keyvault", "eventgrid", "communication"}
