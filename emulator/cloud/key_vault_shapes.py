"""Secrets as Key Vault writes them: SecretBundle, SecretItem and their deleted kin.

Source: Azure/azure-rest-api-specs, specification/keyvault, and recorded answers in Azure/azure-sdk-for-js,
sdk/keyvault: members without a value are left out.
"""

from emulator.cloud.vault import DAY_SECONDS, RETENTION_DAYS, Secret, SecretVersion

# Oldest first: ApiVersion of azure-keyvault-secrets 4.12.0.
API_VERSIONS = ("2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01", "2026-04-01")
# `recoverableDays` is in the specification from 7.1 on.
_WITHOUT_RECOVERABLE_DAYS = ("2016-10-01", "7.0")
# The default of a vault: soft delete for 90 days, without purge protection.
_RECOVERY_LEVEL = "Recoverable+Purgeable"


class Shapes:
    """Writes for a vault at `origin` (without a trailing slash) and one api-version."""

    def __init__(self, origin: str, api_version: str) -> None:
        self._origin = origin
        self._api_version = api_version

    def bundle(self, secret: Secret, version: SecretVersion, *, with_value: bool) -> dict[str, object]:
        """Return a SecretBundle: what get and set answer; update and recover answer it without the value."""
        bundle: dict[str, object] = {"value": version.value} if with_value else {}
        return bundle | self._described(f"{self._id(secret)}/{version.id}", version)

    def item(self, secret: Secret) -> dict[str, object]:
        """Return a SecretItem for a list of secrets: the current version's attributes under the secret's own id."""
        return self._described(self._id(secret), secret.current)

    def version_item(self, secret: Secret, version: SecretVersion) -> dict[str, object]:
        """Return a SecretItem for a list of versions."""
        return self._described(f"{self._id(secret)}/{version.id}", version)

    def deleted_bundle(self, secret: Secret) -> dict[str, object]:
        """Return a DeletedSecretBundle, which has no value."""
        return self._deletion(secret) | self.bundle(secret, secret.current, with_value=False)

    def deleted_item(self, secret: Secret) -> dict[str, object]:
        """Return a DeletedSecretItem."""
        return self._deletion(secret) | self.item(secret)

    def _id(self, secret: Secret) -> str:
        return f"{self._origin}/secrets/{secret.name}"

    def _deletion(self, secret: Secret) -> dict[str, object]:
        deleted = secret.deleted or 0
        return {
            "recoveryId": f"{self._origin}/deletedsecrets/{secret.name}",
            "deletedDate": deleted,
            "scheduledPurgeDate": deleted + RETENTION_DAYS * DAY_SECONDS,
        }

    def _described(self, identifier: str, version: SecretVersion) -> dict[str, object]:
        attributes: dict[str, object] = {"enabled": version.enabled}
        if version.not_before is not None:
            attributes["nbf"] = version.not_before
        if version.expires is not None:
            attributes["exp"] = version.expires
        attributes |= {"created": version.created, "updated": version.updated, "recoveryLevel": _RECOVERY_LEVEL}
        if self._api_version not in _WITHOUT_RECOVERABLE_DAYS:
            attributes["recoverableDays"] = RETENTION_DAYS
        described: dict[str, object] = {}
        if version.content_type is not None:
            described["contentType"] = version.content_type
        described |= {"id": identifier, "attributes": attributes}
        if version.tags is not None:
            described["tags"] = version.tags
        return described
