"""The data-plane adapter against the emulated cloud, through the real SDK, and the proof that rests on it."""

import asyncio
import base64
import logging
from collections.abc import AsyncGenerator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest
import pytest_asyncio
from aiohttp import web

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from shared.azure_clients.credential import Credential
from shared.azure_clients.data_plane import CommunicationDataPlane
from shared.azure_clients.management import Management
from shared.connection_string import endpoint_at
from shared.errors import ArmRejected, NotProven, NoVerdict, UpstreamResponseInvalid
from shared.proof import prove_alive, prove_dead, random_key_like
from shared.redaction import Secret
from shared.resource_id import ResourceId
from shared.settings import parse_settings
from tests.support.cloud import ControlClient, first_resource
from tests.support.local_server import LocalServer
from tests.support.stranger import stranger

RESOURCE = ResourceId.parse(RESOURCE_ID)


@pytest_asyncio.fixture
async def plane() -> AsyncGenerator[CommunicationDataPlane]:
    """The adapter."""
    opened = CommunicationDataPlane(connection_timeout=5, read_timeout=0.5)
    yield opened
    await opened.close()


def _endpoint(cloud: Cloud) -> str:
    return f"{cloud.data_plane_url}/{first_resource(cloud).segment}/"


def _key(cloud: Cloud) -> Secret:
    return Secret(first_resource(cloud).key("Primary"))


async def _probes(control: ControlClient) -> list[dict[str, object]]:
    return [entry for entry in await control.requests() if entry["operation"] == "listPhoneNumbers"]


@pytest.mark.parametrize("slash", ["/", ""])
async def test_live_keys_are_accepted_and_others_refused(
    cloud: Cloud, plane: CommunicationDataPlane, control: ControlClient, slash: str
) -> None:
    """Both keys of the resource, with the endpoint as ARM gives it or without its slash; one request for each."""
    endpoint = _endpoint(cloud).rstrip("/") + slash
    for key_type in ("Primary", "Secondary"):
        assert await plane.accepts(endpoint, Secret(first_resource(cloud).key(key_type)))
    assert not await plane.accepts(endpoint, random_key_like(_key(cloud)))
    assert len(await _probes(control)) == 3


@pytest.mark.parametrize("text", ["", "no base64!", "abc", "\u00fc" * 88, '{"key": 1}', "x" * 25_601])
async def test_what_cannot_sign_is_not_accepted(cloud: Cloud, plane: CommunicationDataPlane, text: str) -> None:
    """A value that is no key is refused, asked or not, and never an error."""
    assert not await plane.accepts(_endpoint(cloud), Secret(text))


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 412])
async def test_anything_but_401_is_a_live_key(
    cloud: Cloud, plane: CommunicationDataPlane, control: ControlClient, status: int
) -> None:
    """Whoever gets as far as another error was let in."""
    await control.put_faults({"service": "communication", "operation": "*", "status": status})
    assert await plane.accepts(_endpoint(cloud), _key(cloud))


@pytest.mark.parametrize("body", ["truncated", "invalid"])
async def test_the_status_alone_decides(
    cloud: Cloud, plane: CommunicationDataPlane, control: ControlClient, body: str
) -> None:
    """A 200 is an acceptance whatever its body, and a 401 a refusal."""
    await control.put_faults({"service": "communication", "operation": "*", "body": body})
    assert await plane.accepts(_endpoint(cloud), _key(cloud))
    assert not await plane.accepts(_endpoint(cloud), random_key_like(_key(cloud)))


@pytest.mark.parametrize(
    "fault",
    [{"status": status} for status in (408, 429, 500, 502, 503, 504)]
    + [
        {"status": 429, "retryAfter": 1},
        {"disconnect": "before"},
        {"disconnect": "after"},
        {"delaySeconds": 5},
        {"refuse": True},
        {"tls": True},
    ],
    ids=str,
)
async def test_throttling_failures_and_silence_are_no_verdict(
    cloud: Cloud, plane: CommunicationDataPlane, control: ControlClient, fault: dict[str, object]
) -> None:
    """Nothing is said about the key, and no status is tried again here; a lost connection aiohttp tries once more."""
    await control.put_faults({"service": "communication", "operation": "*", **fault})
    with pytest.raises(NoVerdict) as caught:
        await plane.accepts(_endpoint(cloud), _key(cloud))
    assert (caught.value.status, caught.value.code, caught.value.retriable) == (503, "NotProven", True)
    assert len(await _probes(control)) <= (2 if "disconnect" in fault else 1)


@pytest.mark.parametrize(
    "endpoint",
    ["http://localhost:1/x/", "localhost", "", "https://localhost:1/x/", "https://[", "https://\uff41\u2100.com/"],
)
async def test_an_endpoint_that_cannot_be_asked_is_no_verdict(
    plane: CommunicationDataPlane, cloud: Cloud, endpoint: str
) -> None:
    """No https, no host, no URL, nobody there: no verdict rather than a dead key."""
    with pytest.raises(NoVerdict):
        await plane.accepts(endpoint, _key(cloud))


@pytest.mark.parametrize("host", ["evil.example/?", "me@evil.example", "evil.example#", "https://evil.example", ""])
async def test_a_host_name_that_is_none_is_not_asked(
    cloud: Cloud, app_environment: dict[str, str], credential: Credential, host: str
) -> None:
    """Where ARM's answer names something else than a host, it is no answer, and nobody is probed there."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.json_response({"properties": {"hostName": host}})

    async with stranger(cloud, answer) as (origin, _):
        management = Management(replace(parse_settings(app_environment), arm_endpoint=origin), credential)
        with pytest.raises(UpstreamResponseInvalid):
            await management.host_name(RESOURCE, request_id="r")
        await management.close()


async def test_nothing_is_sent_without_tls(plane: CommunicationDataPlane, cloud: Cloud) -> None:
    """An endpoint that is no https URL is not asked, though somebody listens there."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server's name
            asked.append(self.path)
            self.send_error(401)

    with LocalServer(Handler) as server:
        with pytest.raises(NoVerdict):
            await plane.accepts(server.origin, _key(cloud))
        assert asked == []


async def test_many_probes_at_once_do_not_mix_their_keys(cloud: Cloud, plane: CommunicationDataPlane) -> None:
    """Live and random keys asked about together each get their own answer."""
    keys = [_key(cloud), random_key_like(_key(cloud))] * 10
    verdicts = await asyncio.gather(*(plane.accepts(_endpoint(cloud), key) for key in keys))
    assert verdicts == [True, False] * 10


async def test_a_key_of_the_newer_shape_is_proven(
    cloud: Cloud, plane: CommunicationDataPlane, control: ControlClient
) -> None:
    """Three acceptances and one refused control probe, whatever the key's shape."""
    other = RESOURCE_ID.replace("MyCommunicationResource", "Newer")
    answer = await control.send("POST", "resources", {"resourceId": other, "keyShape": "cask"})
    assert answer.status in (200, 201)
    for endpoint, key in (
        (_endpoint(cloud), _key(cloud)),
        (f"{cloud.data_plane_url}/Newer/", Secret(cloud.state.find_by_segment("Newer").key("Primary"))),  # pyright: ignore[reportOptionalMemberAccess]  # just made
    ):
        await prove_alive(plane, endpoint, key, pause=0)
    assert [probe["status"] for probe in await _probes(control)] == [200, 200, 200, 401] * 2


async def test_a_regenerated_key_is_proven_dead(
    cloud: Cloud, plane: CommunicationDataPlane, app_environment: dict[str, str], control: ControlClient
) -> None:
    """Dead once it was regenerated and not before; nothing is proven while the data plane refuses everybody."""
    old, live, endpoint = _key(cloud), Secret(first_resource(cloud).key("Secondary")), _endpoint(cloud)
    with pytest.raises(NotProven, match="still accepts"):
        await prove_dead(plane, endpoint, old, live, pause=0)
    cloud.state.regenerate(first_resource(cloud), "Primary")
    await prove_dead(plane, endpoint, old, live, pause=0)
    with pytest.raises(NotProven, match="does not accept"):
        await prove_alive(plane, endpoint, old, pause=0)
    await control.put_faults({"service": "communication", "operation": "*", "status": 401})
    with pytest.raises(NotProven, match="in use too"):
        await prove_dead(plane, endpoint, old, live, pause=0)
    assert app_environment


async def test_a_data_plane_that_lets_everybody_in_proves_no_life(
    cloud: Cloud, plane: CommunicationDataPlane, control: ControlClient
) -> None:
    """A firewall that answers 403 to all is caught by the random key."""
    await control.put_faults({"service": "communication", "operation": "*", "status": 403})
    with pytest.raises(NotProven, match="random"):
        await prove_alive(plane, _endpoint(cloud), _key(cloud), pause=0)


async def test_the_host_name_leads_to_the_data_plane(
    cloud: Cloud, plane: CommunicationDataPlane, app_environment: dict[str, str], control: ControlClient
) -> None:
    """Where ARM gives no connection string, the resource's hostName says where to ask."""
    settings = parse_settings(app_environment)
    async with Credential(settings) as credential:
        management = Management(settings, credential)
        host = await management.host_name(RESOURCE, request_id="request-1")
        assert await plane.accepts(endpoint_at(host), _key(cloud))
        await control.put_faults({"service": "arm", "operation": "get", "body": "invalid"})
        with pytest.raises(UpstreamResponseInvalid):
            await management.host_name(RESOURCE, request_id="request-1")
        await control.put_faults({"service": "arm", "operation": "get", "status": 404, "code": "ResourceNotFound"})
        with pytest.raises(ArmRejected) as caught:
            await management.host_name(RESOURCE, request_id="request-1")
        assert caught.value.code == "ResourceNotFound"
        await management.close()


@pytest.mark.parametrize(
    "fault", [{"status": 401}, {"status": 503}, {"disconnect": "before"}, {"refuse": True}], ids=str
)
async def test_no_key_gets_into_logs_or_errors(
    cloud: Cloud,
    plane: CommunicationDataPlane,
    control: ControlClient,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, object],
) -> None:
    """At DEBUG neither the key nor the signature made with it is seen, whatever the answer."""
    caplog.set_level(logging.DEBUG)
    key = _key(cloud)
    await plane.accepts(_endpoint(cloud), key)
    await control.put_faults({"service": "communication", "operation": "*", **fault})
    with pytest.raises(NotProven) as caught:
        await prove_alive(plane, _endpoint(cloud), key, pause=0)
    seen = str(caught.value.to_json()) + repr(caught.value.__context__) + repr(caught.value.__cause__)
    seen += "\n".join(record.getMessage() + str(record.__dict__) for record in caplog.records)
    assert key.reveal() not in seen
    assert base64.b64decode(key.reveal()).hex() not in seen
    assert "Signature=" not in seen
