"""What travels between the steps of a rotation and stands in its history: ids, key types, fingerprints; no secret.

Everything here turns into plain JSON and back, since Durable Functions keeps inputs and outputs readable.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from shared.errors import OUTCOME, RegenerationOutcome
from shared.parameters import KeyType

type Json = dict[str, Any]

# how long a look may rely on the names that an earlier one has found: what is tagged meanwhile is not seen
LISTING_LASTS = timedelta(minutes=1)


def utc_text(time: datetime) -> str:
    """Return a time as ISO 8601 in UTC, in whole seconds; a time without a zone is UTC, as the engine gives it."""
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_time(text: str) -> datetime:
    """Return the time that `utc_text` has written."""
    return datetime.fromisoformat(text)


def outcome_info(outcome: RegenerationOutcome) -> Json:
    """Return what says in `additionalInfo` what has become of the key."""
    return {"type": OUTCOME, "info": {"outcome": outcome.value}}


def with_outcome(error: Json, outcome: RegenerationOutcome) -> Json:
    """Return an error that says what has become of the key."""
    others = [info for info in error.get("additionalInfo", ()) if info["type"] != OUTCOME]
    return error | {"additionalInfo": [*others, outcome_info(outcome)]}


@dataclass(frozen=True, slots=True)
class SecretView:
    """A secret's current version without its value: which key it publishes, by that key's fingerprint.

    Attributes:
        key_type: what its tag CredentialId says, or None where it says nothing sensible.
        created_on: when the version was set, as text; a later one sorts after an earlier one.
    """

    id: str
    name: str
    version: str
    fingerprint: str
    key_type: KeyType | None
    created_on: str

    def to_json(self) -> Json:
        """Return the view as JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "fingerprint": self.fingerprint,
            "keyType": self.key_type,
            "createdOn": self.created_on,
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Return the view that `to_json` has written."""
        return cls(
            data["id"],
            data["name"],
            data["version"],
            data["fingerprint"],
            KeyType(data["keyType"]) if data["keyType"] else None,
            data["createdOn"],
        )


@dataclass(frozen=True, slots=True)
class Listing:
    """The names of a resource's secrets, and when the vault was listed for them, by the orchestration's clock.

    Key Vault cannot be asked by tag, and a vault of hundreds of secrets is many pages: one look lists, and tells the
    next ones whose current versions they are to read.
    """

    names: frozenset[str]
    at: datetime

    def including(self, names: Iterable[str]) -> Self:
        """Return the same listing with further names: of what was published since."""
        return replace(self, names=self.names.union(names))

    def known(self, now: datetime) -> Json:
        """Return what a step is told of the names; nothing once the listing is too old, so that it lists itself."""
        return {"names": sorted(self.names)} if now - self.at <= LISTING_LASTS else {}


@dataclass(frozen=True, slots=True)
class Found:
    """What an inspection found: the fingerprints of both keys, and what each secret of the resource publishes."""

    keys: Mapping[KeyType, str]
    secrets: Sequence[SecretView]

    def names(self) -> frozenset[str]:
        """Return the names of the secrets."""
        return frozenset(secret.name for secret in self.secrets)

    def to_json(self) -> Json:
        """Return the finding as JSON."""
        return {
            "keys": {key_type.value: fingerprint for key_type, fingerprint in self.keys.items()},
            "secrets": [secret.to_json() for secret in self.secrets],
        }

    @classmethod
    def from_json(cls, data: Json) -> Self:
        """Return the finding that `to_json` has written."""
        return cls(
            {KeyType(name): fingerprint for name, fingerprint in data["keys"].items()},
            tuple(SecretView.from_json(secret) for secret in data["secrets"]),
        )


@dataclass(frozen=True, slots=True)
class Pending:
    """A key in grace: published before, and alive until a time at least.

    `revocation_id` is the orchestration that revokes it then, or None where nobody does (yet). `owed_by` is the one
    that is to hand it over to its revocation, as long as it has not: the note outlives one that ends before.
    """

    key_type: KeyType
    fingerprint: str
    at: datetime
    revocation_id: str | None
    owed_by: str | None = None

    @property
    def to_be_revoked(self) -> bool:
        """Whether it was left alive for the grace period alone, and not on purpose."""
        return self.revocation_id is not None or self.owed_by is not None

    def to_json(self) -> Json:
        """Return it as JSON."""
        data: Json = {
            "keyType": self.key_type,
            "fingerprint": self.fingerprint,
            "at": utc_text(self.at),
            "revocationId": self.revocation_id,
        }
        return data if self.owed_by is None else data | {"owedBy": self.owed_by}

    @classmethod
    def from_json(cls, data: Json | None) -> Self | None:
        """Return what `to_json` has written, or None for null."""
        if data is None:
            return None
        return cls(
            KeyType(data["keyType"]),
            data["fingerprint"],
            utc_time(data["at"]),
            data["revocationId"],
            data.get("owedBy"),
        )
