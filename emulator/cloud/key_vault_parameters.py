"""SecretSetParameters and SecretUpdateParameters as Key Vault validates them.

Shapes: Azure/azure-rest-api-specs, specification/keyvault. Null means absent, read-only attributes and unknown members
are ignored. Which of the many ways of being wrong it is, the real one does not tell either.
"""

from typing import cast

from emulator.cloud import key_vault_errors
from emulator.cloud.json_values import Json, JsonError, parse_json
from emulator.cloud.vault import Changes, Draft


def draft(body: bytes) -> Draft:
    """Return the version to make; raises KeyVaultError 400."""
    try:
        members = Json(parse_json(body), "the body")
        enabled, not_before, expires = _attributes(members)
        return Draft(
            value=members.string("value"),
            content_type=members.optional_string("contentType"),
            tags=optional_tags(members),
            enabled=enabled is not False,
            not_before=not_before,
            expires=expires,
        )
    except JsonError:
        raise key_vault_errors.invalid_property() from None


def changes(body: bytes) -> Changes:
    """Return what to change; raises KeyVaultError 400."""
    try:
        members = Json(parse_json(body), "the body")
        enabled, not_before, expires = _attributes(members)
        return Changes(
            content_type=members.optional_string("contentType"),
            tags=optional_tags(members),
            enabled=enabled,
            not_before=not_before,
            expires=expires,
        )
    except JsonError:
        raise key_vault_errors.invalid_property() from None


def optional_tags(members: Json) -> dict[str, str] | None:
    """Return `tags`, an object of strings, null or absent; raises JsonError for anything else."""
    given = members.members().get("tags")
    if given is None:
        return None
    tags = Json(given, "tags").members()
    if not all(isinstance(value, str) for value in tags.values()):
        raise members.error("tags must have strings as their values")
    return cast("dict[str, str]", tags)


def _attributes(members: Json) -> tuple[bool | None, int | None, int | None]:
    """Return enabled, not before and expiry (seconds since the epoch)."""
    given = members.members().get("attributes")
    if given is None:
        return None, None, None
    attributes = Json(given, "attributes")
    enabled = attributes.members().get("enabled")
    if enabled is not None and not isinstance(enabled, bool):
        raise attributes.error("enabled must be true or false")
    return enabled, attributes.optional_integer("nbf"), attributes.optional_integer("exp")
