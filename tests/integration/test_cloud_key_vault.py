"""The emulated Key Vault over plain HTTP: challenge, versions, attributes, soft delete, roles, limits, errors."""

import re
import time
from typing import cast

import pytest

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import (
    RESOURCE_ID,
    SECRETS_OFFICER,
    SYSTEM_ASSIGNED,
    TENANT_ID,
    USER_ASSIGNED,
    USER_ASSIGNED_WITHOUT_ROLE,
    Identity,
)
from emulator.cloud.first_secret import NAME as FIRST_SECRET
from tests.support.cloud import Answer, Http, first_resource
from tests.support.key_vault import AUDIENCE, KeyVaultClient, inner_code, vault_of


@pytest.fixture
def vault(cloud: Cloud, http: Http) -> KeyVaultClient:
    """A plain client with the rights of the app."""
    return KeyVaultClient(cloud, http)


@pytest.fixture
def officer(cloud: Cloud, http: Http) -> KeyVaultClient:
    """A plain client that may do everything."""
    return KeyVaultClient(cloud, http, SECRETS_OFFICER)


def _attributes(answer: Answer) -> dict[str, object]:
    return cast("dict[str, object]", answer.members["attributes"])


async def test_the_first_secret_publishes_the_primary_key(cloud: Cloud, vault: KeyVaultClient) -> None:
    """It is a connection string with the three tags of Microsoft's convention, and expires in 90 days."""
    answer = await vault.send("GET", f"/secrets/{FIRST_SECRET}")
    assert answer.status == 200
    assert FIRST_SECRET == "MyCommunicationResource-connection-string"
    key = first_resource(cloud).key("Primary")
    assert answer.members["value"] == (f"endpoint={cloud.data_plane_url}/MyCommunicationResource/;accesskey={key}")
    assert answer.members["tags"] == {
        "CredentialId": "Primary",
        "ProviderAddress": RESOURCE_ID,
        "ValidityPeriodDays": "90",
    }
    assert "contentType" not in answer.members
    assert abs(int(str(_attributes(answer)["exp"])) - time.time() - 90 * 86400) < 60


async def test_a_request_without_a_token_gets_the_challenge(vault: KeyVaultClient) -> None:
    """401 names the tenant's authority and the resource; nothing else is told, whatever was asked."""
    for path, query in (("/secrets", "api-version=7.6"), ("/secrets/unknown", None), ("/nowhere", None)):
        answer = await vault.send("GET", path, query=query, authorization=None)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == (
            f'Bearer authorization="https://login.microsoftonline.com/{TENANT_ID}", resource="https://vault.azure.net"'
        )
        assert answer.error == {
            "code": "Unauthorized",
            "message": "AKV10000: Request is missing a Bearer or PoP token.",
        }


async def test_only_live_tokens_for_the_vault_are_accepted(cloud: Cloud, vault: KeyVaultClient) -> None:
    """A token for ARM, one that has expired, one from nowhere and another scheme are all challenged."""
    expired = cloud.tokens.issue(AUDIENCE, SYSTEM_ASSIGNED, expired=True).value
    slash = cloud.tokens.issue(f"{AUDIENCE}/", SYSTEM_ASSIGNED).value
    for authorization, words in (
        (f"Bearer {cloud.token}", f"AKV10022: Invalid audience. Expected {AUDIENCE}, found: {cloud.arm_url}."),
        (f"Bearer {slash}", "AKV10022"),
        (f"Bearer {expired}", "[TokenExpired]"),
        ("Bearer eyJwrong", "invalid"),
        (f"Basic {cloud.token}", "AKV10000"),
    ):
        answer = await vault.send("GET", "/secrets", authorization=authorization)
        assert (answer.status, answer.error["code"]) == (401, "Unauthorized")
        assert words in str(answer.error["message"])
        assert answer.headers["www-authenticate"].startswith("Bearer authorization=")
        assert authorization.partition(" ")[2] not in str(answer.body)


async def test_set_answers_the_new_version(cloud: Cloud, vault: KeyVaultClient) -> None:
    """PUT returns value, id, attributes, tags and content type, with the real one's headers."""
    answer = await vault.send(
        "PUT",
        "/secrets/Some-Name",
        {"value": "one", "contentType": "text/plain", "tags": {"a": "b"}, "attributes": {"exp": 4102444800, "nbf": 1}},
        headers={"x-ms-client-request-id": "mine"},
    )
    assert answer.status == 200
    assert re.fullmatch(rf"{cloud.key_vault_url}/secrets/Some-Name/[0-9a-f]{{32}}", str(answer.members["id"]))
    attributes = _attributes(answer)
    created = attributes.pop("created")
    assert attributes.pop("updated") == created
    assert abs(int(str(created)) - time.time()) < 60
    assert attributes == {
        "enabled": True,
        "nbf": 1,
        "exp": 4102444800,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": 90,
    }
    assert {name: answer.members[name] for name in ("value", "contentType", "tags")} == {
        "value": "one",
        "contentType": "text/plain",
        "tags": {"a": "b"},
    }
    assert answer.headers["x-ms-client-request-id"] == "mine"
    assert answer.headers["x-ms-keyvault-region"] == "eastus"
    assert answer.headers["cache-control"] == "no-cache"
    entry = cloud.journal.entries()[-1]
    assert (entry.service, entry.operation, entry.secret) == ("keyvault", "setSecret", "Some-Name")
    assert (entry.api_version, entry.status, entry.effect) == ("7.6", 200, True)


async def test_each_set_makes_a_version_and_old_ones_stay_readable(cloud: Cloud, vault: KeyVaultClient) -> None:
    """Without a version the newest is read, with one exactly that one; names ignore case, ids too."""
    first = await vault.set("name", "one")
    second = await vault.set("NAME", "two")
    for path, value, version in (
        ("/secrets/name", "two", second),
        ("/secrets/name/", "two", second),
        (f"/secrets/Name/{first}", "one", first),
        (f"/secrets/name/{first.upper()}", "one", first),
    ):
        answer = await vault.send("GET", path)
        assert (answer.status, answer.members["value"]) == (200, value)
        assert str(answer.members["id"]).endswith(f"/secrets/name/{version}")
    assert {entry.secret for entry in cloud.journal.entries()} == {"name"}


async def test_a_version_does_not_inherit(vault: KeyVaultClient) -> None:
    """What a set does not say, the new version does not have; empty tags are shown as such."""
    await vault.set("name", contentType="x", tags={"a": "b"})
    await vault.set("name")
    answer = await vault.send("GET", "/secrets/name")
    assert not {"contentType", "tags"} & set(answer.members)
    await vault.set("name", tags={}, attributes={})
    assert (await vault.send("GET", "/secrets/name")).members["tags"] == {}


async def test_update_changes_what_it_names(vault: KeyVaultClient) -> None:
    """PATCH replaces tags as a whole, leaves the rest, and answers without the value; a version is optional."""
    version = await vault.set("name", contentType="x", tags={"a": "b"}, attributes={"exp": 4102444800})
    answer = await vault.send("PATCH", f"/secrets/name/{version}", {"tags": {"c": "d"}, "attributes": {"nbf": 5}})
    assert (answer.status, answer.members["tags"], answer.members["contentType"]) == (200, {"c": "d"}, "x")
    assert "value" not in answer.members
    attributes = _attributes(answer)
    assert (attributes["enabled"], attributes["nbf"], attributes["exp"]) == (True, 5, 4102444800)
    answer = await vault.send("PATCH", "/secrets/name/", {"contentType": "y", "attributes": {"exp": 4102444801}})
    assert (answer.members["contentType"], _attributes(answer)["exp"]) == ("y", 4102444801)
    read = await vault.send("GET", "/secrets/name")
    assert (read.members["value"], read.members["tags"]) == ("v", {"c": "d"})


async def test_a_disabled_version_cannot_be_read(vault: KeyVaultClient) -> None:
    """403 SecretDisabled, for the version and for the secret whose newest it is; enabling mends it."""
    first = await vault.set("name", "one")
    second = await vault.set("name", "two")
    for version in (first, second):
        await vault.send("PATCH", f"/secrets/name/{version}", {"attributes": {"enabled": False}})
        answer = await vault.send("GET", f"/secrets/name/{version}")
        assert (answer.status, answer.error["code"], inner_code(answer)) == (403, "Forbidden", "SecretDisabled")
        assert answer.error["message"] == "Operation get is not allowed on a disabled secret."
        current = await vault.send("GET", "/secrets/name")
        assert current.status == (200 if version == first else 403)
    await vault.send("PATCH", f"/secrets/name/{second}", {"attributes": {"enabled": True}})
    assert (await vault.send("GET", "/secrets/name")).members["value"] == "two"
    assert (await vault.send("GET", f"/secrets/name/{first}")).status == 403


async def test_expired_and_future_secrets_can_be_read(vault: KeyVaultClient) -> None:
    """Dates are information for whoever reads; they lock nothing."""
    await vault.set("expired", attributes={"exp": 1})
    await vault.set("future", attributes={"nbf": 4102444800})
    assert (await vault.send("GET", "/secrets/expired")).status == 200
    assert (await vault.send("GET", "/secrets/future")).status == 200


async def test_what_does_not_exist_is_404(vault: KeyVaultClient) -> None:
    """An unknown secret, an unknown version and an unknown deleted secret are SecretNotFound, with the name."""
    version = await vault.set("name")
    other = version[::-1]
    for method, path, shown in (
        ("GET", "/secrets/unknown", "unknown"),
        ("GET", f"/secrets/name/{other}", f"name/{other}"),
        ("PATCH", f"/secrets/name/{other}", f"name/{other}"),
        ("PATCH", "/secrets/unknown", "unknown"),
    ):
        answer = await vault.send(method, path, {} if method == "PATCH" else None)
        assert (answer.status, answer.error["code"]) == (404, "SecretNotFound")
        assert f"A secret with (name/id) {shown} was not found in this key vault." in str(answer.error["message"])
        assert "innererror" not in answer.error
    answer = await vault.send("GET", "/deletedsecrets/name")
    assert answer.error == {"code": "SecretNotFound", "message": "Deleted Secret not found: name"}


async def test_a_deleted_secret_is_hidden_and_its_name_taken(cloud: Cloud, officer: KeyVaultClient) -> None:
    """After DELETE it is found among the deleted ones alone, and setting its name is a conflict."""
    version = await officer.set("name", tags={"a": "b"})
    deleted = await officer.send("DELETE", "/secrets/name")
    assert deleted.status == 200
    assert deleted.members["id"] == f"{cloud.key_vault_url}/secrets/name/{version}"
    assert deleted.members["recoveryId"] == f"{cloud.key_vault_url}/deletedsecrets/name"
    assert int(str(deleted.members["scheduledPurgeDate"])) - int(str(deleted.members["deletedDate"])) == 90 * 86400
    assert "value" not in deleted.members
    assert (await officer.send("GET", "/deletedsecrets/NAME")).json == deleted.json
    for method, path in (("GET", "/secrets/name"), ("GET", f"/secrets/name/{version}"), ("DELETE", "/secrets/name")):
        assert (await officer.send(method, path)).status == 404
    answer = await officer.send("PUT", "/secrets/Name", {"value": "x"})
    assert (answer.status, answer.error["code"]) == (409, "Conflict")
    assert inner_code(answer) == "ObjectIsDeletedButRecoverable"
    assert "Secret Name is currently in a deleted but recoverable state" in str(answer.error["message"])


async def test_recover_brings_every_version_back(officer: KeyVaultClient) -> None:
    """After the recovery old and new versions are readable again and nothing is deleted."""
    first = await officer.set("name", "one")
    await officer.set("name", "two")
    await officer.send("DELETE", "/secrets/name")
    recovered = await officer.send("POST", "/deletedsecrets/name/recover")
    assert recovered.status == 200
    assert "value" not in recovered.members
    assert (await officer.send("GET", "/secrets/name")).members["value"] == "two"
    assert (await officer.send("GET", f"/secrets/name/{first}")).members["value"] == "one"
    assert (await officer.send("POST", "/deletedsecrets/name/recover")).status == 404


async def test_purge_frees_the_name(cloud: Cloud, officer: KeyVaultClient) -> None:
    """204 without a body; the name can be used anew and the old versions are gone."""
    first = await officer.set("name")
    await officer.send("DELETE", "/secrets/name")
    purged = await officer.send("DELETE", "/deletedsecrets/name")
    assert (purged.status, purged.body) == (204, b"")
    assert cloud.journal.entries()[-1].effect is True
    assert (await officer.send("DELETE", "/deletedsecrets/name")).status == 404
    await officer.set("name")
    assert (await officer.send("GET", f"/secrets/name/{first}")).status == 404


@pytest.mark.parametrize("identity", [SYSTEM_ASSIGNED, USER_ASSIGNED])
async def test_the_apps_identities_read_and_write_and_delete_nothing(
    cloud: Cloud, http: Http, officer: KeyVaultClient, identity: Identity
) -> None:
    """Get, list, set and update are allowed; delete, recover and purge are ForbiddenByRbac and change nothing."""
    client = KeyVaultClient(cloud, http, identity)
    await client.set("name")
    await officer.set("gone")
    await officer.send("DELETE", "/secrets/gone")
    for path in ("/secrets", "/secrets/name", "/secrets/name/versions", "/deletedsecrets", "/deletedsecrets/gone"):
        assert (await client.send("GET", path)).status == 200
    assert (await client.send("PATCH", "/secrets/name", {"contentType": "x"})).status == 200
    for method, path in (
        ("DELETE", "/secrets/name"),
        ("POST", "/deletedsecrets/gone/recover"),
        ("DELETE", "/deletedsecrets/gone"),
    ):
        answer = await client.send(method, path)
        assert (answer.status, answer.error["code"], inner_code(answer)) == (403, "Forbidden", "ForbiddenByRbac")
    assert (await client.send("GET", "/secrets/name")).status == 200
    assert (await client.send("GET", "/deletedsecrets/gone")).status == 200


async def test_an_identity_without_a_role_learns_nothing(cloud: Cloud, http: Http) -> None:
    """Every operation is ForbiddenByRbac with caller, action and resource, whether the secret exists or not."""
    client = KeyVaultClient(cloud, http, USER_ASSIGNED_WITHOUT_ROLE)
    for method, path, action in (
        ("GET", f"/secrets/{FIRST_SECRET}", "getSecret/action"),
        ("GET", "/secrets/unknown", "getSecret/action"),
        ("PUT", "/secrets/new", "setSecret/action"),
        ("PATCH", f"/secrets/{FIRST_SECRET}", "update/action"),
        ("GET", "/secrets", "readMetadata/action"),
        ("GET", f"/secrets/{FIRST_SECRET}/versions", "readMetadata/action"),
    ):
        answer = await client.send(method, path, {"value": "x"} if method == "PUT" else None)
        assert (answer.status, inner_code(answer)) == (403, "ForbiddenByRbac")
        message = str(answer.error["message"])
        assert f"Action: 'Microsoft.KeyVault/vaults/secrets/{action}'" in message
        assert f"appid={USER_ASSIGNED_WITHOUT_ROLE.client_id};" in message
    assert vault_of(cloud).find("new") is None


@pytest.mark.parametrize(
    "version", ["7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2016-10-01", "2025-07-01", "2026-04-01"]
)
async def test_all_versions_of_the_api_are_served(vault: KeyVaultClient, version: str) -> None:
    """Those that the SDK knows; recoverableDays came with 7.1."""
    answer = await vault.send("GET", f"/secrets/{FIRST_SECRET}", query=f"api-version={version}")
    assert answer.status == 200
    assert ("recoverableDays" in _attributes(answer)) == (version not in ("2016-10-01", "7.0"))


async def test_an_api_version_is_required(vault: KeyVaultClient) -> None:
    """None, an empty one and an unknown one are BadParameter."""
    for query in (None, "api-version=", "api-version=7.9"):
        answer = await vault.send("GET", "/secrets", query=query)
        assert (answer.status, answer.error["code"]) == (400, "BadParameter")
    assert "(7.9) is not recognized" in str(answer.error["message"])


@pytest.mark.parametrize("name", ["a_b", "a.b", "a%20b", "%C3%A9", "a" * 128])
async def test_a_name_that_no_secret_can_have_is_refused(cloud: Cloud, vault: KeyVaultClient, name: str) -> None:
    """BadParameter for reading and for writing; the journal does not keep what was sent as a name."""
    for method in ("GET", "PUT"):
        answer = await vault.send(method, f"/secrets/{name}", {"value": "x"} if method == "PUT" else None)
        assert (answer.status, answer.error["code"]) == (400, "BadParameter")
        assert "The request URI contains an invalid name: " in str(answer.error["message"])
        assert cloud.journal.entries()[-1].secret is None


async def test_the_longest_of_everything_is_accepted(vault: KeyVaultClient) -> None:
    """127 characters of a name, 25 KB of a value, 15 tags of 256 characters each way, 255 of a content type."""
    tags = {f"{number:x}" + "n" * 255: "v" * 256 for number in range(15)}
    await vault.set("a" * 127, "v" * 25 * 1024, tags=tags, contentType="c" * 255)


@pytest.mark.parametrize(
    "body",
    [
        {"value": "v" * (25 * 1024 + 1)},
        {"value": "é" * 13_000},
        {"value": "v", "tags": {str(number): "" for number in range(16)}},
        {"value": "v", "tags": {"n" * 257: ""}},
        {"value": "v", "tags": {"n": "v" * 257}},
        {"value": "v", "tags": {"n": 1}},
        {"value": "v", "tags": {"n": None}},
        {"value": "v", "tags": ["n"]},
        {"value": "v", "contentType": "c" * 256},
        {"value": "v", "contentType": 1},
        {"value": "v", "attributes": []},
        {"value": "v", "attributes": {"enabled": "no"}},
        {"value": "v", "attributes": {"exp": "2026-01-01"}},
        {"value": "v", "attributes": {"nbf": 1.5}},
        {"value": None},
        {"value": 1},
        {"contentType": "x"},
        ["value"],
        b"{",
        b"",
        b'{"value":"a","value":"b"}',
    ],
    ids=lambda body: str(body)[:60],
)
async def test_a_wrong_body_is_refused_without_an_echo(cloud: Cloud, vault: KeyVaultClient, body: object) -> None:
    """BadParameter, no version is made, and nothing that was sent comes back."""
    answer = await vault.send("PUT", "/secrets/name", body)
    assert answer.status == 400
    assert answer.error == {"code": "BadParameter", "message": "Property has invalid value\r\n"}
    assert vault_of(cloud).find("name") is None
    assert cloud.journal.entries()[-1].effect is False


@pytest.mark.parametrize(
    "body",
    [
        {"tags": {str(number): "" for number in range(16)}},
        {"tags": {"n": "v" * 257}},
        {"attributes": {"enabled": 0}},
        {"contentType": "c" * 256},
        b"[",
    ],
    ids=str,
)
async def test_a_wrong_update_changes_nothing(vault: KeyVaultClient, body: object) -> None:
    """An update is checked as a whole before any of it happens."""
    await vault.set("name", tags={"a": "b"})
    before = (await vault.send("GET", "/secrets/name")).json
    assert (await vault.send("PATCH", "/secrets/name", body)).status == 400
    assert (await vault.send("GET", "/secrets/name")).json == before


async def test_null_and_read_only_members_are_ignored(vault: KeyVaultClient) -> None:
    """Null means absent, and dates of creation cannot be set."""
    await vault.set(
        "name", contentType=None, tags=None, attributes={"enabled": None, "created": 1, "recoveryLevel": ""}
    )
    answer = await vault.send("GET", "/secrets/name")
    assert _attributes(answer)["enabled"] is True
    assert _attributes(answer)["created"] != 1


async def test_what_is_not_there_is_404(cloud: Cloud, vault: KeyVaultClient) -> None:
    """Keys, backup and other methods are not emulated; such a request is in the journal without an operation."""
    for method, path in (
        ("GET", "/keys"),
        ("POST", "/secrets/name/backup"),
        ("POST", "/secrets/name"),
        ("GET", "/secrets/name/versions/more"),
        ("PUT", "/deletedsecrets/name"),
        ("POST", "/secrets"),
        ("POST", "/deletedsecrets"),
    ):
        answer = await vault.send(method, path, {} if method in ("POST", "PUT") else None)
        assert (answer.status, answer.error["code"]) == (404, "NotFound")
        assert cloud.journal.entries()[-1].operation is None
