"""A Key Vault in memory, and samples of secrets, for the unit tests of what is published."""

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from shared.delivery import SecretVersion
from shared.errors import AppError
from shared.key_vault_errors import SecretDisabled
from shared.published_secret import PublishedSecret
from shared.redaction import AccessKey, Secret
from shared.resource_id import ResourceId

RESOURCE = ResourceId("11112222-3333-4444-5555-666677778888", "MyResourceGroup", "MyCommunicationResource")
OTHER = ResourceId("11112222-3333-4444-5555-666677778888", "OtherGroup", "OtherResource")
ENDPOINT = "https://mycommunicationresource.communication.azure.com/"
NOW = datetime(2026, 1, 1, 12, 0, 0, 123456, UTC)
OUR_TAGS: Mapping[str, str] = {"CredentialId": "Primary", "ProviderAddress": str(RESOURCE), "ValidityPeriodDays": "90"}
# 64 bytes of base64, the older shape of a key
OLD_KEY = "b2xk" * 21 + "bw=="
NEW_KEY = "bmV3" * 21 + "bg=="


def access_key(key: str = NEW_KEY, *, endpoint: str | None = ENDPOINT) -> AccessKey:
    """Return a key as ARM gives it, with its connection string unless there is no endpoint."""
    return AccessKey(Secret(key), Secret(f"endpoint={endpoint};accesskey={key}") if endpoint else None)


def connected(key: str, endpoint: str = ENDPOINT) -> str:
    """Return a connection string."""
    return f"endpoint={endpoint};accesskey={key}"


def secret(
    value: str,
    *,
    name: str = "a-secret",
    tags: Mapping[str, str] = OUR_TAGS,
    content_type: str | None = None,
    enabled: bool = True,
    created_on: datetime = NOW,
    expires_on: datetime | None = None,
) -> PublishedSecret:
    """Return a version of a secret with an id of its own."""
    version = uuid.uuid4().hex
    return PublishedSecret(
        name=name,
        id=f"https://vault.example/secrets/{name}/{version}",
        version=version,
        value=Secret(value),
        tags=dict(tags),
        content_type=content_type,
        expires_on=expires_on,
        created_on=created_on,
        enabled=enabled,
    )


@dataclass(slots=True)
class FakeVault:
    """A `Vault`: versions by name, oldest first; what fails, and what happens right after a version is set."""

    versions: dict[str, list[PublishedSecret]] = field(default_factory=dict[str, list[PublishedSecret]])
    failures: dict[tuple[str, str], AppError] = field(default_factory=dict[tuple[str, str], AppError])
    # names whose every version is to be overtaken by this one of somebody else's
    overtakers: dict[str, PublishedSecret] = field(default_factory=dict[str, PublishedSecret])
    sets: int = 0
    listings: int = 0

    @classmethod
    def of(cls, *secrets: PublishedSecret) -> "FakeVault":
        """Return a vault with these versions, in their order."""
        vault = cls()
        for each in secrets:
            vault.versions.setdefault(each.name, []).append(each)
        return vault

    async def tagged(self) -> Mapping[str, ResourceId]:
        """Return whose the enabled current versions are, by name."""
        self.listings += 1
        self._fail("list", "")
        owners = {each.name: each.resource_id for each in self._currents()}
        return {name: owner for name, owner in owners.items() if owner is not None}

    async def secrets_of(self, resource: ResourceId, names: Collection[str] | None = None) -> list[PublishedSecret]:
        """Return the enabled current versions with the resource's tag: of these names, or of all (a listing)."""
        if names is None:
            self.listings += 1
            self._fail("list", "")
        else:
            for name in sorted(names):
                self._fail("get", name)
        found = (each for each in self._currents() if each.resource_id == resource)
        return sorted((each for each in found if names is None or each.name in names), key=lambda each: each.name)

    async def current(self, name: str) -> PublishedSecret | None:
        """Return the newest version."""
        self._fail("get", name)
        if name not in self.versions:
            return None
        newest = self.versions[name][-1]
        if not newest.enabled:
            raise SecretDisabled(name)
        return newest

    async def version(self, name: str, version: str) -> PublishedSecret | None:
        """Return a version by its id."""
        self._fail("version", name)
        return next((each for each in self.versions.get(name, []) if each.version == version and each.enabled), None)

    async def set(
        self,
        name: str,
        value: Secret,
        *,
        tags: Mapping[str, str],
        content_type: str | None,
        expires_on: datetime | None,
    ) -> PublishedSecret:
        """Add a version."""
        self._fail("set", name)
        self.sets += 1
        new = replace(secret(value.reveal(), name=name, tags=tags, content_type=content_type), expires_on=expires_on)
        self.versions.setdefault(name, []).append(new)
        if name in self.overtakers:
            self.versions[name].append(self.overtakers[name])
        return new

    async def disable(self, name: str, version: str) -> None:
        """Disable a version."""
        self._fail("disable", name)
        self.versions[name] = [
            replace(each, enabled=False) if each.version == version else each for each in self.versions[name]
        ]

    async def previous_versions(self, name: str) -> list[SecretVersion]:
        """Return all but the newest, newest first."""
        return [
            SecretVersion(each.version, each.enabled, each.created_on)
            for each in reversed(self.versions.get(name, [])[:-1])
        ]

    def _currents(self) -> Iterator[PublishedSecret]:
        return (versions[-1] for versions in self.versions.values() if versions[-1].enabled)

    def _fail(self, operation: str, name: str) -> None:
        if (operation, name) in self.failures:
            raise self.failures[operation, name]
