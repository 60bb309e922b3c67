"""What the timer does about one resource: repair, rotate, wait, or nothing; and when it tries again (pure).

An event says it sooner. This is for events that got lost, and for what nobody tells: a repair that failed, an
orchestration that was terminated.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.durations import LONGEST_GRACE_PERIOD
from shared.parameters import KeyType
from shared.resource_id import ResourceId
from shared.rotation.guard import guard_key, last_revocation
from shared.rotation.model import Json, Pending, utc_text, utc_time
from shared.rotation.status import Instance, RunState, run_state

# Key Vault announces an expiry that long before:
# https://learn.microsoft.com/azure/key-vault/general/event-grid-overview
NEAR_EXPIRY = timedelta(days=30)
# what a revocation has to begin in once its time has come
MARGIN = timedelta(minutes=5)
_FIRST_PAUSE = timedelta(hours=1)
_LONGEST_PAUSE = timedelta(days=1)
# a run's moment wanders by seconds, and an attempt ends seconds after the run that began it
_SLACK = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What a secret's current version publishes.

    Attributes:
        fingerprint: of the key in its value.
        key_type: the slot that its tag names, or None.
        expires_on: in UTC, or None for never.
        created_on: when the version was set, in UTC, or None where that is not known.
    """

    name: str
    version: str
    fingerprint: str
    key_type: KeyType | None
    expires_on: datetime | None
    created_on: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of a resource.

    Attributes:
        keys: the fingerprints of both keys.
        secrets: what its secrets publish.
        pending: the key in grace, if the guard knows of one.
        owed: the input of the `revoke_key` that is owed, or None.
    """

    keys: Mapping[KeyType, str]
    secrets: Sequence[Publication]
    pending: Pending | None
    owed: Json | None = None


@dataclass(frozen=True, slots=True)
class Repair:
    """Repair the secrets: `converge` those that disagree, and take up the revocation `owed` (the input of its
    `revoke_key`); `state` is a digest of what asks for it."""

    converge: bool
    owed: Json | None
    state: str


@dataclass(frozen=True, slots=True)
class Rotate:
    """Rotate because this version of a secret is about to expire, or has."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Something is to be done, and not before `until`: consumers may hold the key in grace."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Sound:
    """Nothing is to be done."""


type Upkeep = Repair | Rotate | Wait | Sound


def overdue(seen: Seen, now: datetime) -> tuple[KeyType, timedelta] | None:
    """Return which key should have been revoked by now and for how long already, or None.

    It is in grace past its end, or its revocation is owed; it is alive, and no secret publishes it.
    """
    if seen.owed is not None:
        return KeyType(seen.owed["keyType"]), now - utc_time(seen.owed["at"])
    pending = seen.pending
    if pending is None or pending.revocation_id is None or now < pending.at + MARGIN:
        return None
    published = any(each.fingerprint == pending.fingerprint for each in seen.secrets)
    if published or seen.keys[pending.key_type] != pending.fingerprint:
        return None
    return pending.key_type, now - pending.at


def ages(seen: Seen, now: datetime) -> Mapping[KeyType, timedelta]:
    """Return for how long each live key has been published at least, as far as a current secret version tells.

    Of several secrets that publish it the first one counts. Nobody knows the age of a key that none publishes.
    """
    found: dict[KeyType, timedelta] = {}
    for key_type, fingerprint in seen.keys.items():
        since = [each.created_on for each in seen.secrets if each.fingerprint == fingerprint and each.created_on]
        if since:
            found[key_type] = now - min(since)
    return found


def decide(seen: Seen, now: datetime) -> Upkeep:
    """Return the one thing that is to be done about a resource; what expires comes once all else is well."""
    live = set(seen.keys.values())
    published = {secret.fingerprint for secret in seen.secrets}
    grace = _end_of_grace(seen.pending, now)
    disagree = len(published & live) > 1
    converge = disagree and grace is None
    if published - live or converge or seen.owed is not None:
        return Repair(converge, seen.owed, _state(seen, converge=converge))
    due = [
        (secret.expires_on, secret.name, secret.version)
        for secret in seen.secrets
        if secret.expires_on is not None and secret.expires_on - NEAR_EXPIRY <= now
    ]
    if not due and not disagree:
        return Sound()
    # of a key that somebody has regenerated meanwhile nobody holds anything
    if grace is not None and (disagree or (seen.pending is not None and seen.pending.fingerprint in live)):
        return Wait(grace)
    # one rotation renews every secret of the resource
    _, name, version = min(due)
    return Rotate(name, version)


def doubtful_revocation(state: Json, now: datetime) -> str | None:
    """Return the id of the orchestration that may owe a revocation, by the state of the guard, or None.

    It is the one that should have revoked the key in grace by now, or have handed it over, else the last revocation,
    if it failed.
    """
    pending = Pending.from_json(state["pending"])
    if pending is not None and pending.to_be_revoked and pending.at + MARGIN <= now:
        return pending.revocation_id or pending.owed_by
    last = last_revocation(state)
    return last["id"] if last is not None and last["status"] == "Failed" else None


def with_owed(seen: Seen, resource: ResourceId, id_: str, instance: Instance | None, now: datetime) -> Seen:
    """Return what was seen with the revocation that is owed, if it is.

    Args:
        seen: the keys, the secrets and the key in grace.
        resource: whose they are.
        id_: the orchestration that `doubtful_revocation` has named.
        instance: its orchestration, or None where that is gone, or never was.
        now: the time, in UTC.
    """
    target = {"resourceId": str(resource), "guardKey": guard_key(resource)}
    known = instance.input if instance is not None and instance.input.get("guardKey") == target["guardKey"] else {}
    pending = seen.pending
    if pending is not None and pending.revocation_id == id_:
        if instance is not None and instance.runtime_status not in ("FAILED", "TERMINATED"):
            return seen
        key_type, fingerprint, at = pending.key_type, pending.fingerprint, utc_text(pending.at)
    elif pending is not None and pending.owed_by == id_:
        end = _end_of_grace_not_handed_over(pending, seen, known.get("graceSeconds"))
        if now < end or (instance is not None and run_state(instance) not in (RunState.FAILED, RunState.CANCELED)):
            return seen
        key_type, fingerprint, at = pending.key_type, pending.fingerprint, utc_text(end)
    elif known and not _in_the_way(pending, known["fingerprint"], now):
        key_type, fingerprint, at = KeyType(known["keyType"]), known["fingerprint"], known["at"]
    else:
        return seen
    if seen.keys[key_type] != fingerprint or any(each.fingerprint == fingerprint for each in seen.secrets):
        return seen
    revocation = {"keyType": key_type.value, "fingerprint": fingerprint, "at": at}
    superseded = known.get("superseded") or _superseded_by(instance if known else None)
    return replace(seen, owed=target | revocation | {"superseded": list(superseded)})


def next_attempt(ended_at: datetime, attempt: int) -> datetime:
    """Return when the next attempt may begin, after the one of that number (0: the first) ended in vain.

    The second one may at the next run, the others after 1, 2, 4 … hours, at most a day.
    """
    if attempt == 0:
        return ended_at
    pause = min(_FIRST_PAUSE * 2 ** min(attempt - 1, 10), _LONGEST_PAUSE)
    return ended_at + pause - _SLACK


def _end_of_grace(pending: Pending | None, now: datetime) -> datetime | None:
    """Return when the grace is over that lasts now, if one does; its revocation is given the time to begin."""
    if pending is None:
        return None
    over = pending.at if pending.revocation_id is None else pending.at + MARGIN
    return over if now < over else None


def _in_the_way(pending: Pending | None, fingerprint: str, now: datetime) -> bool:
    """Say whether a key is in grace or about to be revoked, or this one was left alive on purpose since."""
    if pending is None:
        return False
    return pending.fingerprint == fingerprint or pending.to_be_revoked or now < pending.at


def _end_of_grace_not_handed_over(pending: Pending, seen: Seen, grace: float | None) -> datetime:
    """Return when a key may die whose rotation came to no end: others may have set by hand what that did not, later.

    `grace` are the rotation's seconds of it; where nobody knows them any more, it is the longest that there is.
    """
    lasts = LONGEST_GRACE_PERIOD if grace is None else timedelta(seconds=grace)
    left = [each.created_on + lasts for each in seen.secrets if each.created_on is not None]
    return max([pending.at, *left])


def _superseded_by(instance: Instance | None) -> Sequence[str]:
    """Return the ids of the secret versions that a rotation has superseded, as far as it came to tell them."""
    secrets: list[Json] = (instance.shown or {}).get("secrets", []) if instance is not None else []
    return [id_ for secret in secrets for id_ in secret.get("superseded", ())]


def _state(seen: Seen, *, converge: bool) -> str:
    """Return a digest of what asks for a repair; that of a revocation is its key, however often it was tried."""
    secrets = sorted((each.name, each.version, each.fingerprint, each.key_type or "") for each in seen.secrets)
    owed = seen.owed["fingerprint"] if seen.owed is not None else None
    state = [sorted(seen.keys.items()), secrets, converge, owed]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]
