"""Publishing through the real Key Vault SDK: twice, after lost answers, with one secret failing, without a secret."""

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import pytest_asyncio

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from shared.azure_clients.credential import Credential
from shared.azure_clients.key_vault import KeyVault
from shared.azure_clients.key_vault_calls import Patience
from shared.azure_clients.management import Management
from shared.connection_string import endpoint_of
from shared.delivery import Delivery, Published
from shared.key_vault_errors import DeliveryIncomplete
from shared.parameters import KeyType
from shared.published_secret import default_name
from shared.redaction import AccessKey
from shared.resource_id import ResourceId
from shared.settings import parse_settings
from tests.support.cloud import ControlClient

RESOURCE = ResourceId.parse(RESOURCE_ID)
NAME = "MyCommunicationResource-connection-string"
TAGS = {"CredentialId": "Primary", "ProviderAddress": RESOURCE_ID, "ValidityPeriodDays": "90"}
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
BRIEF = Patience(again_after=(0.001, 0.002))


class App:
    """The use case on the emulated cloud, and the key that it is to publish: the secondary one."""

    def __init__(self, vault: KeyVault, key: AccessKey) -> None:
        self.key = key
        self.delivery = Delivery(vault=vault, grace=timedelta(days=2), validity_days=90, now=lambda: NOW)

    async def publish(self, *, create: bool = False) -> list[Published]:
        """Publish the key."""
        return await self.delivery.publish(RESOURCE, KeyType.SECONDARY, self.key, endpoint_of(self.key), create=create)


@pytest_asyncio.fixture
async def app(app_environment: dict[str, str]) -> AsyncGenerator[App]:
    """The use case, its clients, and the key as ARM gives it."""
    settings = parse_settings(app_environment)
    async with Credential(settings) as credential:
        management = Management(settings, credential)
        assert settings.key_vault_url is not None
        vault = KeyVault(
            settings.key_vault_url,
            credential,
            verify_challenge_resource=settings.key_vault_verify_challenge_resource,
            patience=BRIEF,
        )
        keys = await management.list_keys(RESOURCE, request_id="r")
        yield App(vault, keys[KeyType.SECONDARY])
        await vault.close()
        await management.close()


async def _secrets(control: ControlClient) -> dict[str, list[dict[str, object]]]:
    listed = cast("list[dict[str, object]]", (await control.send("GET", "secrets")).json)
    return {str(each["name"]): cast("list[dict[str, object]]", each["versions"]) for each in listed}


async def _make(control: ControlClient, name: str, value: str, tags: Mapping[str, str] = TAGS) -> None:
    answer = await control.send("POST", "secrets", {"name": name, "value": value, "tags": tags})
    assert answer.status in (200, 201), answer.body


async def test_a_key_replaces_the_one_before(app: App, control: ControlClient) -> None:
    """A new version in the old format, with the slot's tag and its expiry; the one before stays enabled."""
    old = (await _secrets(control))[NAME][0]
    (published,) = await app.publish()
    before, after = (await _secrets(control))[NAME]
    assert before == old
    assert published.superseded_id is not None
    assert published.superseded_id.endswith(str(old["version"]))
    assert (published.id.rpartition("/")[2], published.version) == (after["version"], after["version"])
    assert app.key.connection_string is not None
    assert after["value"] == app.key.connection_string.reveal()
    assert after["tags"] == {**TAGS, "CredentialId": "Secondary"}
    assert after["expiresOn"] == "2026-04-01T12:00:00Z"


async def test_a_second_publication_sets_nothing(app: App, control: ControlClient) -> None:
    """The same result, but that nothing was changed by it."""
    (first,) = await app.publish()
    (second,) = await app.publish()
    assert (second.id, second.superseded_id, second.changed) == (first.id, first.superseded_id, False)
    assert len((await _secrets(control))[NAME]) == 2


@pytest.mark.parametrize(
    "fault",
    [{"disconnect": "after"}, {"status": 503, "after": True}, {"body": "invalid"}, {"disconnect": "before"}],
    ids=str,
)
async def test_a_lost_answer_makes_one_version(app: App, control: ControlClient, fault: dict[str, object]) -> None:
    """Whether Key Vault had set it or not: exactly one new version."""
    await control.put_faults({"service": "keyvault", "operation": "setSecret", "times": 1, **fault})
    (published,) = await app.publish()
    assert published.changed
    assert len((await _secrets(control))[NAME]) == 2


async def test_an_attempt_that_gave_up_is_completed_by_the_next(app: App, control: ControlClient) -> None:
    """The answer is lost and then nothing can be read: an error that may pass; the repetition finds the key there."""
    await control.put_faults(
        {"service": "keyvault", "operation": "getSecret", "times": 1, "delaySeconds": 0},
        {"service": "keyvault", "operation": "getSecret", "status": 503},
        {"service": "keyvault", "operation": "setSecret", "disconnect": "after"},
    )
    with pytest.raises(DeliveryIncomplete) as caught:
        await app.publish()
    assert (caught.value.code, caught.value.retriable) == ("KeyVaultUnavailable", True)
    await control.put_faults()
    old, new = (await _secrets(control))[NAME]
    (published,) = await app.publish()
    assert (published.version, published.changed) == (new["version"], False)
    assert published.superseded_id is not None
    assert published.superseded_id.endswith(str(old["version"]))
    assert len((await _secrets(control))[NAME]) == 2


async def test_sixty_secrets_are_all_published(app: App, control: ControlClient) -> None:
    """Every second one bare, every second one a connection string; all hold the key in the end."""
    for number in range(60):
        await _make(control, f"s-{number:02}", "bare" if number % 2 else "endpoint=https://h/;accesskey=x;a=b")
    published = await app.publish()
    assert len(published) == 61
    secrets = await _secrets(control)
    key = app.key.key.reveal()
    for number in range(60):
        expected = key if number % 2 else f"endpoint=https://h/;accesskey={key};a=b"
        assert [version["value"] for version in secrets[f"s-{number:02}"]][1:] == [expected]


async def test_one_denied_secret_does_not_hinder_the_others(app: App, control: ControlClient) -> None:
    """The first set is denied; the others are done, and the error says which is which."""
    await _make(control, "A", "bare")
    await control.put_faults({"service": "keyvault", "operation": "setSecret", "status": 403, "times": 1})
    with pytest.raises(DeliveryIncomplete) as caught:
        await app.publish()
    assert (caught.value.status, caught.value.code) == (403, "KeyVaultForbidden")
    secrets = await _secrets(control)
    delivered = caught.value.additional_info[0]["info"]["delivered"]
    assert [each.rpartition("/")[2] for each in delivered] == [secrets[NAME][-1]["version"]]
    assert (len(secrets["A"]), len(secrets[NAME])) == (1, 2)
    assert set(caught.value.failures) == {"A"}


async def test_a_resource_without_a_secret_gets_one(app: App, cloud: Cloud, control: ControlClient) -> None:
    """After the tagged one is gone for good the default name is free, and a connection string is created there."""
    assert cloud.vault is not None
    cloud.vault.clear()
    assert await app.publish() == []
    (published,) = await app.publish(create=True)
    assert (published.name, published.superseded_id) == (default_name(RESOURCE), None)
    (created,) = (await _secrets(control))[NAME]
    assert app.key.connection_string is not None
    assert created["value"] == app.key.connection_string.reveal()
    assert created["tags"] == {**TAGS, "CredentialId": "Secondary"}


async def test_a_soft_deleted_default_name_is_told(app: App, control: ControlClient) -> None:
    """The name is taken: recover or purge."""
    await control.send("DELETE", f"secrets?name={NAME}")
    with pytest.raises(DeliveryIncomplete) as caught:
        await app.publish(create=True)
    assert (caught.value.status, caught.value.code, caught.value.target) == (409, "SecretDeleted", NAME)


async def test_somebody_elses_default_name_is_not_touched(app: App, cloud: Cloud, control: ControlClient) -> None:
    """A secret of that name without our tags stays as it is."""
    assert cloud.vault is not None
    cloud.vault.clear()
    await _make(control, NAME, "theirs", {})
    with pytest.raises(DeliveryIncomplete) as caught:
        await app.publish(create=True)
    assert caught.value.code == "SecretNotOurs"
    assert [version["value"] for version in (await _secrets(control))[NAME]] == ["theirs"]


async def test_the_superseded_version_can_be_read_and_disabled(app: App) -> None:
    """What the result names is what a revocation needs: the old key for its proof, then the version disabled."""
    (published,) = await app.publish()
    assert published.superseded_id is not None
    version = published.superseded_id.rpartition("/")[2]
    vault = app.delivery.vault
    superseded = await vault.version(published.name, version)
    assert superseded is not None
    assert superseded.key != app.key.key
    await vault.disable(published.name, version)
    assert await vault.version(published.name, version) is None
