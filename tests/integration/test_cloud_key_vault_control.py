"""`/_control/secrets`, reset, a cloud without a vault, and that no value is logged."""

import logging
import secrets
from datetime import UTC, datetime, timedelta
from typing import cast

import aiohttp
import pytest

from emulator.cloud.addresses import CloudSockets
from emulator.cloud.authority import ensure_authority
from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID
from emulator.cloud.first_secret import NAME as FIRST_SECRET
from tests.support.cloud import EMULATOR_DIRECTORY, ControlClient, Http, first_resource
from tests.support.key_vault import KeyVaultClient

Item = dict[str, object]


@pytest.fixture
def vault(cloud: Cloud, http: Http) -> KeyVaultClient:
    """A plain client with the rights of the app."""
    return KeyVaultClient(cloud, http)


async def _versions(control: ControlClient, name: str) -> list[Item]:
    listed = cast("list[Item]", (await control.send("GET", "secrets")).json)
    return next(cast("list[Item]", each["versions"]) for each in listed if each["name"] == name)


async def test_the_first_secret_is_shown_with_everything(cloud: Cloud, control: ControlClient) -> None:
    """GET shows each secret with its versions: value, tags, dates and all."""
    [secret] = cast("list[Item]", (await control.send("GET", "secrets")).json)
    assert secret["name"] == FIRST_SECRET
    [version] = cast("list[Item]", secret["versions"])
    created = datetime.fromisoformat(str(version.pop("createdOn")))
    assert datetime.fromisoformat(str(version.pop("expiresOn"))) - created == timedelta(days=90)
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)
    assert len(str(version.pop("version"))) == 32
    assert version == {
        "value": f"endpoint={cloud.data_plane_url}/MyCommunicationResource/"
        f";accesskey={first_resource(cloud).key('Primary')}",
        "tags": {"CredentialId": "Primary", "ProviderAddress": RESOURCE_ID, "ValidityPeriodDays": "90"},
        "contentType": None,
        "enabled": True,
    }


async def test_versions_come_oldest_first(control: ControlClient, vault: KeyVaultClient) -> None:
    """Versions set by the app and by hand are in the order of their making, disabled ones too."""
    first = await vault.set("name", "0")
    for number in range(1, 10):
        await control.send("POST", "secrets", {"name": "name", "value": str(number)})
    await vault.send("PATCH", f"/secrets/name/{first}", {"attributes": {"enabled": False}})
    versions = await _versions(control, "name")
    assert [each["value"] for each in versions] == [str(number) for number in range(10)]
    assert (versions[0]["version"], versions[0]["enabled"], versions[1]["enabled"]) == (first, False, True)


async def test_a_secret_set_by_hand_is_there_for_the_app(control: ControlClient, vault: KeyVaultClient) -> None:
    """POST makes a secret (201) or a version (200) without a token, and the vault serves it."""
    sent = {
        "name": "by-hand",
        "value": "x",
        "tags": {"a": "b"},
        "contentType": "text/plain",
        "expiresOn": "2100-01-01T01:00:00+01:00",
    }
    made = await control.send("POST", "secrets", sent)
    assert made.status == 201
    [version] = cast("list[Item]", made.members["versions"])
    assert (version["expiresOn"], version["enabled"]) == ("2100-01-01T00:00:00Z", True)
    read = await vault.send("GET", "/secrets/by-hand")
    assert (read.members["value"], read.members["tags"], read.members["contentType"]) == ("x", {"a": "b"}, "text/plain")
    assert cast("Item", read.members["attributes"])["exp"] == 4102444800
    again = await control.send("POST", "secrets", {"name": "BY-HAND", "value": "y", "enabled": False, "tags": None})
    assert again.status == 200
    assert (await vault.send("GET", "/secrets/by-hand")).status == 403
    assert [each["value"] for each in await _versions(control, "by-hand")] == ["x", "y"]


async def test_by_hand_is_not_in_the_journal(control: ControlClient) -> None:
    """What the control API does is nothing that the cloud was asked."""
    await control.send("POST", "secrets", {"name": "name", "value": "x"})
    assert await control.requests() == []


async def test_delete_is_a_soft_delete(control: ControlClient, vault: KeyVaultClient) -> None:
    """The secret is gone from the list, the vault keeps it as deleted, and its name is taken."""
    assert (await control.send("DELETE", f"secrets?name={FIRST_SECRET.upper()}")).status == 204
    assert (await control.send("GET", "secrets")).json == []
    assert (await vault.send("GET", f"/secrets/{FIRST_SECRET}")).status == 404
    assert (await vault.send("GET", f"/deletedsecrets/{FIRST_SECRET}")).status == 200
    assert (await vault.send("PUT", f"/secrets/{FIRST_SECRET}", {"value": "x"})).status == 409
    assert (await control.send("POST", "secrets", {"name": FIRST_SECRET, "value": "x"})).status == 409
    assert (await control.send("DELETE", f"secrets?name={FIRST_SECRET}")).status == 404
    assert (await control.send("DELETE", "secrets")).status == 400


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"value": "x"}, "name is missing"),
        ({"name": "a_b", "value": "x"}, "name must have"),
        ({"name": "a"}, "value is missing"),
        ({"name": "a", "value": 1}, "value must be a string"),
        ({"name": "a", "value": "x" * 25_601}, "value must have at most"),
        ({"name": "a", "value": "x", "tags": {"a": 1}}, "tags must have strings"),
        ({"name": "a", "value": "x", "tags": ["a"]}, "tags: must be an object"),
        ({"name": "a", "value": "x", "tags": {"a": "b" * 257}}, "tags: names and values"),
        ({"name": "a", "value": "x", "tags": {str(number): "" for number in range(16)}}, "at most 15 tags"),
        ({"name": "a", "value": "x", "contentType": 1}, "contentType must be a string"),
        ({"name": "a", "value": "x", "expiresOn": 1}, "expiresOn must be a string"),
        ({"name": "a", "value": "x", "expiresOn": "soon"}, "expiresOn must be a moment"),
        ({"name": "a", "value": "x", "expiresOn": "2026-01-01T00:00:00"}, "expiresOn must be a moment"),
        ({"name": "a", "value": "x", "enabled": 1}, "enabled must be true or false"),
        ({"name": "a", "value": "x", "expires": None}, "unknown: expires"),
        (["a"], "object"),
    ],
)
async def test_a_wrong_secret_is_refused_by_name(control: ControlClient, body: object, word: str) -> None:
    """The error names the member, never the value, and no secret is made."""
    answer = await control.send("POST", "secrets", body)
    assert answer.status == 400
    assert word in str(answer.members["error"])
    assert len(cast("list[Item]", (await control.send("GET", "secrets")).json)) == 1


async def test_reset_restores_the_first_secret(cloud: Cloud, control: ControlClient, vault: KeyVaultClient) -> None:
    """One secret, one version, publishing the new primary key; deleted secrets are forgotten."""
    await vault.set("name")
    await control.send("DELETE", f"secrets?name={FIRST_SECRET}")
    await control.send("POST", "reset")
    [version] = await _versions(control, FIRST_SECRET)
    assert str(version["value"]).endswith(f";accesskey={first_resource(cloud).key('Primary')}")
    assert len(cast("list[Item]", (await control.send("GET", "secrets")).json)) == 1
    assert (await vault.send("GET", "/deletedsecrets")).members["value"] == []


async def test_dates_beyond_the_calendar_are_shown_as_numbers(control: ControlClient, vault: KeyVaultClient) -> None:
    """The service takes any whole number as a date; the list stays readable."""
    await vault.set("name", attributes={"exp": 10**20})
    [version] = await _versions(control, "name")
    assert version["expiresOn"] == "100000000000000000000"


async def test_a_cloud_without_a_vault_has_none_anywhere(http: Http) -> None:
    """Its port refuses, the endpoint is null, the control API says so; the rest works and can be reset."""
    sockets = CloudSockets.bind()
    url = sockets.key_vault_url
    cloud = Cloud(sockets=sockets, authority=ensure_authority(EMULATOR_DIRECTORY), identity_header="x", key_vault=False)
    try:
        await cloud.start()
        control = ControlClient(cloud, http)
        assert (await control.send("GET", "endpoints")).members["keyVault"] is None
        for method, body in (("GET", None), ("POST", {"name": "a", "value": "x"}), ("DELETE", None)):
            answer = await control.send(method, "secrets", body)
            assert (answer.status, answer.json) == (404, {"error": "This cloud has no key vault."})
        with pytest.raises(aiohttp.ClientConnectorError):
            await http.send("GET", f"{url}/secrets")
        await control.put_faults({"service": "keyvault", "refuse": True})
        assert (await control.send("POST", "reset")).status == 204
    finally:
        await cloud.stop()


async def test_no_value_is_logged(
    control: ControlClient, vault: KeyVaultClient, caplog: pytest.LogCaptureFixture
) -> None:
    """At DEBUG, with good and bad requests, neither a value nor a token stands in a line; INFO has a line for each."""
    caplog.set_level(logging.DEBUG)
    value = secrets.token_urlsafe(32)
    await vault.set("name", value)
    await vault.send("GET", "/secrets/name")
    await vault.send("PUT", "/secrets/name", {"value": value, "tags": {"a": 1}})
    await vault.send("PUT", f"/secrets/{value}_", {"value": value}, authorization=f"Bearer {value}")
    await control.send("POST", "secrets", {"name": "other", "value": value})
    lines = [record for record in caplog.records if record.name == "emulator.cloud.keyvault"]
    assert [record.levelno for record in lines] == [logging.INFO] * 4
    assert "setSecret name -> 200" in lines[0].getMessage()
    assert value not in caplog.text.replace(f"{value}_", "")
