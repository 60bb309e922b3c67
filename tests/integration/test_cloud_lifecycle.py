"""The cloud as a whole: start and stop in every state, and what it says in its log."""

import asyncio
import logging

import aiohttp
import pytest

from emulator.cloud.addresses import CloudSockets, port_of
from emulator.cloud.authority import ensure_authority
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.fault_rules import parse_rules
from tests.support.cloud import (
    EMULATOR_DIRECTORY,
    ArmClient,
    Http,
    environment,
    eventually,
    first_resource,
    running_cloud,
)
from tests.support.ports import is_open


async def test_stop_closes_every_port() -> None:
    """After a stop nothing listens any more, and the control port can be used again at once."""
    async with running_cloud() as cloud:
        sockets = cloud.sockets
        ports = [
            port_of(each)
            for each in (
                *(sockets.arm, sockets.data_plane, sockets.key_vault, sockets.event_grid, sockets.identity),
                sockets.control,
            )
        ]
        assert all(is_open(port) for port in ports)
    assert not any(is_open(port) for port in ports)
    CloudSockets.bind(ports[-1]).close()


@pytest.mark.parametrize("fault", [{"refuse": True}, {"refuse": True, "times": 5}, {"tls": True}])
async def test_stop_works_while_connections_fail(fault: dict[str, object]) -> None:
    """A cloud that is stopped in the middle of a fault leaves nothing behind."""
    async with running_cloud() as cloud:
        await cloud.set_faults(parse_rules([{"service": "arm", **fault}]))
        port = int(cloud.arm_url.rpartition(":")[2])
    assert not is_open(port)


async def test_stop_does_not_wait_for_delayed_requests(http: Http) -> None:
    """Requests under way lose their connection; the stop takes no longer for them."""
    async with running_cloud() as cloud:
        await cloud.set_faults(parse_rules([{"service": "arm", "operation": "*", "delaySeconds": 3600}]))
        call = asyncio.create_task(ArmClient(cloud, http).regenerate())
        await eventually(lambda: len(cloud.journal.entries()) == 1)
    with pytest.raises(aiohttp.ClientError):
        await call


async def test_a_cloud_that_never_started_closes_its_sockets() -> None:
    """stop also cleans up when start was never reached."""
    sockets = CloudSockets.bind()
    port = port_of(sockets.control)
    await Cloud(sockets=sockets, authority=ensure_authority(EMULATOR_DIRECTORY), identity_header="x").stop()
    assert not is_open(port)


async def test_several_clouds_run_side_by_side(http: Http) -> None:
    """Clouds share the authority and nothing else: a token or a key of one is worth nothing at the other."""
    async with running_cloud() as one, running_cloud() as other:
        assert (await ArmClient(one, http).send("GET")).status == 200
        answer = await ArmClient(other, http).send("GET", authorization=f"Bearer {one.token}")
        assert answer.status == 401
        assert first_resource(one).key("Primary") != first_resource(other).key("Primary")


async def test_the_log_has_a_line_a_request_and_no_secret(
    cloud: Cloud, arm: ArmClient, http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG, with good and bad requests, no key, token or identity header is logged; INFO has a line for each."""
    caplog.set_level(logging.DEBUG)
    settings = environment(cloud)
    token = await http.send(
        "GET",
        f"{settings['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource={cloud.arm_url}",
        headers={"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"]},
    )
    await arm.regenerate()
    await arm.send("POST", f"{RESOURCE_ID}/listKeys")
    await arm.send("GET", authorization="Bearer eyJwrong")
    key = first_resource(cloud).key("Primary")
    await http.send("GET", f"{cloud.data_plane_url}/MyCommunicationResource/phoneNumbers?api-version=1")
    await http.send("POST", f"{cloud.control_url}/_control/probe", json_body={"resourceId": RESOURCE_ID, "key": key})
    lines = [record for record in caplog.records if record.name.startswith("emulator.cloud.")]
    told = [record.name for record in lines if record.levelno == logging.INFO]
    assert told == [f"emulator.cloud.{name}" for name in ("identity", "arm", "arm", "arm", "communication")]
    secrets = [*first_resource(cloud).issued, cloud.token, str(token.members["access_token"]), cloud.identity_header]
    assert not any(secret in caplog.text for secret in secrets)
