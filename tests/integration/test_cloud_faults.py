"""Fault rules, seen by a client: each kind, what it leaves changed, and that the service recovers."""

import asyncio
import json
import ssl

import aiohttp
import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID, SUBSCRIPTION_ID
from emulator.cloud.journal import Entry
from emulator.cloud.resource_ids import ResourceId
from tests.support.cloud import ArmClient, ControlClient, Http, environment, eventually, first_resource

REGENERATE = {"service": "arm", "operation": "regenerateKey"}
ONCE = {**REGENERATE, "times": 1}


def _last(cloud: Cloud) -> Entry:
    return cloud.journal.entries()[-1]


async def test_a_status_comes_with_code_message_and_retry_after(
    cloud: Cloud, arm: ArmClient, control: ControlClient
) -> None:
    """The error is ARM's ErrorResponse as the rule words it, nothing is regenerated, and the next call works."""
    await control.put_faults(
        {
            **ONCE,
            "status": 429,
            "code": "SubscriptionRequestsThrottled",
            "message": "Slow down.",
            "details": [{"code": "x"}],
            "additionalInfo": [{"type": "y", "info": {"a": 1}}],
            "retryAfter": 7,
        }
    )
    before = first_resource(cloud).key("Primary")
    answer = await arm.regenerate()
    assert (answer.status, answer.headers["retry-after"]) == (429, "7")
    assert answer.error == {
        "code": "SubscriptionRequestsThrottled",
        "message": "Slow down.",
        "details": [{"code": "x"}],
        "additionalInfo": [{"type": "y", "info": {"a": 1}}],
    }
    assert first_resource(cloud).key("Primary") == before
    assert (_last(cloud).status, _last(cloud).effect) == (429, False)
    assert (await arm.regenerate()).status == 200


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "BadRequest"),
        (401, "InvalidAuthenticationToken"),
        (403, "AuthorizationFailed"),
        (404, "ResourceNotFound"),
        (409, "Conflict"),
        (412, "PreconditionFailed"),
        (499, "RequestFailed"),
        (500, "InternalServerError"),
        (503, "ServiceUnavailable"),
        (504, "GatewayTimeout"),
    ],
)
async def test_a_status_without_a_code_has_its_usual_one(
    arm: ArmClient, control: ControlClient, status: int, code: str
) -> None:
    """A rule with nothing but a status gives an error that looks like ARM's."""
    await control.put_faults({**ONCE, "status": status})
    answer = await arm.regenerate()
    assert (answer.status, answer.error["code"]) == (status, code)


async def test_a_status_after_the_effect(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """With `after` the key is regenerated and the caller hears of a failure."""
    await control.put_faults({**ONCE, "status": 500, "after": True})
    before = first_resource(cloud).key("Primary")
    assert (await arm.regenerate()).status == 500
    assert first_resource(cloud).key("Primary") != before
    assert (_last(cloud).status, _last(cloud).effect) == (500, True)


async def test_a_refused_request_stays_refused_when_a_status_is_to_follow(
    arm: ArmClient, control: ControlClient
) -> None:
    """Where ARM itself says no, there was no effect to report a failure after."""
    await control.put_faults({**ONCE, "status": 500, "after": True})
    assert (await arm.regenerate(b"{}")).status == 400


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_dropped_connection(cloud: Cloud, arm: ArmClient, control: ControlClient, when: str) -> None:
    """The caller gets no answer; whether the key changed is what the rule says."""
    await control.put_faults({**ONCE, "disconnect": when})
    before = first_resource(cloud).key("Primary")
    with pytest.raises(aiohttp.ClientError):
        await arm.regenerate()
    assert (first_resource(cloud).key("Primary") != before) == (when == "after")
    assert (_last(cloud).status, _last(cloud).effect) == (None, when == "after")
    assert (await arm.regenerate()).status == 200


@pytest.mark.parametrize("kind", ["truncated", "invalid"])
async def test_a_damaged_body_is_well_framed(cloud: Cloud, arm: ArmClient, control: ControlClient, kind: str) -> None:
    """The response is complete for HTTP; its text is half of the JSON, or JSON without the fields expected."""
    await control.put_faults({**ONCE, "body": kind})
    answer = await arm.regenerate()
    assert answer.status == 200
    assert int(answer.headers["content-length"]) == len(answer.body)
    if kind == "truncated":
        assert answer.body.startswith(b'{"primaryKey"')
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.body)
    else:
        assert answer.json == {"unexpected": True}
    assert _last(cloud).effect is True


@pytest.mark.parametrize("after", [False, True])
async def test_a_delay_holds_the_effect_or_the_answer(
    cloud: Cloud, arm: ArmClient, control: ControlClient, after: bool
) -> None:
    """While a request waits, the key has changed already (`after`) or has not yet; in the end it has."""
    await control.put_faults({**ONCE, "delaySeconds": 0.5, "after": after})
    before = first_resource(cloud).key("Primary")
    call = asyncio.create_task(arm.regenerate())
    await eventually(lambda: len(cloud.journal.entries()) == 1)
    assert (first_resource(cloud).key("Primary") != before) == after
    assert (_last(cloud).status, _last(cloud).effect) == (None, after)
    assert (await call).status == 200
    assert first_resource(cloud).key("Primary") != before


async def test_a_caller_that_gives_up_does_not_undo_the_effect(
    cloud: Cloud, arm: ArmClient, control: ControlClient
) -> None:
    """A request goes on after its caller has gone: the key changes though nobody hears of it."""
    await control.put_faults({**ONCE, "delaySeconds": 0.3})
    before = first_resource(cloud).key("Primary")
    call = asyncio.create_task(arm.regenerate())
    await eventually(lambda: len(cloud.journal.entries()) == 1)
    call.cancel()
    await asyncio.wait([call])
    await eventually(lambda: first_resource(cloud).key("Primary") != before)


async def test_delayed_requests_wait_side_by_side(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """A hundred delayed requests are all under way before the first one is answered."""
    await control.put_faults({"service": "arm", "operation": "listKeys", "delaySeconds": 1})
    calls = [asyncio.create_task(arm.send("POST", f"{RESOURCE_ID}/listKeys")) for _ in range(100)]
    await eventually(lambda: len(cloud.journal.entries()) == 100)
    assert {entry.status for entry in cloud.journal.entries()} == {None}
    assert {(await call).status for call in calls} == {200}


async def test_the_first_matching_rule_wins_and_counts_down(arm: ArmClient, control: ControlClient) -> None:
    """Rules are tried in their order; a used-up one is gone from the list and the next one takes over."""
    await control.put_faults(
        {"service": "arm", "operation": "listKeys", "status": 400},
        {**REGENERATE, "resourceId": RESOURCE_ID.replace("MyResourceGroup", "Other"), "status": 404},
        {**REGENERATE, "resourceId": RESOURCE_ID.upper(), "status": 409, "times": 2},
        {"service": "arm", "operation": "*", "status": 503, "times": None},
    )
    assert [(await arm.regenerate()).status for _ in range(2)] == [409, 409]
    assert [(await arm.regenerate()).status for _ in range(2)] == [503, 503]
    assert (await arm.send("GET")).status == 503
    assert (await arm.send("POST", f"{RESOURCE_ID}/listKeys")).status == 400
    rules = (await control.send("GET", "faults")).json
    assert isinstance(rules, list)
    assert [rule["status"] for rule in rules] == [400, 404, 503]  # pyright: ignore[reportUnknownVariableType] -- JSON


async def test_requests_that_are_skipped_go_by_to_the_rules_after(arm: ArmClient, control: ControlClient) -> None:
    """With `skip` a rule begins at a later request that matches; it shows how many are left to skip."""
    await control.put_faults(
        {**REGENERATE, "skip": 2, "times": 1, "status": 409},
        {**REGENERATE, "skip": 1, "status": 503},
    )
    assert (await arm.send("GET")).status == 200
    assert (await arm.regenerate()).status == 200
    assert (await arm.regenerate()).status == 503
    rules = (await control.send("GET", "faults")).json
    assert isinstance(rules, list)
    assert [(rule["skip"], rule.get("times")) for rule in rules] == [(0, 1), (0, None)]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] -- JSON
    assert [(await arm.regenerate()).status for _ in range(2)] == [409, 503]


async def test_a_rule_for_one_resource_leaves_the_others_alone(
    cloud: Cloud, arm: ArmClient, control: ControlClient
) -> None:
    """resourceId narrows a rule, in any casing."""
    other = cloud.state.create(ResourceId(SUBSCRIPTION_ID, "Other", "second"))
    await control.put_faults({**REGENERATE, "resourceId": str(other.id).lower(), "status": 409})
    assert (await arm.regenerate()).status == 200
    assert (await arm.regenerate(path=str(other.id))).status == 409


async def _token(cloud: Cloud, http: Http) -> dict[str, object]:
    settings = environment(cloud)
    answer = await http.send(
        "GET",
        f"{settings['IDENTITY_ENDPOINT']}?api-version=2019-08-01&resource={cloud.arm_url}",
        headers={"X-IDENTITY-HEADER": settings["IDENTITY_HEADER"]},
    )
    assert answer.status == 200
    return answer.members


async def test_an_expired_token_looks_good_and_is_refused(
    cloud: Cloud, arm: ArmClient, http: Http, control: ControlClient
) -> None:
    """The holder reads an expiry in the future; ARM says that the token has expired; the next token works."""
    await control.put_faults({"service": "identity", "operation": "token", "expiredToken": True, "times": 1})
    bad, good = await _token(cloud, http), await _token(cloud, http)
    assert int(str(bad["expires_on"])) > int(str(good["expires_on"])) - 10
    answer = await arm.send("GET", authorization=f"Bearer {bad['access_token']}")
    assert (answer.status, answer.error["code"]) == (401, "ExpiredAuthenticationToken")
    assert (await arm.send("GET", authorization=f"Bearer {good['access_token']}")).status == 200


async def test_a_refusing_service_has_no_connection_until_the_rule_goes(
    cloud: Cloud, arm: ArmClient, control: ControlClient
) -> None:
    """Connections that were open are dropped, new ones refused; afterwards the same port serves again."""
    assert (await arm.send("GET")).status == 200
    await control.put_faults({"service": "arm", "operation": "*", "refuse": True})
    for _ in range(2):
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await arm.send("GET")
        assert isinstance(caught.value.os_error, ConnectionRefusedError)
    await control.put_faults()
    assert (await arm.send("GET")).status == 200


async def test_a_connection_under_way_is_dropped_by_refuse(
    cloud: Cloud, arm: ArmClient, control: ControlClient
) -> None:
    """A request that waits for its answer loses its connection and has no effect."""
    await control.put_faults({**REGENERATE, "delaySeconds": 60})
    before = first_resource(cloud).key("Primary")
    call = asyncio.create_task(arm.regenerate())
    await eventually(lambda: len(cloud.journal.entries()) == 1)
    await control.put_faults({"service": "arm", "refuse": True})
    with pytest.raises(aiohttp.ClientError):
        await call
    assert first_resource(cloud).key("Primary") == before


async def test_a_reset_drops_what_is_under_way(cloud: Cloud, arm: ArmClient, control: ControlClient) -> None:
    """A delayed request loses its connection at a reset and does not reach the new state; the service goes on."""
    await control.put_faults({**REGENERATE, "delaySeconds": 60})
    call = asyncio.create_task(arm.regenerate())
    await eventually(lambda: len(cloud.journal.entries()) == 1)
    await control.send("POST", "reset")
    with pytest.raises(aiohttp.ClientError):
        await call
    assert len(first_resource(cloud).issued) == 2
    assert (await arm.send("GET")).status == 200


async def test_an_untrusted_certificate_until_the_rule_goes(
    cloud: Cloud, arm: ArmClient, control: ControlClient
) -> None:
    """Every new connection fails at the certificate, also of a client that had one open; then all is well."""
    assert (await arm.send("GET")).status == 200
    await control.put_faults({"service": "arm", "operation": "*", "tls": True, "times": None})
    for _ in range(2):
        with pytest.raises(aiohttp.ClientConnectorCertificateError) as caught:
            await arm.send("GET")
        assert isinstance(caught.value.certificate_error, ssl.SSLCertVerificationError)
    await control.send("POST", "reset")
    assert (await arm.send("GET")).status == 200


@pytest.mark.parametrize("kind", ["refuse", "tls"])
async def test_connection_faults_can_be_counted(
    cloud: Cloud, arm: ArmClient, control: ControlClient, kind: str
) -> None:
    """With `times` so many connections fail and the next one is served, without anybody removing the rule."""
    await control.put_faults({"service": "arm", kind: True, "times": 2})
    for _ in range(2):
        with pytest.raises(aiohttp.ClientConnectionError):
            await arm.send("GET")
    assert (await arm.send("GET")).status == 200
    assert (await control.send("GET", "faults")).json == []


@pytest.mark.parametrize("service", ["identity", "communication", "keyvault"])
async def test_each_service_can_be_out_alone(
    cloud: Cloud, arm: ArmClient, http: Http, control: ControlClient, service: str
) -> None:
    """A service that refuses leaves the others up."""
    await control.put_faults({"service": service, "refuse": True})
    urls = {
        "identity": cloud.identity_url,
        "communication": cloud.data_plane_url,
        "keyvault": str(cloud.key_vault_url),
    }
    with pytest.raises(aiohttp.ClientConnectorError):
        await http.send("GET", urls[service])
    assert (await arm.send("GET")).status == 200
