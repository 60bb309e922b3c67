"""A live key -> every secret of the resource: what is published, and what is not touched.

Key Vault sets without a condition, so two races remain, and both are looked for afterwards: a secret that somebody
creates under the default name between our look and our set gets our version on top of theirs (theirs stays readable
as the version before), and where somebody sets a secret at the same moment, the last one wins. A publication
therefore reads back what is current, and reports `SecretsDisagreed` where that is another key.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from shared.conflicts import SecretsDisagreed
from shared.errors import AppError
from shared.key_vault_errors import DeliveryIncomplete, SecretFormatUnknown, SecretNotOurs
from shared.parameters import KeyType
from shared.published_secret import PublishedSecret, check_tags, default_name, next_tags, render, validity
from shared.redaction import AccessKey, Secret
from shared.resource_id import ResourceId


class SecretVersion(NamedTuple):
    """A version of a secret, without its value; created in UTC, whole seconds."""

    version: str
    enabled: bool
    created_on: datetime | None


class Vault(Protocol):
    """What is needed of a Key Vault. Every method may raise a `KeyVaultError` or `ManagedIdentityUnavailable`."""

    async def tagged(self) -> Mapping[str, ResourceId]:
        """Return the names of all enabled secrets that are tagged with a resource, each with that resource.

        One listing, which begins after the call; it shows no value. Secrets that back a certificate are left out:
        they cannot be set.
        """
        ...

    async def secrets_of(self, resource: ResourceId, names: Collection[str] | None = None) -> list[PublishedSecret]:
        """Return the current versions of all enabled secrets that are tagged with the resource, by name.

        All of them are read afresh, tags and values: those of `names`, which an earlier listing has found, or, with
        None, those that a listing finds now.
        """
        ...

    async def current(self, name: str) -> PublishedSecret | None:
        """Return the current version of a secret, or None where there is none of that name.

        Raises:
            SecretDisabled: it cannot be read.
        """
        ...

    async def version(self, name: str, version: str) -> PublishedSecret | None:
        """Return one version of a secret, or None where it is gone or disabled."""
        ...

    async def set(
        self,
        name: str,
        value: Secret,
        *,
        tags: Mapping[str, str],
        content_type: str | None,
        expires_on: datetime | None,
    ) -> PublishedSecret:
        """Set a new version and return it. After a lost answer the current version is looked at before it is set
        again: a version with that value is taken for ours.

        Raises:
            SecretDeleted: the name is soft-deleted.
        """
        ...

    async def disable(self, name: str, version: str) -> None:
        """Disable one version; nothing happens where it is disabled or gone already."""
        ...

    async def previous_versions(self, name: str) -> list[SecretVersion]:
        """Return all versions but the current one, newest first; empty where there is no such secret.

        Key Vault dates them by the second: the order of versions of one second is not known.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A secret that publishes the key now.

    Attributes:
        id: of the version that publishes it, `https://<vault>/secrets/<name>/<version>`.
        name: the secret's name.
        version: the version alone.
        superseded_id: the id of the version before, or None where there is none that is enabled.
        warning: what the secret's owner should know, or None.
        changed: False where it published the key already.
    """

    id: str
    name: str
    version: str
    superseded_id: str | None
    warning: str | None
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Publishes keys in the secrets of their resource.

    Args:
        vault: where the secrets are.
        grace: how long the key before lives on; a secret's validity must outlast it.
        validity_days: for how many days a version is valid unless its tag says otherwise.
        now: gives the time in UTC.
    """

    vault: Vault
    grace: timedelta
    validity_days: int
    now: Callable[[], datetime]

    async def preflight(
        self, resource: ResourceId, *, known: Collection[str] | None = None, create: bool = False
    ) -> list[PublishedSecret]:
        """Return the secrets that `publish` would renew, having checked what can be checked before anything changes:
        whose they are, their tags and formats, and with `create` the default name where there is no secret yet.

        `known` are the names that an earlier listing has found; None: the vault is listed.

        Raises:
            SecretNotOurs, SecretDisabled, SecretFormatUnknown, TagTooLong: what would hinder it, and in which secret.
            KeyVaultForbidden, KeyVaultUnavailable: the secrets cannot be read.
        """
        found, failures = await self._targets(resource, None, known=known, create=create)
        for error in failures.values():
            raise error
        for secret in found:
            check_tags(resource, secret.tags)
            _render(secret, AccessKey(Secret("")), "https://localhost/")
        if create and not found:
            check_tags(resource, {})
        return found

    async def publish(
        self,
        resource: ResourceId,
        key_type: KeyType,
        key: AccessKey,
        endpoint: str | None,
        secrets: Collection[str] | None = None,
        *,
        known: Collection[str] | None = None,
        create: bool = False,
    ) -> list[Published]:
        """Let every secret of the resource publish the key, and return what publishes it, by name.

        May be repeated: a secret whose current value is the key already gets no new version, and `superseded_id` is
        then the newest enabled version before it. One secret that fails does not hinder the others.

        Args:
            resource: whose secrets they are; the tag ProviderAddress says so.
            key_type: the slot that the key is in, for the tag CredentialId.
            key: a key that is proven to work.
            endpoint: `https://host/`, for a connection string that is to be made and that ARM did not give.
            secrets: names to which the publication is restricted; None: all that are tagged with the resource.
            known: where not restricted, the names that an earlier listing has found; None: the vault is listed.
            create: whether to create the secret with the default name where the resource has none; not with names.

        Raises:
            DeliveryIncomplete: with everything that failed, after all was tried.
            KeyVaultError: the secrets of the resource could not be found out.
        """
        targets, failures = await self._targets(resource, secrets, known=known, create=create)
        published: list[Published] = []
        for secret in targets:
            try:
                published.append(await self._renew(secret, resource, key_type, key, endpoint))
            except AppError as error:
                failures[secret.name] = error
        if create and secrets is None and not targets and not failures:
            try:
                published.append(await self._create(resource, key_type, key, endpoint))
            except AppError as error:
                failures[default_name(resource)] = error
        if failures:
            raise DeliveryIncomplete(failures, [each.id for each in published])
        return published

    async def _targets(
        self, resource: ResourceId, names: Collection[str] | None, *, known: Collection[str] | None, create: bool
    ) -> tuple[list[PublishedSecret], dict[str, AppError]]:
        """Return the secrets to publish in, and what keeps others from being among them."""
        found = await self.vault.secrets_of(resource, known) if names is None else []
        wanted = set(names or ())
        if create and names is None and not found:
            # it must be free, or be ours and too new to be listed
            wanted = {default_name(resource)}
        failures: dict[str, AppError] = {}
        for name in sorted(wanted):
            try:
                secret = await self.vault.current(name)
            except AppError as error:
                failures[name] = error
                continue
            if secret is not None and secret.resource_id == resource:
                found.append(secret)
            elif secret is not None or names is not None:
                failures[name] = SecretNotOurs(name)
        return found, failures

    async def _renew(
        self, secret: PublishedSecret, resource: ResourceId, key_type: KeyType, key: AccessKey, endpoint: str | None
    ) -> Published:
        value = _render(secret, key, endpoint)
        if value == secret.value:
            before = next((each for each in await self.vault.previous_versions(secret.name) if each.enabled), None)
            return Published(
                id=secret.id,
                name=secret.name,
                version=secret.version,
                superseded_id=f"{secret.id.rpartition('/')[0]}/{before.version}" if before else None,
                warning=None,
                changed=False,
            )
        check_tags(resource, secret.tags)
        days, warning = validity(secret.tags, self.validity_days, self.grace)
        new = await self._set(secret.name, value, resource, key_type, days, secret.tags, secret.content_type)
        return Published(
            id=new.id, name=new.name, version=new.version, superseded_id=secret.id, warning=warning, changed=True
        )

    async def _create(self, resource: ResourceId, key_type: KeyType, key: AccessKey, endpoint: str | None) -> Published:
        check_tags(resource, {})
        days, _ = validity({}, self.validity_days, self.grace)
        value = render(None, key, endpoint)
        new = await self._set(default_name(resource), value, resource, key_type, days, {}, None)
        return Published(id=new.id, name=new.name, version=new.version, superseded_id=None, warning=None, changed=True)

    async def _set(
        self,
        name: str,
        value: Secret,
        resource: ResourceId,
        key_type: KeyType,
        days: int,
        tags: Mapping[str, str],
        content_type: str | None,
    ) -> PublishedSecret:
        """Set a version and read back whether it is the one that consumers get."""
        new = await self.vault.set(
            name,
            value,
            tags=next_tags(tags, key_type, resource, days),
            content_type=content_type,
            expires_on=self.now().replace(microsecond=0) + timedelta(days=days),
        )
        current = await self.vault.current(name)
        if current is None or current.key != new.key:
            raise SecretsDisagreed(
                f"Somebody else set or deleted the secret {name} at the same moment, and it does not publish the key.",
                target=name,
            )
        return new


def _render(secret: PublishedSecret, key: AccessKey, endpoint: str | None) -> Secret:
    try:
        return render(secret.value, key, endpoint)
    except SecretFormatUnknown:
        raise SecretFormatUnknown(secret.name) from None
