"""The guard of a resource: who holds it, which key is in grace, and what came last (pure; the entity is its shell).

A claim has a holder and an end. It lasts for the minutes in which keys change, not for a grace period; its end is
there for a holder that dies without a word.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.resource_id import ResourceId
from shared.rotation.model import Json, Pending, utc_text, utc_time

ENTITY = "rotation_guard"
CLAIM = timedelta(hours=1)
_KEPT_OUTCOMES = 10
_REVOCATION = "-revoke"


def guard_key(resource: ResourceId) -> str:
    """Return the entity key of a resource's guard: a hash of the lower-cased ARM id."""
    return hashlib.sha256(resource.key.encode()).hexdigest()[:32]


def revocation_id(rotation: str) -> str:
    """Return the id of the orchestration that ends the grace of a rotation's old key."""
    return rotation + _REVOCATION


def rotation_id(holder: str) -> str:
    """Return the id under which callers find who holds a resource: a revocation is told under its rotation's."""
    return holder.removesuffix(_REVOCATION)


def empty() -> Json:
    """Return the state of a guard that nobody has asked yet."""
    return {"holder": None, "pending": None, "outcomes": []}


def claim(state: Json, *, holder: str, now: datetime, instead_of: str | None = None) -> tuple[Json, Json]:
    """Give the resource to a holder unless another one has it; `instead_of` names one that is known to have ended.

    Returns the new state and the answer `{"granted", "holder", "pending"}`. The same holder may claim again, which
    lengthens its claim.
    """
    held = holder_of(state, now)
    if held not in (None, holder, instead_of):
        return state, {"granted": False, "holder": held, "pending": state["pending"]}
    taken = {**state, "holder": {"id": holder, "until": utc_text(now + CLAIM)}}
    return taken, {"granted": True, "holder": holder, "pending": state["pending"]}


def holder_of(state: Json, now: datetime) -> str | None:
    """Return the id of the orchestration whose claim lasts; it may have ended without a word."""
    held: Json | None = state["holder"]
    return held["id"] if held is not None and now < utc_time(held["until"]) else None


def release(state: Json, *, holder: str, outcome: Json | None = None) -> Json:
    """Take the claim of a holder back and remember how it ended; nothing happens if another one holds it by now."""
    outcomes = state["outcomes"] if outcome is None else _kept([*state["outcomes"], outcome])
    if state["holder"] is not None and state["holder"]["id"] == holder:
        return {**state, "holder": None, "outcomes": outcomes}
    return {**state, "outcomes": outcomes}


def overtaken_by(state: Json, *, holder: str) -> str | None:
    """Return who has taken the resource over from a holder whose claim had ended, or None where it has it still.

    One that has come and gone since is told, too; where even that is not known any more, the holder itself is named.
    """
    held = state["holder"]
    if held is not None:
        return None if held["id"] == holder else held["id"]
    return state["outcomes"][-1]["id"] if state["outcomes"] else holder


def schedule(state: Json, pending: Pending) -> Json:
    """Remember a key in grace, in the place of the one before."""
    return {**state, "pending": pending.to_json()}


def keep(state: Json, *, revocation_id: str) -> Json:
    """Remember that nobody will revoke the key in grace; consumers may hold it as long as before."""
    pending = state["pending"]
    if pending is not None and pending["revocationId"] == revocation_id:
        return {**state, "pending": {**pending, "revocationId": None}}
    return state


def settle(state: Json, *, revocation_id: str) -> Json:
    """Forget the key in grace if it is the one of that revocation: it is revoked, or that has failed."""
    pending = state["pending"]
    if pending is not None and pending["revocationId"] == revocation_id:
        return {**state, "pending": None}
    return state


def last_revocation(state: Json) -> Json | None:
    """Return the outcome of the revocation that ended last, as `release` was given it, or None."""
    return _last_revocation(state["outcomes"])


def _last_revocation(outcomes: Sequence[Json]) -> Json | None:
    return next((outcome for outcome in reversed(outcomes) if outcome["id"].endswith(_REVOCATION)), None)


def _kept(outcomes: Sequence[Json]) -> list[Json]:
    """Return the newest outcomes, the last revocation's among them: whether it has failed is asked for at any time."""
    last = _last_revocation(outcomes[:-_KEPT_OUTCOMES])
    newest = outcomes[-_KEPT_OUTCOMES:]
    if last is None or _last_revocation(newest) is not None:
        return [*newest]
    return [last, *newest[1:]]
