"""Each call to Azure as a span, through the real SDKs: where it went, what came of it, and nothing of what was said."""

from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
import pytest_asyncio
from aiohttp import web
from azure.core.settings import settings as azure_core
from azure.core.tracing.ext.opentelemetry_span import OpenTelemetrySpan
from opentelemetry import context
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from shared.azure_clients.credential import Credential
from shared.azure_clients.data_plane import CommunicationDataPlane
from shared.azure_clients.event_grid import EventGridTopic
from shared.azure_clients.key_vault import KeyVault
from shared.azure_clients.management import Management
from shared.errors import AppError, NoVerdict
from shared.parameters import KeyType
from shared.proof import random_key_like
from shared.redaction import Secret
from shared.resource_id import ResourceId
from tests.support.announcing import announcement
from tests.support.cloud import ControlClient, first_resource
from tests.support.leaks import find_leaks
from tests.support.stranger import stranger
from tests.support.telemetry import Telemetry, attributes, is_failed, telemetry

__all__ = ["telemetry"]

RESOURCE = ResourceId.parse(RESOURCE_ID)
QUOTING = {"status": 403, "code": "Planted", "times": 1}


@pytest_asyncio.fixture
async def vault(app_environment: dict[str, str], credential: Credential) -> AsyncGenerator[KeyVault]:
    """Key Vault."""
    opened = KeyVault(app_environment["KEY_VAULT_URL"], credential, verify_challenge_resource=False)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def plane() -> AsyncGenerator[CommunicationDataPlane]:
    """The data plane."""
    opened = CommunicationDataPlane()
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def topic(cloud: Cloud, credential: Credential) -> AsyncGenerator[EventGridTopic]:
    """The topic."""
    opened = EventGridTopic(cloud.topic_url, credential)
    yield opened
    await opened.close()


def told(span: ReadableSpan) -> tuple[object, ...]:
    """Return what a call's span says: namespace, host, method, status twice, error, and whether it failed."""
    given = attributes(span)
    assert span.kind is SpanKind.CLIENT
    assert given["peer.service"] == given["server.address"]
    assert given.get("http.response.status_code") == given.get("acs.status_code")
    names = ("az.namespace", "server.address", "http.request.method", "acs.status_code", "acs.error.code")
    return *(given.get(name) for name in names), is_failed(span)


async def test_arms_answer_is_told(telemetry: Telemetry, management: Management) -> None:
    """Reading and regenerating, each with its status."""
    await management.list_keys(RESOURCE, request_id="r")
    await management.regenerate_key(RESOURCE, KeyType.PRIMARY, request_id="r", on_send=lambda: None)
    await management.host_name(RESOURCE, request_id="r")
    for name, method in (("listKeys", "POST"), ("regenerateKey", "POST"), ("get", "GET")):
        expected = ("Microsoft.Communication", "localhost", method, 200, None, False)
        assert told(telemetry.only(f"arm.{name}")) == expected


async def test_arms_refusal_is_told_by_its_code(
    cloud: Cloud, telemetry: Telemetry, management: Management, control: ControlClient
) -> None:
    """And nothing of its message, which may quote a key; a lost connection has no status."""
    key = first_resource(cloud).key("Primary")
    await control.put_faults(
        {"service": "arm", "operation": "listKeys", **QUOTING, "message": f"accesskey={key}"},
        {"service": "arm", "operation": "listKeys", "disconnect": "before"},
    )
    for _ in range(2):
        with pytest.raises(AppError):
            await management.list_keys(RESOURCE, request_id="r")
    refused, lost = telemetry.named("arm.listKeys")
    assert told(refused)[3:] == (403, "Planted", True)
    assert told(lost)[3:] == (None, "UpstreamUnreachable", True)
    assert find_leaks(telemetry.everything(), [key]) == []
    assert list(refused.events) == []


async def test_key_vaults_answers_are_told(telemetry: Telemetry, vault: KeyVault) -> None:
    """Each operation under its name, with the status; that there is no such secret is an answer."""
    new = await vault.set("s", Secret("v"), tags={}, content_type=None, expires_on=None)
    await vault.set("s", Secret("w"), tags={}, content_type=None, expires_on=None)
    await vault.disable("s", new.version)
    await vault.previous_versions("s")
    await vault.tagged()
    assert await vault.current("none") is None
    found = {
        (span.name, *told(span)[2:])
        for span in telemetry.spans
        if attributes(span)["az.namespace"] == "Microsoft.KeyVault"
    }
    assert found == {
        ("keyvault.setSecret", "PUT", 200, None, False),
        ("keyvault.updateSecret", "PATCH", 200, None, False),
        ("keyvault.listVersions", "GET", 200, None, False),
        ("keyvault.listSecrets", "GET", 200, None, False),
        ("keyvault.getSecret", "GET", 200, None, False),
        ("keyvault.getSecret", "GET", 404, None, False),
    }


async def test_key_vaults_refusal_is_told(telemetry: Telemetry, vault: KeyVault, control: ControlClient) -> None:
    """With its status and our code for it."""
    await control.put_faults({"service": "keyvault", "operation": "getSecret", "status": 403, "code": "Forbidden"})
    with pytest.raises(AppError):
        await vault.current("s")
    assert told(telemetry.only("keyvault.getSecret"))[3:] == (403, "KeyVaultForbidden", True)


async def test_a_key_that_is_refused_is_an_answer(
    cloud: Cloud, telemetry: Telemetry, plane: CommunicationDataPlane, control: ControlClient
) -> None:
    """The data plane's 401 proves a key dead; what says nothing about the key has failed. No key is in any of it."""
    endpoint = f"{cloud.data_plane_url}/{first_resource(cloud).segment}/"
    key = Secret(first_resource(cloud).key("Primary"))
    other = random_key_like(key)
    assert await plane.accepts(endpoint, key)
    assert not await plane.accepts(endpoint, other)
    await control.put_faults({"service": "communication", "operation": "*", "status": 500})
    with pytest.raises(NoVerdict):
        await plane.accepts(endpoint, key)
    alive, dead, none = map(told, telemetry.named("communication.listPhoneNumbers"))
    assert alive == ("Microsoft.Communication", "localhost", "GET", 200, None, False)
    assert dead[3:] == (401, None, False)
    assert none[3:] == (500, NoVerdict.code, True)
    assert find_leaks(telemetry.everything(), [key.reveal(), other.reveal()]) == []


async def test_the_topics_answers_are_told(telemetry: Telemetry, topic: EventGridTopic, control: ControlClient) -> None:
    """What was taken, of which the SDK gives no status, and what was refused."""
    await topic.publish(announcement())
    await control.put_faults({"service": "eventgrid", "operation": "publish", "status": 400})
    with pytest.raises(AppError):
        await topic.publish(announcement())
    taken, refused = map(told, telemetry.named("eventgrid.publish"))
    assert taken == ("Microsoft.EventGrid", "localhost", "POST", None, None, False)
    assert refused[3:] == (400, "EventNotPublished", True)


async def test_azure_core_makes_no_spans_of_its_own(
    telemetry: Telemetry, management: Management, vault: KeyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where its tracing is configured, as Azure Monitor's distribution does it, and asked for by a setting."""
    monkeypatch.setenv("AZURE_TRACING_ENABLED", "true")
    # typed loosely
    implementation: Any = cast("Any", azure_core).tracing_implementation
    implementation.set_value(OpenTelemetrySpan)
    try:
        await management.list_keys(RESOURCE, request_id="r")
        await vault.current("s")
    finally:
        implementation.unset_value()
    assert {span.name for span in telemetry.spans} == {"arm.listKeys", "keyvault.getSecret"}


@pytest.mark.usefixtures("telemetry")
async def test_no_call_carries_the_callers_trace(cloud: Cloud, credential: Credential) -> None:
    """What a caller has written into `tracestate` goes to nobody, even where azure-core's tracing is configured."""
    names: list[set[str]] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        names.append({name.lower() for name in request.headers})
        return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})

    state = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01", "tracestate": "planted=by-the-caller"}
    token = context.attach(TraceContextTextMapPropagator().extract(state))
    implementation: Any = cast("Any", azure_core).tracing_implementation
    implementation.set_value(OpenTelemetrySpan)
    try:
        async with stranger(cloud, answer) as (origin, _):
            vault = KeyVault(origin, credential, verify_challenge_resource=False)
            topic = EventGridTopic(f"{origin}/api/events", credential)
            plane = CommunicationDataPlane()
            for call in (vault.current("s"), topic.publish(announcement())):
                with pytest.raises(AppError):
                    await call
            assert not await plane.accepts(origin, random_key_like(Secret("")))
            for client in (vault, topic, plane):
                await client.close()
    finally:
        implementation.unset_value()
        context.detach(token)
    assert len(names) >= 3
    assert not set().union(*names) & {"traceparent", "tracestate"}
