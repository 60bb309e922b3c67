"""Whose the secrets of a vault are, by one listing of the emulated Key Vault through the real SDK."""

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.key_vault_shapes import Shapes
from emulator.cloud.vault import Secret
from shared.azure_clients.credential import Credential
from shared.azure_clients.key_vault import KeyVault
from shared.azure_clients.key_vault_calls import Patience
from shared.key_vault_errors import KeyVaultForbidden, KeyVaultRejected, KeyVaultUnavailable
from shared.redaction import Secret as Value
from shared.resource_id import ResourceId
from shared.settings import parse_settings
from tests.support.cloud import ControlClient

RESOURCE = ResourceId.parse(RESOURCE_ID)
NAME = "MyCommunicationResource-connection-string"
OTHER_ID = RESOURCE_ID.replace("MyResourceGroup", "OtherGroup")


@pytest_asyncio.fixture
async def vault(app_environment: dict[str, str]) -> AsyncGenerator[KeyVault]:
    """The adapter, on the emulated vault."""
    async with Credential(parse_settings(app_environment)) as credential:
        opened = KeyVault(
            app_environment["KEY_VAULT_URL"],
            credential,
            verify_challenge_resource=False,
            patience=Patience(again_after=(0.001, 0.002), longest_retry_after=0.0),
        )
        yield opened
        await opened.close()


async def put(control: ControlClient, name: str, tags: dict[str, str] | None, **members: object) -> None:
    """Set a secret as somebody else does."""
    body = {"name": name, "value": "v", **members} | ({} if tags is None else {"tags": tags})
    answer = await control.send("POST", "secrets", body)
    assert answer.status in (200, 201), answer.body


async def asked(control: ControlClient) -> list[str]:
    """Return the operations that the vault was asked for, but for those that a challenge answered."""
    entries = [entry for entry in await control.requests() if entry["service"] == "keyvault"]
    return [str(entry["operation"]) for entry in entries if entry["status"] != 401]


async def test_the_secret_of_the_start_is_the_resources(vault: KeyVault) -> None:
    """By name, with the resource that its tag names."""
    assert await vault.tagged() == {NAME: RESOURCE}


async def test_one_listing_shows_all_however_many_pages(vault: KeyVault, control: ControlClient) -> None:
    """Sixty-one secrets of three resources' spellings come in three pages, and no value is read."""
    for number in range(60):
        owner = (RESOURCE_ID, RESOURCE_ID.upper(), OTHER_ID)[number % 3]
        await put(control, f"secret-{number:02}", {"ProviderAddress": owner})
    await control.send("DELETE", "requests")
    found = await vault.tagged()
    assert len(found) == 61
    assert sum(owner == RESOURCE for owner in found.values()) == 41
    assert {owner.resource_group for owner in found.values() if owner != RESOURCE} == {"OtherGroup"}
    assert await asked(control) == ["listSecrets"] * 3


async def test_each_listing_is_made_afresh(vault: KeyVault, control: ControlClient) -> None:
    """What came, changed hands or was deleted since the last one shows; who has the names of before keeps those."""
    before = await vault.tagged()
    await vault.set("new", Value("v"), tags={"ProviderAddress": OTHER_ID}, content_type=None, expires_on=None)
    assert await vault.tagged() == {NAME: RESOURCE, "new": ResourceId.parse(OTHER_ID)}
    await put(control, "new", {"ProviderAddress": RESOURCE_ID})
    assert (await vault.tagged())["new"] == RESOURCE
    await control.send("DELETE", "secrets?name=new")
    assert await vault.tagged() == {NAME: RESOURCE}
    assert before == {NAME: RESOURCE}


async def test_a_disabled_secret_is_left_out(vault: KeyVault, control: ControlClient) -> None:
    """Its current version cannot be read, whatever the versions before are."""
    await put(control, "off", {"ProviderAddress": RESOURCE_ID})
    await put(control, "off", {"ProviderAddress": RESOURCE_ID}, enabled=False)
    assert set(await vault.tagged()) == {NAME}


async def test_a_secret_that_backs_a_certificate_is_left_out(
    vault: KeyVault, control: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Key Vault marks it as managed, and nobody can set it."""
    await put(control, "of-a-certificate", {"ProviderAddress": RESOURCE_ID})
    plain = Shapes.item

    def item(self: Shapes, secret: Secret) -> dict[str, object]:
        managed = {"managed": True} if secret.name == "of-a-certificate" else {}
        return plain(self, secret) | managed

    assert set(await vault.tagged()) == {NAME, "of-a-certificate"}
    monkeypatch.setattr(Shapes, "item", item)
    assert set(await vault.tagged()) == {NAME}


@pytest.mark.parametrize(
    "tags",
    [
        None,
        {},
        {"CredentialId": "Primary", "ValidityPeriodDays": "90"},
        {"ProviderAddress": ""},
        {"ProviderAddress": "/subscriptions/11112222-3333-4444-5555-666677778888"},
        {"ProviderAddress": RESOURCE_ID + "/../other"},
        {"ProviderAddress": "https://attacker.example" + RESOURCE_ID},
        {"ProviderAddress": RESOURCE_ID + "?x=1"},
        {"ProviderAddress": RESOURCE_ID.replace("MyCommunicationResource", "%2e%2e")},
        {"ProviderAddress": RESOURCE_ID.replace("MyCommunicationResource", "MyCommunicationResourсe")},
        {"ProviderAddress": RESOURCE_ID.replace("/providers/Microsoft.Communication/", "/providers/Microsoft.Web/")},
        {"ProviderAddress": "x" * 256},
        {"ProviderAddress": "\u202e\u0000\n"},
        {"Provider Address": RESOURCE_ID},
    ],
    ids=range(14),
)
async def test_tags_that_name_no_resource_make_no_secret_of_ours(
    vault: KeyVault, control: ControlClient, tags: dict[str, str] | None
) -> None:
    """Untagged, half tagged, of another service, or hostile: it is somebody else's."""
    await put(control, "foreign", tags)
    assert set(await vault.tagged()) == {NAME}


async def test_a_tag_is_read_in_any_spelling(vault: KeyVault, control: ControlClient) -> None:
    """Its name in any case, blanks around the id, a slash at its end."""
    await put(control, "loud", {"PROVIDERADDRESS": f" {RESOURCE_ID.upper()}/ "})
    assert (await vault.tagged())["loud"] == RESOURCE


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 403, "code": "ForbiddenByRbac"}, KeyVaultForbidden),
        ({"status": 404, "code": "SecretNotFound"}, KeyVaultRejected),
        ({"status": 503}, KeyVaultUnavailable),
        ({"disconnect": "before"}, KeyVaultUnavailable),
        ({"body": "truncated"}, KeyVaultUnavailable),
        ({"body": "invalid"}, KeyVaultUnavailable),
    ],
    ids=str,
)
async def test_a_listing_that_fails_is_no_empty_one(
    vault: KeyVault, control: ControlClient, fault: dict[str, object], error: type[Exception]
) -> None:
    """Whoever asks learns that nothing is known."""
    await control.put_faults({"service": "keyvault", "operation": "listSecrets", **fault})
    with pytest.raises(error):
        await vault.tagged()
    await control.put_faults()
    assert set(await vault.tagged()) == {NAME}


async def test_a_page_that_is_lost_once_is_asked_for_again(vault: KeyVault, control: ControlClient) -> None:
    """A listing that fails once is made anew, and is whole."""
    for number in range(30):
        await put(control, f"secret-{number:02}", {"ProviderAddress": RESOURCE_ID})
    await control.put_faults({"service": "keyvault", "operation": "listSecrets", "times": 1, "status": 500})
    assert len(await vault.tagged()) == 31
