"""The Key Vault adapter against the emulated cloud, through the real SDK: secrets, versions, faults, secrecy."""

import asyncio
import gc
import logging
import traceback
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import pytest_asyncio

from emulator.cloud.cloud import Cloud
from emulator.cloud.defaults import RESOURCE_ID, USER_ASSIGNED_WITHOUT_ROLE
from shared import composition
from shared.azure_clients.credential import Credential
from shared.azure_clients.key_vault import KeyVault
from shared.azure_clients.key_vault_calls import Patience
from shared.azure_clients.management import Management
from shared.errors import AppError, ManagedIdentityUnavailable, NotConfigured
from shared.key_vault_errors import (
    KeyVaultForbidden,
    KeyVaultRejected,
    KeyVaultUnavailable,
    SecretDeleted,
    SecretDisabled,
)
from shared.parameters import KeyType
from shared.redaction import Secret
from shared.resource_id import ResourceId
from shared.settings import parse_settings
from shared.settings import settings as process_settings
from tests.support.cloud import ControlClient, first_resource

RESOURCE = ResourceId.parse(RESOURCE_ID)
NAME = "MyCommunicationResource-connection-string"
TAGS = {"CredentialId": "Primary", "ProviderAddress": RESOURCE_ID, "ValidityPeriodDays": "90"}
EXPIRY = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
BRIEF = Patience(again_after=(0.001, 0.002), longest_retry_after=0.0)
VALUE = "s3cr3t-value-that-nobody-may-see"


@pytest_asyncio.fixture
async def vault(app_environment: dict[str, str]) -> AsyncGenerator[KeyVault]:
    """The adapter, on the emulated vault."""
    settings = parse_settings(app_environment)
    async with Credential(settings) as credential:
        opened = _open(app_environment, credential)
        yield opened
        await opened.close()


def _open(environment: dict[str, str], credential: Credential, *, verify: bool = False) -> KeyVault:
    return KeyVault(environment["KEY_VAULT_URL"], credential, verify_challenge_resource=verify, patience=BRIEF)


async def _set(vault: KeyVault, name: str = "a-secret", value: str = VALUE, tags: dict[str, str] | None = None) -> str:
    new = await vault.set(
        name, Secret(value), tags=TAGS if tags is None else tags, content_type=None, expires_on=EXPIRY
    )
    return new.version


async def _asked(control: ControlClient, operation: str) -> list[dict[str, object]]:
    return [entry for entry in await control.requests() if entry["operation"] == operation and entry["status"] != 401]


async def _versions(control: ControlClient, name: str = "a-secret") -> list[dict[str, object]]:
    secrets = cast("list[dict[str, object]]", (await control.send("GET", "secrets")).json)
    found = [cast("list[dict[str, object]]", each["versions"]) for each in secrets if each["name"] == name]
    return found[0] if found else []


async def _change(control: ControlClient, name: str, **members: object) -> None:
    answer = await control.send("POST", "secrets", {"name": name, **members})
    assert answer.status in (200, 201), answer.body


async def test_the_secret_of_the_start_is_read(cloud: Cloud, vault: KeyVault) -> None:
    """Name, id, value, tags, expiry and state come from Key Vault as they are."""
    (found,) = await vault.secrets_of(RESOURCE)
    assert (found.name, found.key_type, found.resource_id, found.enabled) == (NAME, KeyType.PRIMARY, RESOURCE, True)
    assert found.key.reveal() == first_resource(cloud).key("Primary")
    assert found.id == f"{cloud.key_vault_url}/secrets/{NAME}/{found.version}"
    assert found.tags["ValidityPeriodDays"] == "90"
    assert found.expires_on is not None
    assert found.created_on is not None
    assert (found.expires_on - found.created_on).days == 90
    assert await vault.current(NAME) == found
    assert await vault.version(NAME, found.version) == found


async def test_a_version_is_set_as_asked(vault: KeyVault, control: ControlClient) -> None:
    """Value, tags, content type and expiry arrive; what comes back is the new version."""
    new = await vault.set(
        "a-secret", Secret(VALUE), tags={**TAGS, "team": "mail"}, content_type="text/plain", expires_on=EXPIRY
    )
    (version,) = await _versions(control)
    assert {name: version[name] for name in ("version", "value", "tags", "contentType", "expiresOn", "enabled")} == {
        "version": new.version,
        "value": VALUE,
        "tags": {**TAGS, "team": "mail"},
        "contentType": "text/plain",
        "expiresOn": "2030-01-02T03:04:05Z",
        "enabled": True,
    }
    assert (new.value, new.expires_on, new.content_type) == (Secret(VALUE), EXPIRY, "text/plain")
    assert await vault.current("a-secret") == new


async def test_an_unknown_secret_or_version_is_none(vault: KeyVault, control: ControlClient) -> None:
    """Never existed, unknown version, soft-deleted: there is nothing to read."""
    version = await _set(vault)
    assert await vault.current("nobody") is None
    assert await vault.version("a-secret", "0" * 32) is None
    assert await vault.previous_versions("nobody") == []
    await control.send("DELETE", "secrets?name=a-secret")
    assert await vault.current("a-secret") is None
    assert await vault.version("a-secret", version) is None
    await vault.disable("a-secret", version)


async def test_a_disabled_version_is_gone_and_a_disabled_secret_an_error(
    vault: KeyVault, control: ControlClient
) -> None:
    """Disabling keeps everything else of a version, may be repeated, and hides it from reading."""
    old = await _set(vault, value="old")
    new = await _set(vault)
    await vault.disable("a-secret", old)
    await vault.disable("a-secret", old)
    assert await vault.version("a-secret", old) is None
    first, second = await _versions(control)
    assert (first["enabled"], first["tags"], first["expiresOn"]) == (False, TAGS, "2030-01-02T03:04:05Z")
    assert second["enabled"] is True
    await vault.disable("a-secret", new)
    with pytest.raises(SecretDisabled) as caught:
        await vault.current("a-secret")
    assert caught.value.target == "a-secret"
    assert [each.name for each in await vault.secrets_of(RESOURCE)] == [NAME]


async def test_a_secret_disabled_after_it_was_listed_is_left_out(vault: KeyVault) -> None:
    """Names may come from an older listing, values never do."""
    version = await _set(vault)
    assert len(await vault.secrets_of(RESOURCE)) == 2
    await vault.disable("a-secret", version)
    assert [each.name for each in await vault.secrets_of(RESOURCE, [NAME, "a-secret"])] == [NAME]


async def test_previous_versions_are_all_but_the_current_one(vault: KeyVault) -> None:
    """Enabled or not, with their dates; also where the current one is disabled or there is only one."""
    versions = [await _set(vault, value=f"v{number}") for number in range(3)]
    await vault.disable("a-secret", versions[0])
    previous = await vault.previous_versions("a-secret")
    assert {each.version: each.enabled for each in previous} == {versions[0]: False, versions[1]: True}
    assert all(each.created_on is not None for each in previous)
    assert await vault.previous_versions(NAME) == []
    await vault.disable("a-secret", versions[2])
    assert len(await vault.previous_versions("a-secret")) == 2


async def test_forty_versions_are_paged_through(vault: KeyVault, control: ControlClient) -> None:
    """Key Vault gives 25 at a time; all come back."""
    for number in range(40):
        await _change(control, "a-secret", value=f"v{number}")
    previous = await vault.previous_versions("a-secret")
    assert len({each.version for each in previous}) == 39
    assert len(await _asked(control, "listVersions")) == 2


async def test_sixty_secrets_are_paged_through(vault: KeyVault, control: ControlClient) -> None:
    """Of 60 secrets in three pages those of the resource come back, by name, each with its value read."""
    other = RESOURCE_ID.replace("MyResourceGroup", "OtherGroup")
    for number in range(60):
        owner = (RESOURCE_ID, RESOURCE_ID.upper(), other)[number % 3]
        await _change(control, f"secret-{number:02}", value=f"v{number}", tags={"ProviderAddress": owner})
    await control.send("DELETE", "requests")
    found = await vault.secrets_of(RESOURCE)
    mine = [number for number in range(60) if number % 3 < 2]
    assert [each.name for each in found] == [NAME, *(f"secret-{number:02}" for number in mine)]
    assert [each.value.reveal() for each in found[1:]] == [f"v{number}" for number in mine]
    assert len(await _asked(control, "listSecrets")) == 3
    assert len(await _asked(control, "getSecret")) == 41


async def test_known_names_are_read_without_a_listing(vault: KeyVault, control: ControlClient) -> None:
    """Values and tags are read each time; what is gone, not named, or has changed hands is left out."""
    for name in ("mine", "gone", "theirs", "unnamed"):
        await _set(vault, name)
    await control.send("DELETE", "secrets?name=gone")
    await _change(control, "theirs", value="v", tags={})
    await _change(control, "mine", value="changed", tags=TAGS)
    await control.send("DELETE", "requests")
    found = await vault.secrets_of(RESOURCE, {"theirs", "mine", "gone", NAME})
    assert [each.name for each in found] == [NAME, "mine"]
    assert found[1].value == Secret("changed")
    assert await vault.secrets_of(RESOURCE, ()) == []
    assert await _asked(control, "listSecrets") == []
    assert len(await _asked(control, "getSecret")) == 4


async def test_who_asks_at_once_shares_a_listing(vault: KeyVault, control: ControlClient) -> None:
    """Of forty who ask at the same time each gets a listing that began after they had asked, and two are made."""
    await vault.tagged()
    await control.send("DELETE", "requests")
    await control.put_faults({"service": "keyvault", "operation": "listSecrets", "times": 1, "delaySeconds": 0.1})
    early = asyncio.create_task(vault.tagged())
    while not await _asked(control, "listSecrets"):  # noqa: ASYNC110  # the control API tells nobody by itself
        await asyncio.sleep(0.01)
    await _set(vault, "new")
    late = await asyncio.gather(*(vault.secrets_of(RESOURCE) for _ in range(20)), *(vault.tagged() for _ in range(20)))
    assert {len(each) for each in late} == {2}
    assert NAME in await early
    assert len(await _asked(control, "listSecrets")) == 2


async def test_a_soft_deleted_name_is_an_error_of_its_own(vault: KeyVault, control: ControlClient) -> None:
    """The name is taken until somebody recovers or purges it."""
    await _set(vault)
    await control.send("DELETE", "secrets?name=a-secret")
    with pytest.raises(SecretDeleted) as caught:
        await _set(vault)
    assert (caught.value.target, caught.value.status) == ("a-secret", 409)


async def test_an_identity_without_a_role_is_denied(app_environment: dict[str, str]) -> None:
    """The error names the role; Key Vault's own words are in its details."""
    settings = parse_settings({**app_environment, "AZURE_CLIENT_ID": USER_ASSIGNED_WITHOUT_ROLE.client_id})
    async with Credential(settings) as credential:
        vault = _open(app_environment, credential)
        for call in (vault.current(NAME), vault.secrets_of(RESOURCE), _set(vault)):
            with pytest.raises(KeyVaultForbidden, match="Key Vault Secrets Officer") as caught:
                await call
            assert caught.value.details[0]["code"] == "ForbiddenByRbac"
        await vault.close()


@pytest.mark.parametrize(
    ("code", "words"),
    [("ForbiddenByRbac", "role"), ("ForbiddenByPolicy", "access policy"), ("ForbiddenByConnection", "network")],
)
async def test_each_denial_has_its_own_advice(vault: KeyVault, control: ControlClient, code: str, words: str) -> None:
    """Role, access policy, network; a denial is not tried again."""
    await control.put_faults({"service": "keyvault", "operation": "*", "status": 403, "code": code})
    for call in (
        vault.current(NAME),
        vault.version(NAME, "0" * 32),
        vault.secrets_of(RESOURCE),
        vault.previous_versions(NAME),
        vault.disable(NAME, "0" * 32),
        _set(vault),
    ):
        with pytest.raises(KeyVaultForbidden, match=words) as caught:
            await call
        assert not caught.value.retriable
    for operation in ("setSecret", "listSecrets", "updateSecret"):
        assert len(await _asked(control, operation)) == 1


PASSING: list[dict[str, object]] = [
    {"status": 429},
    {"status": 500},
    {"status": 503},
    {"disconnect": "before"},
    {"disconnect": "after"},
    {"body": "truncated"},
    {"body": "invalid"},
]


@pytest.mark.parametrize("fault", PASSING, ids=str)
async def test_reading_is_repeated(vault: KeyVault, control: ControlClient, fault: dict[str, object]) -> None:
    """Two failures in a row are overcome by every kind of reading, and by disabling."""
    old = await _set(vault, value="old")
    await _set(vault)
    rules = [
        {"service": "keyvault", "operation": operation, "times": 2, **fault}
        for operation in ("getSecret", "listSecrets", "listVersions", "updateSecret")
    ]
    await control.put_faults(*rules)
    assert len(await vault.secrets_of(RESOURCE)) == 2
    await control.put_faults(*rules)
    assert (await vault.previous_versions("a-secret"))[0].version == old
    await vault.disable("a-secret", old)
    assert await vault.version("a-secret", old) is None


@pytest.mark.parametrize("fault", PASSING, ids=str)
async def test_what_does_not_pass_is_unavailable(
    vault: KeyVault, control: ControlClient, fault: dict[str, object]
) -> None:
    """After three attempts the error is ours, retriable, and holds no value."""
    await _set(vault)
    await control.put_faults({"service": "keyvault", "operation": "*", **fault})
    for call in (
        lambda: vault.current("a-secret"),
        lambda: vault.secrets_of(RESOURCE),
        lambda: vault.previous_versions(NAME),
    ):
        with pytest.raises(KeyVaultUnavailable) as caught:
            await call()
        assert (caught.value.retriable, caught.value.doubtful) == (True, False)
        assert VALUE not in _everything(caught.value)
    for operation in ("getSecret", "listSecrets", "listVersions"):
        assert len(await _asked(control, operation)) == 3


@pytest.mark.parametrize(
    "fault",
    [
        {"disconnect": "after"},
        {"status": 500, "after": True},
        {"status": 503, "after": True},
        {"body": "truncated"},
        {"body": "invalid"},
    ],
    ids=str,
)
async def test_a_lost_answer_of_set_makes_one_version(
    vault: KeyVault, control: ControlClient, fault: dict[str, object]
) -> None:
    """Where Key Vault did set it, the current version shows it, and nothing is set again."""
    await _set(vault, value="old")
    await control.put_faults({"service": "keyvault", "operation": "setSecret", "times": 1, **fault})
    version = await _set(vault)
    versions = await _versions(control)
    assert [each["value"] for each in versions] == ["old", VALUE]
    assert version == versions[-1]["version"]


@pytest.mark.parametrize(
    "fault",
    [{"disconnect": "before"}, {"status": 404}, {"status": 409}, {"status": 429}, {"status": 500}, {"status": 503}],
    ids=str,
)
async def test_a_lost_set_is_sent_again(vault: KeyVault, control: ControlClient, fault: dict[str, object]) -> None:
    """Where Key Vault set nothing, it is asked again: one version in the end."""
    await control.put_faults({"service": "keyvault", "operation": "setSecret", "times": 2, **fault})
    await _set(vault)
    assert [each["value"] for each in await _versions(control)] == [VALUE]


async def test_a_set_that_never_succeeds_says_whether_it_may_have(vault: KeyVault, control: ControlClient) -> None:
    """Three attempts; a failure is doubtful, or that there is no secret to be set, throttling is not."""
    for status, doubtful in ((503, True), (404, True), (429, False)):
        await control.send("DELETE", "requests")
        await control.put_faults({"service": "keyvault", "operation": "setSecret", "status": status})
        with pytest.raises(KeyVaultUnavailable) as caught:
            await _set(vault)
        assert caught.value.doubtful is doubtful
        assert len(await _asked(control, "setSecret")) == 3
    assert await _versions(control) == []


async def test_a_long_retry_after_is_passed_on(vault: KeyVault, control: ControlClient) -> None:
    """Nobody waits an hour inside a call: the error has the header, after one attempt."""
    await control.put_faults({"service": "keyvault", "operation": "*", "status": 429, "retryAfter": 3600})
    for call in (vault.current(NAME), _set(vault)):
        with pytest.raises(KeyVaultUnavailable) as caught:
            await call
        assert caught.value.headers == {"Retry-After": "3600"}
    assert len(await _asked(control, "getSecret")) == len(await _asked(control, "setSecret")) == 1


@pytest.mark.parametrize("fault", [{"refuse": True}, {"tls": True}], ids=str)
async def test_an_unreachable_vault_is_unavailable(
    vault: KeyVault, control: ControlClient, fault: dict[str, object]
) -> None:
    """No connection, or a certificate that nobody trusts: certainly nothing was changed."""
    await control.put_faults({"service": "keyvault", "operation": "*", **fault})
    for call in (vault.current(NAME), _set(vault)):
        with pytest.raises(KeyVaultUnavailable, match="No connection") as caught:
            await call
        assert not caught.value.doubtful


async def test_an_unreachable_vault_that_comes_back_is_no_error(vault: KeyVault, control: ControlClient) -> None:
    """A connection that could not be made is made again."""
    await control.put_faults({"service": "keyvault", "operation": "*", "refuse": True, "times": 1})
    assert await vault.current(NAME) is not None


async def test_a_wrong_404_is_not_taken_for_no_secret(vault: KeyVault, control: ControlClient) -> None:
    """Anything may answer 404; only SecretNotFound means that there is none."""
    await control.put_faults({"service": "keyvault", "operation": "getSecret", "status": 404, "code": "NotFound"})
    with pytest.raises(KeyVaultRejected):
        await vault.current(NAME)


async def test_what_key_vault_cannot_hold_is_rejected(vault: KeyVault) -> None:
    """A value over 25 KiB, a name of other characters: an error, and no echo."""
    for name, value in (("a-secret", VALUE * 2000), ("a_secret", VALUE)):
        with pytest.raises(KeyVaultRejected) as caught:
            await _set(vault, name, value)
        assert VALUE not in _everything(caught.value)


@pytest.mark.parametrize("sets", [True, False])
async def test_a_refused_token_is_dropped_and_asked_for_anew(
    vault: KeyVault, control: ControlClient, sets: bool
) -> None:
    """A token that expired before its time costs one attempt, for setting as for reading."""
    await control.put_faults({"service": "identity", "operation": "token", "expiredToken": True, "times": 1})
    if sets:
        await _set(vault)
        assert [each["value"] for each in await _versions(control)] == [VALUE]
    else:
        assert await vault.current(NAME) is not None
    assert len(await _asked(control, "token")) == 2


async def test_a_missing_identity_says_nothing_about_regeneration(vault: KeyVault, control: ControlClient) -> None:
    """No token: the identity's error, without an outcome, since no key was to be regenerated."""
    await control.put_faults({"service": "identity", "operation": "token", "status": 400})
    with pytest.raises(ManagedIdentityUnavailable) as caught:
        await vault.current(NAME)
    assert caught.value.outcome is None
    assert await _asked(control, "getSecret") == []


async def test_a_challenge_of_another_domain_gets_no_token(
    app_environment: dict[str, str], control: ControlClient
) -> None:
    """With the check on, the emulated vault, which stands elsewhere than vault.azure.net, is refused."""
    async with Credential(parse_settings(app_environment)) as credential:
        vault = _open(app_environment, credential, verify=True)
        with pytest.raises(KeyVaultUnavailable, match="KEY_VAULT_VERIFY_CHALLENGE_RESOURCE"):
            await vault.current(NAME)
        await vault.close()
    assert await _asked(control, "token") == []


async def test_the_process_has_challenges_checked_as_the_setting_says(
    app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, control: ControlClient
) -> None:
    """The client that the app works with sends the emulated vault a token only where the check is off."""

    async def use() -> bool:
        process_settings.cache_clear()
        try:
            return await (await composition.key_vault()).current(NAME) is not None
        except KeyVaultUnavailable:
            return False

    assert app_environment["KEY_VAULT_VERIFY_CHALLENGE_RESOURCE"] == "false"
    monkeypatch.delenv("KEY_VAULT_VERIFY_CHALLENGE_RESOURCE")
    assert not await asyncio.to_thread(lambda: asyncio.run(use()))
    assert await _asked(control, "token") == []
    monkeypatch.setenv("KEY_VAULT_VERIFY_CHALLENGE_RESOURCE", "false")
    assert await asyncio.to_thread(lambda: asyncio.run(use()))
    process_settings.cache_clear()


async def test_the_steps_go_by_the_settings(app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow-list, grace period, validity and deadline are those that were set."""
    monkeypatch.setenv("ALLOWED_COMMUNICATION_SERVICES", RESOURCE_ID.replace("MyCommunicationResource", "Other"))
    monkeypatch.setenv("ROTATION_GRACE_PERIOD", "P3D")
    monkeypatch.setenv("ROTATION_VALIDITY_DAYS", "40")
    monkeypatch.setenv("REQUEST_DEADLINE_SECONDS", "7")
    process_settings.cache_clear()

    async def use() -> None:
        steps = await composition.steps()
        assert not steps.allowed.allows(RESOURCE)
        assert (steps.delivery.grace, steps.delivery.validity_days) == (timedelta(days=3), 40)
        assert (steps.regenerator.deadline, (await composition.regenerator()).deadline) == (7.0, 7.0)

    await asyncio.to_thread(lambda: asyncio.run(use()))
    process_settings.cache_clear()
    assert "KEY_VAULT_URL" in app_environment


async def test_half_a_surrogate_pair_has_a_fingerprint(vault: KeyVault, control: ControlClient) -> None:
    """A value that is no UTF-8 is judged like any other: it publishes no live key."""
    await _change(control, "a-secret", value="\ud800", tags=TAGS)
    found = await vault.current("a-secret")
    assert found is not None
    assert found.fingerprint.startswith("sha256:")


@pytest.mark.parametrize("fault", [*PASSING, {"status": 400}, {"status": 403}, {"refuse": True}], ids=str)
async def test_no_value_gets_into_logs_or_errors(
    vault: KeyVault, control: ControlClient, caplog: pytest.LogCaptureFixture, fault: dict[str, object]
) -> None:
    """At DEBUG, with everything that the SDK and its transport log, no value and no token is seen."""
    caplog.set_level(logging.DEBUG)
    await control.put_faults({"service": "keyvault", "operation": "*", **fault})
    seen = ""
    for call in (lambda: _set(vault), lambda: vault.current(NAME), lambda: vault.secrets_of(RESOURCE)):
        with pytest.raises(AppError) as caught:
            await call()
        seen += _everything(caught.value)
    await control.put_faults()
    await _set(vault)
    seen += repr(await vault.current("a-secret"))
    seen += "\n".join(record.getMessage() + str(record.__dict__) for record in caplog.records)
    assert VALUE not in seen
    assert "eyJ" not in seen


async def test_the_process_keeps_its_clients_and_closes_them_with_its_loop(
    app_environment: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """Vault, data plane and ARM share one credential; when the loop ends nothing is left to warn of."""
    caplog.set_level(logging.DEBUG)

    async def use() -> None:
        process_settings.cache_clear()
        vault = await composition.key_vault()
        assert await composition.key_vault() is vault
        assert (await composition.steps()).delivery.vault is vault
        assert await vault.current(NAME) is not None
        management = await composition.management()
        host = await management.host_name(RESOURCE, request_id="r")
        keys = await management.list_keys(RESOURCE, request_id="r")
        assert await (await composition.data_plane()).accepts(f"https://{host}/", keys[KeyType.PRIMARY].key)

    # a loop of its own, in a thread of its own, as the worker has one; an unclosed session would warn on collection
    await asyncio.to_thread(lambda: asyncio.run(use()))
    gc.collect()
    assert not [record for record in caplog.records if "Unclosed" in record.getMessage()]


async def test_what_cannot_be_closed_keeps_nothing_else_open(
    app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The client that was opened last fails to close; those before it are closed all the same."""
    closed: list[str] = []
    close_management, close_vault = Management.close, KeyVault.close

    async def closes(management: Management) -> None:
        await close_management(management)
        closed.append("ARM")

    async def fails(vault: KeyVault) -> None:
        await close_vault(vault)
        raise RuntimeError("no")

    monkeypatch.setattr(Management, "close", closes)
    monkeypatch.setattr(KeyVault, "close", fails)

    async def use() -> None:
        process_settings.cache_clear()
        await composition.management()
        await composition.key_vault()

    await asyncio.to_thread(lambda: asyncio.run(use()))
    assert closed == ["ARM"]
    assert "RuntimeError: no" in caplog.text


async def test_without_a_vault_there_is_an_error_that_names_the_setting(
    app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs a vault says NotConfigured; the rest of the app works without one."""
    monkeypatch.delenv("KEY_VAULT_URL")
    process_settings.cache_clear()

    async def use() -> None:
        await composition.regenerator()
        for call in (composition.key_vault(), composition.steps()):
            with pytest.raises(NotConfigured) as caught:
                await call
            assert [detail["target"] for detail in caught.value.details] == ["KEY_VAULT_URL"]

    await asyncio.to_thread(lambda: asyncio.run(use()))
    process_settings.cache_clear()
    assert app_environment


def _everything(error: BaseException) -> str:
    """Return all that could be shown of an error: its texts, its traceback, and the errors that hang on it."""
    told = str(error) + repr(error) + "".join(traceback.format_exception(error))
    if isinstance(error, AppError):
        told += str(error.to_json())
    for hanging in (error.__cause__, error.__context__):
        if hanging is not None:
            told += _everything(hanging)
    return told
