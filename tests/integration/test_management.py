"""The management adapter and the credential against the emulated cloud, through the real SDKs."""

import asyncio
import gc
import logging

import pytest
from aiohttp import web
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID, USER_ASSIGNED
from shared import composition
from shared.azure_clients.credential import Credential
from shared.azure_clients.management import Management
from shared.errors import (
    ArmRejected,
    ManagedIdentityUnavailable,
    RegenerationOutcome,
    UpstreamAuthenticationFailed,
    UpstreamResponseInvalid,
)
from shared.parameters import KeyType
from shared.redaction import AccessKey
from shared.regeneration import Patience, Regenerated, Regeneration, Regenerator
from shared.resource_id import ResourceId
from shared.settings import parse_settings
from shared.settings import settings as process_settings
from tests.support.cloud import ControlClient, first_resource
from tests.support.stranger import stranger

RESOURCE = ResourceId.parse(RESOURCE_ID)
REQUEST_ID = "11111111-2222-3333-4444-555555555555"
BRIEF = Patience(again_after=(0.01, 0.01), settling_time=0.06, look_every=0.02)


async def _regenerate(management: Management, key_type: KeyType = KeyType.PRIMARY) -> AccessKey:
    return await management.regenerate_key(RESOURCE, key_type, request_id=REQUEST_ID, on_send=lambda: None)


async def _use_case(management: Management, if_match: str | None, deadline: float = 30) -> Regenerated:
    regenerator = Regenerator(keys=management, deadline=deadline, patience=BRIEF)
    return await regenerator.regenerate(
        Regeneration(
            resource=RESOURCE,
            key_type=KeyType.SECONDARY,
            if_match=None if if_match is None else frozenset({if_match}),
            request_id=REQUEST_ID,
        )
    )


async def _posts(control: ControlClient, operation: str = "regenerateKey") -> list[dict[str, object]]:
    return [entry for entry in await control.requests() if entry["operation"] == operation]


@pytest.mark.parametrize("key_type", list(KeyType))
async def test_a_key_is_regenerated_with_one_canonical_post(
    cloud: Cloud, management: Management, control: ControlClient, key_type: KeyType
) -> None:
    """One POST with the canonical keyType, our api-version and our request id returns the new key."""
    key = await _regenerate(management, key_type)
    assert key.key.reveal() == first_resource(cloud).key(key_type.value)
    assert key.connection_string is not None
    (post,) = await _posts(control)
    assert (post["keyType"], post["apiVersion"], post["clientRequestId"], post["effect"]) == (
        key_type.value,
        "2023-03-31",
        REQUEST_ID,
        True,
    )


async def test_arm_is_asked_with_the_version_and_for_the_token_that_the_settings_name(
    app_environment: dict[str, str], control: ControlClient
) -> None:
    """ARM_API_VERSION goes out with each request, and the token is for ARM_ENDPOINT, as sovereign clouds want it."""
    settings = parse_settings(app_environment | {"ARM_API_VERSION": "2025-09-01"})
    scopes: set[tuple[str, ...]] = set()

    class Watched(Credential):
        async def get_token_info(self, *of: str, options: TokenRequestOptions | None = None) -> AccessTokenInfo:
            scopes.add(of)
            return await super().get_token_info(*of, options=options)

    async with Watched(settings) as credential:
        management = Management(settings, credential)
        await management.list_keys(RESOURCE, request_id=REQUEST_ID)
        await _regenerate(management)
        await management.close()
    assert {entry["apiVersion"] for entry in await control.requests() if entry["service"] == "arm"} == {"2025-09-01"}
    assert scopes == {(f"{app_environment['ARM_ENDPOINT']}/.default",)}


async def test_both_keys_are_listed(cloud: Cloud, management: Management) -> None:
    """listKeys returns both keys as they are now."""
    keys = await management.list_keys(RESOURCE, request_id=REQUEST_ID)
    resource = first_resource(cloud)
    assert {key_type: key.key.reveal() for key_type, key in keys.items()} == {
        key_type: resource.key(key_type.value) for key_type in KeyType
    }


async def test_resources_of_several_subscriptions_share_one_token(
    cloud: Cloud, management: Management, control: ControlClient
) -> None:
    """A second subscription needs no second token."""
    other = RESOURCE_ID.replace("11112222", "99992222")
    await control.send("POST", "resources", {"resourceId": other})
    await _regenerate(management)
    await management.regenerate_key(
        ResourceId.parse(other), KeyType.PRIMARY, request_id=REQUEST_ID, on_send=lambda: None
    )
    assert len(await _posts(control)) == 2
    assert len(await _posts(control, "token")) == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 503, "retryAfter": 1}, {"status": 429, "retryAfter": 1}, {"disconnect": "before"}],
    ids=str,
)
async def test_the_post_is_never_repeated_by_the_sdk(
    management: Management, control: ControlClient, fault: dict[str, object]
) -> None:
    """Statuses and headers on which azure-core repeats a POST by itself lead to one POST here."""
    await control.put_faults({"service": "arm", "operation": "regenerateKey", **fault})
    with pytest.raises(Exception, match=r"."):
        await _regenerate(management)
    assert len(await _posts(control)) == 1


async def test_a_missing_registration_is_not_mended_behind_the_callers_back(
    management: Management, control: ControlClient
) -> None:
    """A 409 MissingSubscriptionRegistration is passed on and no resource provider is registered."""
    await control.put_faults(
        {
            "service": "arm",
            "operation": "regenerateKey",
            "status": 409,
            "code": "MissingSubscriptionRegistration",
            "message": "The subscription is not registered to use namespace 'Microsoft.Communication'.",
            "details": [{"code": "MissingSubscriptionRegistration", "target": "Microsoft.Communication"}],
        }
    )
    with pytest.raises(ArmRejected) as caught:
        await _regenerate(management)
    assert (caught.value.status, caught.value.code) == (409, "MissingSubscriptionRegistration")
    assert [entry["operation"] for entry in await control.requests()] == ["token", "regenerateKey"]


async def test_a_key_planted_in_arms_error_is_scrubbed(
    cloud: Cloud, management: Management, control: ControlClient
) -> None:
    """What ARM says in an error goes on without anything that looks like a key."""
    key = first_resource(cloud).key("Primary")
    await control.put_faults(
        {
            "service": "arm",
            "operation": "regenerateKey",
            "status": 400,
            "code": "BadRequest",
            "message": f"The key {key} is wrong.",
            "details": [{"code": "Wrong", "message": f"endpoint=https://host/;accesskey={key}"}],
            "additionalInfo": [{"type": "Key", "info": {"primaryKey": key, "list": [key]}}],
        }
    )
    with pytest.raises(ArmRejected) as caught:
        await _regenerate(management)
    answer = str(caught.value.to_json())
    assert key not in answer
    assert answer.count("REDACTED") == 4


async def test_a_refused_token_is_dropped_and_the_next_request_has_a_new_one(
    management: Management, control: ControlClient
) -> None:
    """A token that expired before its time costs one request, not a day of them."""
    await control.put_faults({"service": "identity", "operation": "token", "expiredToken": True, "times": 1})
    with pytest.raises(UpstreamAuthenticationFailed) as caught:
        await _regenerate(management)
    assert caught.value.outcome is RegenerationOutcome.NOT_REGENERATED
    await _regenerate(management)
    assert len(await _posts(control, "token")) == 2


async def test_no_identity_is_its_own_error_and_nothing_is_sent(management: Management, control: ControlClient) -> None:
    """Without a token ARM is not asked, and the error is the identity's, not the network's."""
    await control.put_faults({"service": "identity", "operation": "token", "status": 400})
    with pytest.raises(ManagedIdentityUnavailable) as caught:
        await _regenerate(management)
    assert caught.value.outcome is RegenerationOutcome.NOT_REGENERATED
    assert await _posts(control) == []


async def test_a_failing_identity_endpoint_is_asked_again(management: Management, control: ControlClient) -> None:
    """A token is asked for again where the identity endpoint failed."""
    await control.put_faults({"service": "identity", "operation": "token", "status": 503, "times": 1})
    await _regenerate(management)
    assert len(await _posts(control, "token")) == 2


async def test_a_user_assigned_identity_is_asked_for_by_client_id(
    app_environment: dict[str, str], control: ControlClient
) -> None:
    """AZURE_CLIENT_ID names the identity whose token is used; an unknown one is an error that says so."""
    for client_id, works in ((USER_ASSIGNED.client_id, True), ("00000000-0000-0000-0000-000000000000", False)):
        settings = parse_settings({**app_environment, "AZURE_CLIENT_ID": client_id})
        async with Credential(settings) as credential:
            management = Management(settings, credential)
            if works:
                await _regenerate(management)
            else:
                with pytest.raises(ManagedIdentityUnavailable, match="AZURE_CLIENT_ID"):
                    await _regenerate(management)
            await management.close()
    assert len(await _posts(control)) == 1


async def test_a_developers_credential_is_used_only_when_asked_for(
    app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, control: ControlClient
) -> None:
    """AZURE_TOKEN_CREDENTIALS picks one credential of azure-identity's chain; the managed identity is not tried."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    for name in ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.delenv(name, raising=False)
    settings = parse_settings({**app_environment, "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"})
    async with Credential(settings) as credential:
        management = Management(settings, credential)
        with pytest.raises(ManagedIdentityUnavailable, match="EnvironmentCredential"):
            await _regenerate(management)
        await management.close()
    assert await control.requests() == []


async def test_no_other_credential_is_used_unasked(
    cloud: Cloud, app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client secret that lies in the environment is not used, and its authority not asked: the identity is."""

    async def answer(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404)

    async with stranger(cloud, answer) as (origin, paths):
        for name, value in {
            "AZURE_AUTHORITY_HOST": origin,
            "AZURE_TENANT_ID": "99998888-7777-6666-5555-444433332222",
            "AZURE_CLIENT_ID": USER_ASSIGNED.client_id,
            "AZURE_CLIENT_SECRET": REQUEST_ID,
        }.items():
            monkeypatch.setenv(name, value)
        settings = parse_settings(app_environment | {"AZURE_CLIENT_ID": USER_ASSIGNED.client_id})
        async with Credential(settings) as credential:
            assert (await credential.get_token_info(f"{cloud.arm_url}/.default")).token
    assert paths == []


async def test_a_wrong_shape_of_keys_is_no_answer(management: Management, control: ControlClient) -> None:
    """A 200 without the key is not taken for a success, whether keys are regenerated or listed."""
    await control.put_faults({"service": "arm", "operation": "*", "body": "invalid"})
    with pytest.raises(UpstreamResponseInvalid):
        await _regenerate(management)
    with pytest.raises(UpstreamResponseInvalid):
        await management.list_keys(RESOURCE, request_id=REQUEST_ID)


@pytest.mark.parametrize(
    "fault",
    [{"disconnect": "after"}, {"status": 500, "after": True}, {"status": 503, "after": True}, {"body": "truncated"}],
    ids=str,
)
async def test_a_lost_answer_is_found_with_if_match(
    cloud: Cloud, management: Management, control: ControlClient, fault: dict[str, object]
) -> None:
    """Where ARM did regenerate and the answer got lost, listKeys shows the new key and ARM is not asked again."""
    before = (await management.list_keys(RESOURCE, request_id=REQUEST_ID))[KeyType.SECONDARY].fingerprint
    await control.put_faults({"service": "arm", "operation": "regenerateKey", "times": 1, **fault})
    regenerated = await _use_case(management, before)
    assert regenerated.key.key.reveal() == first_resource(cloud).key("Secondary")
    posts = await _posts(control)
    assert [post["effect"] for post in posts] == [True]


@pytest.mark.parametrize("fault", [{"disconnect": "before"}, {"status": 500}, {"status": 502}], ids=str)
async def test_a_lost_request_is_sent_again_with_if_match(
    management: Management, control: ControlClient, fault: dict[str, object]
) -> None:
    """Where ARM did nothing, the unchanged key is seen and ARM is asked once more: one effect in all."""
    before = (await management.list_keys(RESOURCE, request_id=REQUEST_ID))[KeyType.SECONDARY].fingerprint
    await control.put_faults({"service": "arm", "operation": "regenerateKey", "times": 1, **fault})
    regenerated = await _use_case(management, before)
    assert regenerated.key.fingerprint != before
    assert [post["effect"] for post in await _posts(control)] == [False, True]


async def test_a_refused_connection_is_tried_again(
    cloud: Cloud, management: Management, control: ControlClient
) -> None:
    """A request that never left is sent again, and ends well when ARM is back."""
    await control.put_faults({"service": "arm", "operation": "*", "refuse": True})

    async def comes_back() -> None:
        await asyncio.sleep(0.005)
        await control.put_faults()

    back = asyncio.create_task(comes_back())
    patience = Patience(again_after=(0.05,) * 20)
    regenerator = Regenerator(keys=management, deadline=30, patience=patience)
    await regenerator.regenerate(Regeneration(resource=RESOURCE, key_type=KeyType.PRIMARY, request_id=REQUEST_ID))
    await back
    assert [post["effect"] for post in await _posts(control)] == [True]


async def test_the_process_keeps_one_client_and_closes_it_with_its_loop(
    app_environment: dict[str, str], control: ControlClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Two requests share a client; when their loop ends its connections are closed and nothing is left to warn of."""
    caplog.set_level(logging.DEBUG)

    async def two_requests() -> None:
        process_settings.cache_clear()
        first, second = await composition.regenerator(), await composition.regenerator()
        assert first.keys is second.keys
        await first.regenerate(Regeneration(resource=RESOURCE, key_type=KeyType.PRIMARY, request_id=REQUEST_ID))

    # a loop of its own, in a thread of its own, as the worker has one; an unclosed session would warn on collection
    await asyncio.to_thread(lambda: asyncio.run(two_requests()))
    gc.collect()
    assert len(await _posts(control, "token")) == 1
    assert not [record for record in caplog.records if "Unclosed" in record.getMessage()]
