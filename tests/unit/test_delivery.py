"""Publishing a key in every secret of a resource: what is set, what is not touched, and what is said of the rest."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.conflicts import SecretsDisagreed
from shared.delivery import Delivery, Published
from shared.errors import ManagedIdentityUnavailable
from shared.key_vault_errors import (
    DeliveryIncomplete,
    KeyVaultForbidden,
    KeyVaultUnavailable,
    SecretDisabled,
    SecretFormatUnknown,
    SecretNotOurs,
    TagTooLong,
)
from shared.parameters import KeyType
from shared.published_secret import PublishedSecret
from shared.redaction import Secret
from shared.resource_id import ResourceId
from tests.support.vault import (
    ENDPOINT,
    NEW_KEY,
    NOW,
    OLD_KEY,
    OTHER,
    OUR_TAGS,
    RESOURCE,
    FakeVault,
    access_key,
    connected,
    secret,
)

DEFAULT = "MyCommunicationResource-connection-string"


def delivery(vault: FakeVault) -> Delivery:
    """Return the use case on a vault, with a grace period of two days."""
    return Delivery(vault=vault, grace=timedelta(days=2), validity_days=90, now=lambda: NOW)


async def publish(
    vault: FakeVault, secrets: list[str] | None = None, *, known: list[str] | None = None, create: bool = False
) -> list[Published]:
    """Publish the new key, which is the secondary one."""
    return await delivery(vault).publish(
        RESOURCE, KeyType.SECONDARY, access_key(), ENDPOINT, secrets, known=known, create=create
    )


def value(vault: FakeVault, name: str) -> str:
    """Return what a secret publishes now."""
    return vault.versions[name][-1].value.reveal()


async def test_every_secret_of_the_resource_gets_the_key() -> None:
    """Each in its own format; the secrets of others are not touched."""
    foreign = secret(OLD_KEY, name="foreign", tags={"ProviderAddress": str(OTHER)})
    vault = FakeVault.of(secret(OLD_KEY, name="bare"), secret(connected(OLD_KEY), name="string"), foreign)
    old = {name: versions[-1].id for name, versions in vault.versions.items()}
    published = await publish(vault)
    assert [(each.name, each.superseded_id, each.changed, each.warning) for each in published] == [
        ("bare", old["bare"], True, None),
        ("string", old["string"], True, None),
    ]
    assert [each.id for each in published] == [vault.versions[each.name][-1].id for each in published]
    assert [each.id.rpartition("/")[2] for each in published] == [each.version for each in published]
    assert value(vault, "bare") == NEW_KEY
    assert value(vault, "string") == connected(NEW_KEY)
    assert vault.versions["foreign"] == [foreign]


async def test_a_new_version_says_whose_it_is_and_until_when() -> None:
    """Our tags are renewed, the owner's and the content type are kept, and the expiry follows the validity."""
    vault = FakeVault.of(secret(OLD_KEY, name="s", tags={**OUR_TAGS, "team": "mail"}, content_type="text/plain"))
    await publish(vault)
    new = vault.versions["s"][-1]
    assert new.tags == {**OUR_TAGS, "team": "mail", "CredentialId": "Secondary"}
    assert new.content_type == "text/plain"
    assert new.expires_on == datetime(2026, 4, 1, 12, 0, 0, tzinfo=UTC)


async def test_the_tag_says_until_when() -> None:
    """Each version expires as many days ahead as its tag ValidityPeriodDays has, and keeps it for the next one."""
    vault = FakeVault.of(secret(OLD_KEY, name="s", tags={**OUR_TAGS, "ValidityPeriodDays": "60"}))
    await publish(vault)
    assert vault.versions["s"][-1].expires_on == NOW.replace(microsecond=0) + timedelta(days=60)
    assert vault.versions["s"][-1].tags["ValidityPeriodDays"] == "60"


async def test_a_short_validity_is_lengthened_with_a_warning() -> None:
    """The rotation goes on, with the default, and says so."""
    vault = FakeVault.of(secret(OLD_KEY, name="s", tags={**OUR_TAGS, "ValidityPeriodDays": "7"}))
    (published,) = await publish(vault)
    assert published.warning is not None
    assert "7" in published.warning
    assert vault.versions["s"][-1].expires_on == NOW.replace(microsecond=0) + timedelta(days=90)
    assert vault.versions["s"][-1].tags["ValidityPeriodDays"] == "90"


async def test_publishing_twice_does_nothing_the_second_time() -> None:
    """The second publication sets nothing, and names the same versions, the superseded ones included."""
    vault = FakeVault.of(secret(OLD_KEY, name="a"), secret(connected(OLD_KEY), name="b"))
    first = await publish(vault)
    second = await publish(vault)
    assert vault.sets == 2
    assert second == [replace(each, changed=False) for each in first]


async def test_the_value_decides_not_the_tag() -> None:
    """A secret that publishes the key already is left alone though its tag names the other slot."""
    vault = FakeVault.of(secret(NEW_KEY, name="s", tags={**OUR_TAGS, "CredentialId": "Primary"}))
    (published,) = await publish(vault)
    assert (published.changed, published.superseded_id, vault.sets) == (False, None, 0)


async def test_a_secret_with_two_different_keys_is_renewed() -> None:
    """Which of the two a consumer reads is not known, so both become the key."""
    vault = FakeVault.of(secret(f"accesskey={OLD_KEY};accesskey={NEW_KEY}", name="s"))
    await publish(vault)
    assert value(vault, "s") == f"accesskey={NEW_KEY};accesskey={NEW_KEY}"


async def test_a_disabled_version_is_not_the_superseded_one() -> None:
    """What is disabled already needs no disabling: the newest enabled version before counts."""
    older = secret(OLD_KEY, name="s")
    vault = FakeVault.of(older, secret(OLD_KEY, name="s", enabled=False), secret(NEW_KEY, name="s"))
    (published,) = await publish(vault)
    assert published.superseded_id == older.id


async def test_without_a_secret_nothing_is_created_unasked() -> None:
    """A resource without a secret stays without one, whatever stands under the default name."""
    vault = FakeVault.of(secret("theirs", name=DEFAULT, tags={}))
    assert await publish(vault) == []
    assert vault.sets == 0


async def test_a_secret_is_created_when_asked_for() -> None:
    """A connection string under the default name, with our tags and an expiry; once, however often it is asked for."""
    vault = FakeVault()
    (published,) = await publish(vault, create=True)
    assert (published.name, published.superseded_id, published.changed) == (DEFAULT, None, True)
    created = vault.versions[DEFAULT][-1]
    assert created.value == Secret(connected(NEW_KEY))
    assert created.tags == {**OUR_TAGS, "CredentialId": "Secondary"}
    assert created.expires_on == NOW.replace(microsecond=0) + timedelta(days=90)
    assert await publish(vault, create=True) == [replace(published, changed=False)]
    assert vault.sets == 1


@pytest.mark.parametrize(
    "tags", [{}, {"CredentialId": "Primary"}, {**OUR_TAGS, "ProviderAddress": str(OTHER)}, {"ProviderAddress": "x"}]
)
async def test_somebody_elses_secret_is_never_touched(tags: dict[str, str]) -> None:
    """A secret under the default name without the resource's tag stays as it is; the error says what to do."""
    theirs = secret("theirs", name=DEFAULT, tags=tags)
    vault = FakeVault.of(theirs)
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault, create=True)
    assert (caught.value.status, caught.value.code, caught.value.retriable) == (409, "SecretNotOurs", False)
    assert vault.versions[DEFAULT] == [theirs]
    with pytest.raises(SecretNotOurs):
        await delivery(vault).preflight(RESOURCE, create=True)


async def test_a_disabled_secret_under_the_default_name_is_an_error() -> None:
    """It can be neither read nor judged."""
    vault = FakeVault.of(secret(OLD_KEY, name=DEFAULT, enabled=False))
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault, create=True)
    assert caught.value.code == "SecretDisabled"
    with pytest.raises(SecretDisabled):
        await delivery(vault).preflight(RESOURCE, create=True)


async def test_a_secret_that_is_too_new_to_be_listed_is_found_by_its_name() -> None:
    """Listings may lag: ours under the default name is renewed, not refused."""
    vault = _Lagging(FakeVault.of(secret(connected(OLD_KEY), name=DEFAULT)).versions)
    (published,) = await publish(vault, create=True)
    assert published.changed
    assert value(vault, DEFAULT) == connected(NEW_KEY)


class _Lagging(FakeVault):
    async def secrets_of(self, resource: ResourceId, names: Collection[str] | None = None) -> list[PublishedSecret]:
        """Return nothing yet."""
        del resource, names
        return []


async def test_names_restrict_the_publication() -> None:
    """Only the named secrets are set."""
    vault = FakeVault.of(secret(OLD_KEY, name="a"), secret(OLD_KEY, name="b"))
    published = await publish(vault, ["b"])
    assert [each.name for each in published] == ["b"]
    assert value(vault, "a") == OLD_KEY


async def test_a_named_secret_must_be_the_resources() -> None:
    """One that is missing or somebody else's fails; the others get the key."""
    vault = FakeVault.of(secret(OLD_KEY, name="a"), secret("theirs", name="b", tags={}))
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault, ["c", "b", "a"])
    assert {name: error.code for name, error in caught.value.failures.items()} == {
        "b": "SecretNotOurs",
        "c": "SecretNotOurs",
    }
    assert value(vault, "a") == NEW_KEY
    assert value(vault, "b") == "theirs"


async def test_one_failing_secret_does_not_hinder_the_others() -> None:
    """All are tried; the error lists each failure with its secret, and what was delivered."""
    vault = FakeVault.of(*(secret(OLD_KEY, name=name) for name in "abcd"))
    vault.failures = {
        ("set", "a"): KeyVaultUnavailable("Busy.", doubtful=True, headers={"Retry-After": "9"}),
        ("set", "c"): KeyVaultForbidden("Denied.", target="c"),
    }
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault)
    assert [value(vault, name) for name in "abcd"] == [OLD_KEY, NEW_KEY, OLD_KEY, NEW_KEY]
    error = caught.value.to_json()["error"]
    assert (caught.value.status, error["code"], error["target"], caught.value.retriable) == (
        403,
        "KeyVaultForbidden",
        "c",
        False,
    )
    assert error["details"] == [
        {"code": "KeyVaultUnavailable", "message": "Busy.", "target": "a"},
        {"code": "KeyVaultForbidden", "message": "Denied.", "target": "c"},
    ]
    delivered = [vault.versions[name][-1].id for name in "bd"]
    assert error["additionalInfo"] == [{"type": "Delivery", "info": {"delivered": delivered}}]
    assert error["message"].startswith("2 of 4 secrets do not publish the key: ")


async def test_a_failure_that_may_pass_is_retriable_as_a_whole() -> None:
    """Where only retriable failures remain, so is their sum, with its Retry-After; the repetition sets the rest."""
    vault = FakeVault.of(secret(OLD_KEY, name="a"), secret(OLD_KEY, name="b"))
    vault.failures = {("set", "b"): KeyVaultUnavailable("Busy.", doubtful=True, headers={"Retry-After": "9"})}
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault)
    assert (caught.value.retriable, caught.value.status, caught.value.headers) == (True, 503, {"Retry-After": "9"})
    vault.failures = {}
    assert [each.changed for each in await publish(vault)] == [False, True]


async def test_what_is_not_of_key_vault_fails_one_secret_too() -> None:
    """A missing token is told like any other failure."""
    vault = FakeVault.of(secret(OLD_KEY, name="a"))
    vault.failures = {("set", "a"): ManagedIdentityUnavailable("No token.")}
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault)
    assert (caught.value.status, caught.value.code) == (503, "ManagedIdentityUnavailable")
    assert caught.value.message == "No token."


async def test_unreadable_secrets_are_an_error_before_anything_is_set() -> None:
    """If the secrets cannot be found out, that very error is raised."""
    vault = FakeVault.of(secret(OLD_KEY, name="a"))
    vault.failures = {("list", ""): KeyVaultForbidden("Denied.")}
    with pytest.raises(KeyVaultForbidden):
        await publish(vault, create=True)
    assert vault.sets == 0


async def test_an_overtaken_publication_is_told() -> None:
    """Where somebody else's version is the current one after ours, the secret does not publish the key."""
    vault = FakeVault.of(secret(OLD_KEY, name="a"))
    vault.overtakers = {"a": secret("another", name="a")}
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault)
    assert isinstance(caught.value.failures["a"], SecretsDisagreed)
    assert caught.value.failures["a"].target == "a"
    vault.overtakers = {"a": secret(NEW_KEY, name="a")}
    assert (await publish(vault))[0].changed


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (secret('{"key": 1}', name="b"), SecretFormatUnknown),
        (secret(OLD_KEY, name="b", tags={**OUR_TAGS, **{str(n): "" for n in range(13)}}), TagTooLong),
    ],
)
async def test_what_cannot_be_published_is_seen_before_anything_changes(
    bad: PublishedSecret, error: type[SecretFormatUnknown | TagTooLong]
) -> None:
    """The preflight names the secret, and the publication leaves it as it is and sets the others."""
    vault = FakeVault.of(secret(OLD_KEY, name="a"), bad)
    with pytest.raises(error):
        await delivery(vault).preflight(RESOURCE)
    assert vault.sets == 0
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault)
    assert isinstance(caught.value.failures["b"], error)
    assert value(vault, "a") == NEW_KEY
    assert len(vault.versions["b"]) == 1


async def test_the_preflight_returns_what_would_be_renewed() -> None:
    """It reads and sets nothing; an empty value is no obstacle, nor is a resource without secrets."""
    mine = secret("", name="a")
    vault = FakeVault.of(mine, secret("theirs", name="b", tags={}))
    assert await delivery(vault).preflight(RESOURCE) == [mine]
    assert await delivery(FakeVault()).preflight(RESOURCE, create=True) == []
    assert vault.sets == 0


async def test_known_names_are_read_without_a_listing() -> None:
    """Preflight and publication read what they were told of afresh, and leave alone what has changed hands."""
    vault = FakeVault.of(
        secret(OLD_KEY, name="a"),
        secret(OLD_KEY, name="b", tags={"ProviderAddress": str(OTHER)}),
        secret(OLD_KEY, name="not-known"),
    )
    known = ["a", "b", "gone"]
    assert [each.name for each in await delivery(vault).preflight(RESOURCE, known=known)] == ["a"]
    assert [each.name for each in await publish(vault, known=known)] == ["a"]
    assert vault.listings == 0
    assert [value(vault, name) for name in ("a", "b", "not-known")] == [NEW_KEY, OLD_KEY, OLD_KEY]


async def test_where_no_name_is_known_the_default_one_is_looked_at_without_a_listing() -> None:
    """An adoption creates the secret; its preflight finds what stands in the way."""
    vault = FakeVault()
    assert await delivery(vault).preflight(RESOURCE, known=[], create=True) == []
    assert [each.name for each in await publish(vault, known=[], create=True)] == [DEFAULT]
    assert vault.listings == 0
    with pytest.raises(SecretNotOurs):
        await delivery(FakeVault.of(secret("theirs", name=DEFAULT, tags={}))).preflight(RESOURCE, known=[], create=True)


async def test_no_error_holds_a_key() -> None:
    """Whatever fails, neither key stands in what is told about it."""
    vault = FakeVault.of(
        secret(OLD_KEY, name="a"),
        secret(f'{{"key": "{OLD_KEY}"}}', name="b"),
        secret(connected(OLD_KEY), name="c"),
        secret(connected(OLD_KEY), name="d"),
    )
    vault.overtakers = {"a": secret(OLD_KEY, name="a")}
    vault.failures = {("set", "c"): KeyVaultForbidden("Denied.")}
    with pytest.raises(DeliveryIncomplete) as caught:
        await publish(vault)
    told = str(caught.value.to_json()) + repr(caught.value) + repr(caught.value.failures) + repr(vault.versions["d"])
    assert OLD_KEY not in told
    assert NEW_KEY not in told
