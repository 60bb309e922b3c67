"""The official Python management SDK against the emulated cloud: a client that nobody here wrote."""

import asyncio
from collections.abc import Callable

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceNotFoundError
from azure.identity import ManagedIdentityCredential as SyncManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential
from azure.mgmt.communication import CommunicationServiceManagementClient as SyncManagementClient
from azure.mgmt.communication.aio import CommunicationServiceManagementClient
from azure.mgmt.communication.models import CommunicationServiceKeys

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import (
    RESOURCE_GROUP,
    RESOURCE_ID,
    RESOURCE_NAME,
    SUBSCRIPTION_ID,
    USER_ASSIGNED,
    USER_ASSIGNED_WITHOUT_ROLE,
)
from emulator.cloud.journal import Entry
from tests.support.cloud import first_resource

pytestmark = pytest.mark.usefixtures("app_environment")

PUBLIC_SCOPE = "https://management.azure.com/.default"


def _client(
    cloud: Cloud, credential: ManagedIdentityCredential, scope: str = PUBLIC_SCOPE
) -> CommunicationServiceManagementClient:
    return CommunicationServiceManagementClient(
        credential, SUBSCRIPTION_ID, base_url=cloud.arm_url, credential_scopes=[scope], retry_total=0
    )


async def _regenerate(cloud: Cloud, credential: ManagedIdentityCredential) -> CommunicationServiceKeys:
    async with credential, _client(cloud, credential) as client:
        return await client.communication_services.regenerate_key(RESOURCE_GROUP, RESOURCE_NAME, {"keyType": "Primary"})


async def test_regenerate_key_returns_the_new_key_alone(cloud: Cloud) -> None:
    """regenerate_key changes one key and returns it with its connection string, without the other one."""
    resource = first_resource(cloud)
    other = resource.key("Secondary")
    keys = await _regenerate(cloud, ManagedIdentityCredential())
    assert keys.primary_key == resource.key("Primary") == resource.issued[-1]
    assert keys.primary_connection_string == (
        f"endpoint={cloud.data_plane_url}/{RESOURCE_NAME}/;accesskey={keys.primary_key}"
    )
    assert (keys.secondary_key, keys.secondary_connection_string) == (None, None)
    assert resource.key("Secondary") == other


async def test_list_keys_returns_both_keys_with_connection_strings(cloud: Cloud) -> None:
    """list_keys returns all four properties of CommunicationServiceKeys."""
    async with ManagedIdentityCredential() as credential, _client(cloud, credential) as client:
        keys = await client.communication_services.list_keys(RESOURCE_GROUP, RESOURCE_NAME)
    resource = first_resource(cloud)
    assert (keys.primary_key, keys.secondary_key) == (resource.key("Primary"), resource.key("Secondary"))
    assert str(keys.secondary_connection_string).endswith(f";accesskey={keys.secondary_key}")


async def test_get_and_both_lists_return_the_resource(cloud: Cloud) -> None:
    """The resource is found by name, in its subscription and in its resource group."""
    async with ManagedIdentityCredential() as credential, _client(cloud, credential) as client:
        services = client.communication_services
        found = await services.get(RESOURCE_GROUP, RESOURCE_NAME)
        by_subscription = [each.id async for each in services.list_by_subscription()]
        by_group = [each.id async for each in services.list_by_resource_group(RESOURCE_GROUP)]
    assert [found.id] == by_subscription == by_group == [RESOURCE_ID]
    assert found.host_name == f"{cloud.data_plane_url.removeprefix('https://')}/{RESOURCE_NAME}"


async def test_an_unknown_resource_is_the_sdks_own_error(cloud: Cloud) -> None:
    """A missing resource arrives as ResourceNotFoundError with ARM's code and message."""
    async with ManagedIdentityCredential() as credential, _client(cloud, credential) as client:
        with pytest.raises(ResourceNotFoundError) as caught:
            await client.communication_services.list_keys(RESOURCE_GROUP, "Other")
    assert caught.value.error is not None
    assert caught.value.error.code == "ResourceNotFound"
    assert "communicationServices/Other" in str(caught.value.error.message)


async def test_the_emulated_arm_is_an_audience_of_its_own(cloud: Cloud) -> None:
    """A token for the ARM endpoint itself is accepted, as in a sovereign cloud."""
    async with (
        ManagedIdentityCredential() as credential,
        _client(cloud, credential, f"{cloud.arm_url}/.default") as client,
    ):
        found = await client.communication_services.get(RESOURCE_GROUP, RESOURCE_NAME)
    assert found.id == RESOURCE_ID


async def test_a_token_for_another_service_is_refused(cloud: Cloud) -> None:
    """A token for Key Vault arrives as ClientAuthenticationError."""
    async with (
        ManagedIdentityCredential() as credential,
        _client(cloud, credential, "https://vault.azure.net/.default") as client,
    ):
        with pytest.raises(ClientAuthenticationError) as caught:
            await client.communication_services.get(RESOURCE_GROUP, RESOURCE_NAME)
    assert caught.value.error is not None
    assert caught.value.error.code == "InvalidAuthenticationTokenAudience"


async def test_a_user_assigned_identity_is_found_by_its_client_id(cloud: Cloud) -> None:
    """The identity that the app names by client id gets a token and may regenerate."""
    keys = await _regenerate(cloud, ManagedIdentityCredential(client_id=USER_ASSIGNED.client_id))
    assert keys.primary_key == first_resource(cloud).key("Primary")


async def test_an_unknown_client_id_gets_no_token(cloud: Cloud) -> None:
    """A client id that is not assigned to the app is an authentication error, and ARM is never asked."""
    with pytest.raises(ClientAuthenticationError):
        await _regenerate(cloud, ManagedIdentityCredential(client_id="dddddddd-0000-4000-8000-000000000000"))
    assert {entry.service for entry in cloud.journal.entries()} == {"identity"}


async def test_an_identity_without_a_role_is_forbidden(cloud: Cloud) -> None:
    """ARM answers 403 AuthorizationFailed and regenerates nothing."""
    before = first_resource(cloud).key("Primary")
    with pytest.raises(HttpResponseError) as caught:
        await _regenerate(cloud, ManagedIdentityCredential(client_id=USER_ASSIGNED_WITHOUT_ROLE.client_id))
    assert caught.value.status_code == 403
    assert caught.value.error is not None
    assert caught.value.error.code == "AuthorizationFailed"
    assert first_resource(cloud).key("Primary") == before


def _calls(cloud: Cloud, wanted: Callable[[Entry], bool]) -> int:
    return sum(wanted(entry) for entry in cloud.journal.entries())


async def test_a_credential_asks_for_one_token_and_keeps_it(cloud: Cloud) -> None:
    """Tokens live long enough that the SDK caches them: many calls, one request for a token."""
    async with ManagedIdentityCredential() as credential, _client(cloud, credential) as client:
        for _ in range(3):
            await client.communication_services.list_keys(RESOURCE_GROUP, RESOURCE_NAME)
    assert _calls(cloud, lambda entry: entry.operation == "token") == 1
    assert _calls(cloud, lambda entry: entry.operation == "listKeys") == 3


async def test_the_sync_sdk_works_with_a_ca_file(cloud: Cloud) -> None:
    """The sync client over requests trusts the authority given as connection_verify."""

    def regenerate() -> CommunicationServiceKeys:
        with (
            SyncManagedIdentityCredential() as credential,
            SyncManagementClient(
                credential,
                SUBSCRIPTION_ID,
                base_url=cloud.arm_url,
                credential_scopes=[PUBLIC_SCOPE],
                connection_verify=str(cloud.authority.ca_file),
            ) as client,
        ):
            return client.communication_services.regenerate_key(RESOURCE_GROUP, RESOURCE_NAME, {"keyType": "Secondary"})

    keys = await asyncio.to_thread(regenerate)
    assert keys.secondary_key == first_resource(cloud).key("Secondary")


@pytest.mark.parametrize("fault", [{"disconnect": "before"}, {"body": "truncated"}])
async def test_broken_answers_are_errors_of_the_sdk(cloud: Cloud, fault: dict[str, str]) -> None:
    """A dropped connection and half a body surface as exceptions of azure-core, not as hangs or nonsense."""
    from azure.core.exceptions import AzureError

    from emulator.cloud.fault_rules import parse_rules

    await cloud.set_faults(parse_rules([{"service": "arm", "operation": "regenerateKey", **fault}]))
    with pytest.raises(AzureError):
        await _regenerate(cloud, ManagedIdentityCredential())
