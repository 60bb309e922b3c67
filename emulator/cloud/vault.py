"""The secrets of the emulated key vault: names, versions, attributes, soft delete.

What a secret is, and its limits: learn.microsoft.com/azure/key-vault/secrets/about-secrets. Times are whole seconds
since the epoch, so that versions of one second cannot be told apart by them, as in the real one.
"""

import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

RETENTION_DAYS = 90
DAY_SECONDS = 24 * 60 * 60
# "A secret's name is 1 to 127 characters of 0-9, a-z, A-Z and -" (about-keys-secrets-certificates, object types).
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_LONGEST_VALUE_BYTES = 25 * 1024
_MOST_TAGS = 15
_LONGEST_TAG = 256
_LONGEST_CONTENT_TYPE = 255


class NameIsDeletedError(ValueError):
    """The name belongs to a secret that is deleted and can be recovered, and cannot be used meanwhile."""


class LimitError(ValueError):
    """Something is too long or too many; the message says what, and repeats no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a new version is to hold; `not_before` and `expires` are seconds since the epoch."""

    value: str = field(repr=False)
    content_type: str | None = None
    # None and an empty mapping differ: the service shows the latter.
    tags: Mapping[str, str] | None = None
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What an update changes; None: stays as it is. Tags are replaced as a whole."""

    content_type: str | None = None
    tags: Mapping[str, str] | None = None
    enabled: bool | None = None
    not_before: int | None = None
    expires: int | None = None


@dataclass(slots=True, kw_only=True)
class SecretVersion:
    """One version; `id` has 32 hexadecimal digits."""

    id: str
    value: str = field(repr=False)
    content_type: str | None
    tags: dict[str, str] | None
    enabled: bool
    not_before: int | None
    expires: int | None
    created: int
    updated: int


@dataclass(slots=True, kw_only=True)
class Secret:
    """A secret, in the casing in which its name was first used; `versions` oldest first, never empty."""

    name: str
    versions: list[SecretVersion]
    # When it was deleted; None: it is not.
    deleted: int | None = None

    @property
    def current(self) -> SecretVersion:
        """The newest version, enabled or not."""
        return self.versions[-1]

    def version(self, version_id: str | None) -> SecretVersion | None:
        """Return the version with that id, in any casing (None: the current one); None when there is none."""
        if version_id is None:
            return self.current
        return next((each for each in self.versions if each.id == version_id.lower()), None)


class Vault:
    """All secrets, deleted ones included. Names are compared without regard to case. `clock` gives epoch seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secrets: dict[str, Secret] = {}
        # Told of each secret that has a new version.
        self.on_new_version: Callable[[Secret], None] | None = None

    def clear(self) -> None:
        """Forget everything, deleted secrets too."""
        self._secrets.clear()

    def set(self, name: str, draft: Draft, *, announce: bool = True) -> Secret:
        """Make a secret, or a new version of the one by that name, and return it; `announce`: tell `on_new_version`.

        Raises NameIsDeletedError, and LimitError for a draft beyond the service's limits.
        """
        check_limits(draft.content_type, draft.tags, draft.value)
        secret = self._secrets.get(name.lower())
        if secret is not None and secret.deleted is not None:
            raise NameIsDeletedError(name)
        now = int(self._clock())
        version = SecretVersion(
            id=uuid.uuid4().hex,
            value=draft.value,
            content_type=draft.content_type,
            tags=None if draft.tags is None else dict(draft.tags),
            enabled=draft.enabled,
            not_before=draft.not_before,
            expires=draft.expires,
            created=now,
            updated=now,
        )
        if secret is None:
            secret = self._secrets[name.lower()] = Secret(name=name, versions=[version])
        else:
            secret.versions.append(version)
        if announce and self.on_new_version is not None:
            self.on_new_version(secret)
        return secret

    def update(self, version: SecretVersion, changes: Changes) -> None:
        """Change a version's attributes; raises LimitError."""
        check_limits(changes.content_type, changes.tags)
        if changes.content_type is not None:
            version.content_type = changes.content_type
        if changes.tags is not None:
            version.tags = dict(changes.tags)
        if changes.enabled is not None:
            version.enabled = changes.enabled
        if changes.not_before is not None:
            version.not_before = changes.not_before
        if changes.expires is not None:
            version.expires = changes.expires
        version.updated = int(self._clock())

    def find(self, name: str) -> Secret | None:
        """Return the secret by that name, unless it is deleted."""
        secret = self._secrets.get(name.lower())
        return None if secret is None or secret.deleted is not None else secret

    def find_deleted(self, name: str) -> Secret | None:
        """Return the deleted secret by that name."""
        secret = self._secrets.get(name.lower())
        return None if secret is None or secret.deleted is None else secret

    def secrets(self) -> list[Secret]:
        """Return the secrets that are not deleted, by name."""
        return [each for each in self._sorted() if each.deleted is None]

    def deleted_secrets(self) -> list[Secret]:
        """Return the deleted secrets, by name."""
        return [each for each in self._sorted() if each.deleted is not None]

    def delete(self, secret: Secret) -> None:
        """Delete a secret so that it can be recovered, with all its versions."""
        secret.deleted = int(self._clock())

    def recover(self, secret: Secret) -> None:
        """Undo a deletion."""
        secret.deleted = None

    def purge(self, secret: Secret) -> None:
        """Forget a secret for good; its name is free again."""
        del self._secrets[secret.name.lower()]

    def _sorted(self) -> list[Secret]:
        return sorted(self._secrets.values(), key=lambda each: each.name.upper())


def is_name(text: str) -> bool:
    """Say whether a secret may have that name."""
    return _NAME.fullmatch(text) is not None


def check_limits(content_type: str | None, tags: Mapping[str, str] | None, value: str = "") -> None:
    """Raise LimitError for what the service would not store: about-secrets, "Secret attributes", "Secret tags"."""
    # JSON can spell a lone surrogate, which has no UTF-8; it counts as its three bytes.
    if len(value.encode("utf-8", "surrogatepass")) > _LONGEST_VALUE_BYTES:
        raise LimitError(f"value must have at most {_LONGEST_VALUE_BYTES} bytes")
    if content_type is not None and len(content_type) > _LONGEST_CONTENT_TYPE:
        raise LimitError(f"contentType must have at most {_LONGEST_CONTENT_TYPE} characters")
    if tags is None:
        return
    if len(tags) > _MOST_TAGS:
        raise LimitError(f"there may be at most {_MOST_TAGS} tags")
    if any(len(name) > _LONGEST_TAG or len(text) > _LONGEST_TAG for name, text in tags.items()):
        raise LimitError(f"tags: names and values must have at most {_LONGEST_TAG} characters")
