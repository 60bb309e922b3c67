"""The vault of an app that has none: no secret is there, and none can be set."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import NoReturn

from shared.delivery import SecretVersion
from shared.published_secret import PublishedSecret
from shared.redaction import Secret
from shared.resource_id import ResourceId
from shared.settings import no_key_vault


class NoVault:
    """A `Vault` without secrets, for an app without KEY_VAULT_URL."""

    async def tagged(self) -> Mapping[str, ResourceId]:
        """Return nothing."""
        return {}

    async def secrets_of(self, resource: ResourceId, names: Collection[str] | None = None) -> list[PublishedSecret]:
        """Return nothing."""
        del resource, names
        return []

    async def current(self, name: str) -> PublishedSecret | None:
        """Return nothing."""
        del name

    async def version(self, name: str, version: str) -> PublishedSecret | None:
        """Return nothing."""
        del name, version

    async def set(
        self,
        name: str,
        value: Secret,
        *,
        tags: Mapping[str, str],
        content_type: str | None,
        expires_on: datetime | None,
    ) -> NoReturn:
        """Raise NotConfigured."""
        del name, value, tags, content_type, expires_on
        raise no_key_vault()

    async def disable(self, name: str, version: str) -> NoReturn:
        """Raise NotConfigured."""
        del name, version
        raise no_key_vault()

    async def previous_versions(self, name: str) -> list[SecretVersion]:
        """Return nothing."""
        del name
        return []
