"""What is to be done about a resource's keys: adopt, repair, converge, rotate, or nothing, and why (pure).

What a secret publishes is decided by its value, never by its tag: a tag can be wrong, a fingerprint cannot. A tag is
asked only where the value is of no live key, to say which slot the secret follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.conflicts import ActiveKeyUnknown, GracePending, KeyInUse, SecretsDisagreed, StaleEvent
from shared.errors import AppError
from shared.parameters import KeyType
from shared.rotation.guard import rotation_id
from shared.rotation.model import Found, Pending, SecretView, utc_text


@dataclass(frozen=True, slots=True)
class Rotate:
    """Regenerate the key that nobody uses, prove it, publish it everywhere; the other one is then in grace.

    Attributes:
        replace: the key to regenerate, and `expected`, the fingerprint that it has now.
        active: the key in use, and `old`, its fingerprint.
        adopts: whether there is no secret yet, so that one is created.
    """

    replace: KeyType
    expected: str
    old: str
    adopts: bool

    @property
    def active(self) -> KeyType:
        """The key that is in use until the new one is published."""
        return self.replace.other


@dataclass(frozen=True, slots=True)
class Repair:
    """Publish a live key in secrets that publish none: `names` of the secrets, `key_type` and its `fingerprint`."""

    names: Sequence[str]
    key_type: KeyType
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Converge:
    """Publish the newer of two published keys everywhere; the other one is then in grace."""

    key_type: KeyType
    fingerprint: str
    old: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """Touch nothing, for a reason."""

    error: AppError


@dataclass(frozen=True, slots=True)
class Settled:
    """Every secret publishes the same live key, and nothing else was asked."""


type Plan = Rotate | Repair | Converge | Refuse | Settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked for.

    Attributes:
        rotate: a rotation, or only that what is published is alive.
        active_key: the key in use by the caller's word; needed where there is no secret.
        supersede: the key in use has leaked: a pending grace does not hinder.
        secret: the name and version of the secret whose expiry is the reason; stale once another one is current.
    """

    rotate: bool = True
    active_key: KeyType | None = None
    supersede: bool = False
    secret: tuple[str, str] | None = None


def decide(found: Found, wanted: Wanted, pending: Pending | None, now: datetime) -> Plan:
    """Return what is to be done next; after a repair it is decided anew.

    Args:
        found: the keys and secrets as they are.
        wanted: what was asked for.
        pending: the key in grace, if the guard knows of one.
        now: the time, in UTC.
    """
    if wanted.secret is not None and not any(_is(secret, *wanted.secret) for secret in found.secrets):
        return Refuse(StaleEvent())
    live = {fingerprint: key_type for key_type, fingerprint in found.keys.items()}
    dead = [secret for secret in found.secrets if secret.fingerprint not in live]
    if dead:
        return _repair(dead, found, live, wanted)
    published = {live[secret.fingerprint] for secret in found.secrets}
    if len(published) > 1:
        return _converge(found, live)
    if not wanted.rotate:
        return Settled()
    active = published.pop() if published else wanted.active_key
    if active is None:
        return Refuse(ActiveKeyUnknown())
    if wanted.active_key not in (None, active):
        return Refuse(_contradiction(active))
    in_grace = pending is not None and found.keys[active.other] == pending.fingerprint and now < pending.at
    if in_grace and pending is not None and not wanted.supersede:
        return Refuse(_in_grace(pending))
    return Rotate(
        replace=active.other,
        expected=found.keys[active.other],
        old=found.keys[active],
        adopts=not found.secrets,
    )


def _is(secret: SecretView, name: str, version: str) -> bool:
    # Key Vault's names are the same in any case, and an event may spell them otherwise than the listing
    return secret.version == version and secret.name.lower() == name.lower()


def _repair(dead: Sequence[SecretView], found: Found, live: dict[str, KeyType], wanted: Wanted) -> Plan:
    """Mend the secrets of one slot at a time; the next decision sees what is left."""
    others = {live[secret.fingerprint] for secret in found.secrets if secret.fingerprint in live}
    fallback = others.pop() if len(others) == 1 else wanted.active_key
    slots = {secret.name: secret.key_type or fallback for secret in dead}
    slot = next((slot for slot in slots.values() if slot is not None), None)
    if slot is None:
        return Refuse(ActiveKeyUnknown())
    return Repair(sorted(name for name, its in slots.items() if its is slot), slot, found.keys[slot])


def _converge(found: Found, live: dict[str, KeyType]) -> Converge:
    newest = max(found.secrets, key=lambda secret: (secret.created_on, secret.name))
    key_type = live[newest.fingerprint]
    return Converge(key_type, newest.fingerprint, found.keys[key_type.other])


def _contradiction(active: KeyType) -> SecretsDisagreed:
    return SecretsDisagreed(
        f"The resource's secrets publish the {active} key, the request says that the other one is in use. Nothing was "
        "touched: move whoever holds the other key to the published one, or leave activeKey out.",
        target="activeKey",
    )


def _in_grace(pending: Pending) -> GracePending:
    # who meets a grace that somebody else has begun must learn by which id it can be ended
    return GracePending(utc_text(pending.at), rotation_id(pending.revocation_id) if pending.revocation_id else None)


def refusal(
    key_type: KeyType, fingerprint: str, publishing: Sequence[str], pending: Pending | None, now: datetime
) -> AppError | None:
    """Return why a key is not to be regenerated on its own, or None: consumers may hold it.

    Args:
        key_type: the key, and `fingerprint`, the one that it has now.
        publishing: ids of the current secret versions that publish it.
        pending: the key in grace, if the guard knows of one.
        now: the time, in UTC.
    """
    if publishing:
        return KeyInUse(publishing)
    if pending is not None and (pending.key_type, pending.fingerprint) == (key_type, fingerprint) and now < pending.at:
        return _in_grace(pending)
    return None
