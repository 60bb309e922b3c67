"""Microsoft's own Key Vault client, async and sync, against the emulated vault."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.identity import ManagedIdentityCredential as SyncManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential
from azure.keyvault.secrets import SecretClient as SyncSecretClient
from azure.keyvault.secrets.aio import SecretClient

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import (
    RESOURCE_ID,
    SECRETS_OFFICER,
    USER_ASSIGNED,
    USER_ASSIGNED_WITHOUT_ROLE,
)
from emulator.cloud.fault_rules import parse_rules
from emulator.cloud.first_secret import NAME as FIRST_SECRET
from tests.support.cloud import environment
from tests.support.key_vault import AsyncIssuedCredential, IssuedCredential, vault_of

pytestmark = pytest.mark.usefixtures("app_environment")


def _client(
    cloud: Cloud, credential: ManagedIdentityCredential | AsyncIssuedCredential, retries: int = 0
) -> SecretClient:
    settings = environment(cloud)
    assert settings["KEY_VAULT_VERIFY_CHALLENGE_RESOURCE"] == "false"
    return SecretClient(
        settings["KEY_VAULT_URL"],
        credential,
        verify_challenge_resource=False,
        retry_total=retries,
        retry_backoff_factor=0,
    )


@pytest_asyncio.fixture
async def client(cloud: Cloud) -> AsyncGenerator[SecretClient]:
    """A client with the app's managed identity."""
    async with ManagedIdentityCredential() as credential, _client(cloud, credential) as client:
        yield client


@pytest_asyncio.fixture
async def officer(cloud: Cloud) -> AsyncGenerator[SecretClient]:
    """A client that may delete, recover and purge."""
    async with _client(cloud, AsyncIssuedCredential(cloud, SECRETS_OFFICER)) as client:
        yield client


async def test_the_first_secret_is_read_with_all_its_properties(client: SecretClient) -> None:
    """Managed identity, challenge and all: the SDK finds the value, the tags and the expiry."""
    secret = await client.get_secret(FIRST_SECRET)
    assert str(secret.value).startswith("endpoint=https://localhost:")
    assert secret.properties.tags == {
        "CredentialId": "Primary",
        "ProviderAddress": RESOURCE_ID,
        "ValidityPeriodDays": "90",
    }
    assert secret.properties.expires_on is not None
    assert timedelta(days=89) < secret.properties.expires_on - datetime.now(UTC) <= timedelta(days=90)
    assert (secret.properties.enabled, secret.properties.content_type) == (True, None)
    assert (secret.properties.recovery_level, secret.properties.recoverable_days) == ("Recoverable+Purgeable", 90)


async def test_a_set_secret_is_read_back(client: SecretClient) -> None:
    """Everything that set_secret takes comes back, from the newest version and from the named one."""
    expires = datetime(2100, 1, 1, tzinfo=UTC)
    made = await client.set_secret(
        "name",
        "one",
        tags={"a": "b"},
        content_type="text/plain",
        expires_on=expires,
        not_before=datetime(2026, 1, 1, tzinfo=UTC),
    )
    await client.set_secret("name", "two")
    assert (await client.get_secret("name")).value == "two"
    read = await client.get_secret("name", made.properties.version)
    assert (read.value, read.id) == ("one", made.id)
    assert (read.properties.tags, read.properties.content_type) == ({"a": "b"}, "text/plain")
    assert (read.properties.expires_on, read.properties.not_before) == (expires, datetime(2026, 1, 1, tzinfo=UTC))
    assert read.properties.vault_url == client.vault_url


async def test_disabling_an_old_version_leaves_the_new_one(client: SecretClient) -> None:
    """update_secret_properties disables a version, which can then not be read; the newest can."""
    old = await client.set_secret("name", "one")
    await client.set_secret("name", "two")
    updated = await client.update_secret_properties("name", old.properties.version, enabled=False)
    assert updated.enabled is False
    with pytest.raises(HttpResponseError) as caught:
        await client.get_secret("name", old.properties.version)
    assert caught.value.status_code == 403
    assert caught.value.error is not None
    assert caught.value.error.code == "Forbidden"
    assert "SecretDisabled" in str(caught.value.error.innererror)
    assert (await client.get_secret("name")).value == "two"


async def test_lists_go_through_all_pages(client: SecretClient) -> None:
    """Sixty secrets and forty versions are found, whatever the size of a page."""
    for number in range(59):
        await client.set_secret(f"secret-{number:02}", "x")
    for _ in range(39):
        await client.set_secret("secret-00", "x")
    names = [each.name async for each in client.list_properties_of_secrets()]
    assert len(names) == len(set(names)) == 60
    assert names == [each.name async for each in client.list_properties_of_secrets(max_page_size=7)]
    versions = [each.version async for each in client.list_properties_of_secret_versions("secret-00")]
    assert len(versions) == len(set(versions)) == 40
    assert (await client.get_secret("secret-00")).properties.version in versions


async def test_deletion_recovery_and_purge(officer: SecretClient) -> None:
    """The pollers end, a deleted name is a conflict, and a purged one is free."""
    await officer.set_secret("name", "one")
    deleted = await officer.delete_secret("name")
    assert deleted.recovery_id == f"{officer.vault_url}/deletedsecrets/name"
    assert [each.name async for each in officer.list_deleted_secrets()] == ["name"]
    with pytest.raises(ResourceExistsError) as caught:
        await officer.set_secret("name", "two")
    assert "ObjectIsDeletedButRecoverable" in str(caught.value.error and caught.value.error.innererror)
    assert (await officer.recover_deleted_secret("name")).name == "name"
    assert (await officer.get_secret("name")).value == "one"
    await officer.delete_secret("name")
    await officer.purge_deleted_secret("name")
    with pytest.raises(ResourceNotFoundError):
        await officer.get_deleted_secret("name")
    await officer.set_secret("name", "three")


async def test_errors_arrive_as_the_sdks_own(client: SecretClient) -> None:
    """A missing secret is ResourceNotFoundError, a bad name and a deletion without the right HttpResponseError."""
    with pytest.raises(ResourceNotFoundError) as missing:
        await client.get_secret("unknown")
    assert missing.value.error is not None
    assert missing.value.error.code == "SecretNotFound"
    with pytest.raises(HttpResponseError) as bad:
        await client.set_secret("a_b", "x")
    assert (bad.value.status_code, bad.value.error and bad.value.error.code) == (400, "BadParameter")
    with pytest.raises(HttpResponseError) as denied:
        await client.delete_secret(FIRST_SECRET)
    assert denied.value.status_code == 403
    assert "ForbiddenByRbac" in str(denied.value.error and denied.value.error.innererror)


async def test_a_user_assigned_identity_may_and_one_without_a_role_may_not(cloud: Cloud) -> None:
    """The identity that the app names by client id decides."""
    async with (
        ManagedIdentityCredential(client_id=USER_ASSIGNED.client_id) as credential,
        _client(cloud, credential) as client,
    ):
        await client.set_secret("name", "x")
    async with (
        ManagedIdentityCredential(client_id=USER_ASSIGNED_WITHOUT_ROLE.client_id) as credential,
        _client(cloud, credential) as client,
    ):
        with pytest.raises(HttpResponseError) as caught:
            await client.get_secret("name")
    assert caught.value.status_code == 403
    assert "ForbiddenByRbac" in str(caught.value.error and caught.value.error.innererror)


async def test_the_challenge_is_verified_unless_told_otherwise(cloud: Cloud) -> None:
    """With its default the client refuses a challenge for vault.azure.net from a vault at localhost."""
    credential = AsyncIssuedCredential(cloud, SECRETS_OFFICER)
    async with SecretClient(str(cloud.key_vault_url), credential, retry_total=0) as client:
        with pytest.raises(ValueError, match="challenge resource"):
            await client.get_secret(FIRST_SECRET)


async def test_an_expired_token_is_an_authentication_error(cloud: Cloud) -> None:
    """A token that only looks valid is refused with the challenge again, and the client gives up."""
    await cloud.set_faults(parse_rules([{"service": "identity", "expiredToken": True}]))
    async with ManagedIdentityCredential() as credential, _client(cloud, credential) as client:
        with pytest.raises(ClientAuthenticationError):
            await client.get_secret(FIRST_SECRET)


@pytest.mark.parametrize("effect", [{"status": 429, "retryAfter": 0}, {"status": 503}, {"disconnect": "before"}])
async def test_passing_failures_are_retried_by_the_sdk(cloud: Cloud, effect: dict[str, object]) -> None:
    """With retries on, one throttled, failed or dropped request does not reach the caller."""
    await cloud.set_faults(parse_rules([{"service": "keyvault", "operation": "setSecret", "times": 1, **effect}]))
    async with ManagedIdentityCredential() as credential, _client(cloud, credential, retries=3) as client:
        assert (await client.set_secret("name", "x")).value == "x"
    assert not cloud.faults.rules()


async def test_a_lost_answer_makes_a_second_version(cloud: Cloud) -> None:
    """Setting is not idempotent, and aiohttp repeats a PUT whose answer was lost though the SDK retries nothing."""
    await cloud.set_faults(
        parse_rules([{"service": "keyvault", "operation": "setSecret", "times": 1, "disconnect": "after"}])
    )
    async with ManagedIdentityCredential() as credential, _client(cloud, credential, retries=0) as client:
        await client.set_secret("name", "x")
    secret = vault_of(cloud).find("name")
    assert secret is not None
    assert [each.value for each in secret.versions] == ["x", "x"]


async def test_the_sync_client_does_the_same(cloud: Cloud) -> None:
    """Over requests, with trust from the environment: set, get, update, lists, delete, recover, purge."""
    url = environment(cloud)["KEY_VAULT_URL"]

    def use() -> None:
        with (
            SyncManagedIdentityCredential() as credential,
            SyncSecretClient(url, credential, verify_challenge_resource=False, retry_total=0) as client,
        ):
            version = client.set_secret("name", "one").properties.version
            client.set_secret("name", "two", content_type="x")
            client.update_secret_properties("name", version, enabled=False)
            assert client.get_secret("name").value == "two"
            assert [each.name for each in client.list_properties_of_secrets()] == [FIRST_SECRET, "name"]
            versions = {each.version: each.enabled for each in client.list_properties_of_secret_versions("name")}
            assert (len(versions), versions[version]) == (2, False)
        officer = IssuedCredential(cloud, SECRETS_OFFICER)
        with SyncSecretClient(url, officer, verify_challenge_resource=False, retry_total=0) as client:
            client.begin_delete_secret("name").wait()
            assert client.get_deleted_secret("name").name == "name"
            client.begin_recover_deleted_secret("name").wait()
            client.begin_delete_secret("name").wait()
            client.purge_deleted_secret("name")
            assert list(client.list_deleted_secrets()) == []

    await asyncio.to_thread(use)
