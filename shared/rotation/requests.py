"""Starting a rotation, finding it again, and refusing what cannot be: ids, idempotency, 409."""

import hashlib
import json
from datetime import datetime, timedelta

from shared.conflicts import RequestIdReused, RotationInProgress
from shared.parameters import KeyType
from shared.resource_id import ResourceId
from shared.rotation.engine import Engine
from shared.rotation.guard import guard_key, holder_of, rotation_id
from shared.rotation.model import Json
from shared.rotation.parameters import RotationRequest
from shared.rotation.status import run_state


def instance_id(source: str, resource: ResourceId, key: str, attempt: int = 0) -> str:
    """Return the id of the orchestration that a request of that source, about that resource, with that key starts.

    The same three give the same id, so that a repeated request and a redelivered event find what they started;
    `attempt` counts what was tried again because it has not succeeded.
    """
    return _hashed(source, resource.key, key, *_again(attempt))


def secret_instance_id(vault_url: str, name: str, version: str, attempt: int = 0) -> str:
    """Return the id of the rotation because of a secret version that is about to expire, or has.

    All that Key Vault tells of one version, and the timer that finds it, start the same; `attempt` counts what was
    tried again because it has not succeeded.
    """
    return _hashed(vault_url.lower(), name.lower(), version, *_again(attempt))


def rotation_input(
    request: RotationRequest,
    resource: ResourceId,
    *,
    default_grace: timedelta,
    source: str,
    secret: tuple[str, str] | None = None,
) -> Json:
    """Return the input of `rotate_key`: all that it needs, and no secret.

    `secret` is the name and version whose expiry is the reason; if another version is the current one by the time
    that the rotation looks, it has nothing to do.
    """
    grace = default_grace if request.grace_period is None else request.grace_period
    body: Json = {
        "resourceId": str(resource),
        "guardKey": guard_key(resource),
        "activeKey": request.active_key.value if request.active_key else None,
        "graceSeconds": grace.total_seconds(),
        "revoke": request.revoke,
        "supersede": request.supersede,
        "reason": request.reason,
        "source": source,
    }
    if secret is not None:
        body["secret"] = {"name": secret[0], "version": secret[1]}
    # a default that has changed since makes no other request
    asked = body if request.grace_period is not None else body | {"graceSeconds": None}
    return body | {"digest": _digest(asked)}


def regeneration_input(
    resource: ResourceId,
    key_type: KeyType,
    *,
    if_match: frozenset[str] | None,
    force: bool,
    source: str,
    key_vault: bool = True,
) -> Json:
    """Return the input of `regenerate_key`; without `key_vault` no secret is looked for."""
    body: Json = {
        "resourceId": str(resource),
        "guardKey": guard_key(resource),
        "keyType": key_type.value,
        "ifMatch": sorted(if_match) if if_match is not None else None,
        "force": force,
        "source": source,
        "keyVault": key_vault,
    }
    return body | {"digest": _digest(body)}


def repair_input(
    resource: ResourceId, *, grace: timedelta, source: str, converge: bool = False, owed: Json | None = None
) -> Json:
    """Return the input of `repair_secrets`.

    Args:
        resource: whose secrets are to publish a live key.
        grace: for the key that is left where secrets published different ones.
        source: who asks.
        converge: whether secrets that publish different live keys shall publish one; only where no key is in grace.
        owed: the input of a `revoke_key` that failed or never ran, to be run again; null: none.
    """
    body: Json = {
        "resourceId": str(resource),
        "guardKey": guard_key(resource),
        "converge": converge,
        "owed": owed,
        "graceSeconds": grace.total_seconds(),
        "revoke": True,
        "source": source,
    }
    return body | {"digest": _digest(body | {"graceSeconds": None})}


async def start(
    engine: Engine,
    orchestrator: str,
    request: Json,
    *,
    id_: str,
    now: datetime,
    waits: bool = False,
    announce: bool = False,
) -> bool:
    """Start an orchestration, or find the one that the same request has started.

    Args:
        engine: where it is started.
        orchestrator: its name.
        request: its input.
        id_: its instance id: the same for the same request.
        now: the time, in UTC.
        waits: where nobody waits for an answer: whether it waits a little for a resource that somebody else holds.
        announce: whether its end is told to the app's Event Grid topic.

    Returns False where it was there already.

    Raises:
        RequestIdReused: the id belongs to a request with another body.
        RotationInProgress: somebody else holds the resource, as far as can be seen now.
    """
    known = await engine.find(id_)
    if known is None:
        ended = await _ended_holder(engine, request["guardKey"], now, waits=waits)
        how = {"insteadOf": ended, "waits": waits, "announce": announce}
        if await engine.start(orchestrator, id_, request | how):
            return True
        known = await engine.find(id_)
    if known is not None and known.input.get("digest") != request["digest"]:
        raise RequestIdReused
    return False


async def _ended_holder(engine: Engine, key: str, now: datetime, *, waits: bool) -> str | None:
    """Return the id of a holder that has ended without a word, or None.

    Whoever starts claims in its place: a signal to the guard might arrive after the claim.
    """
    alive, ended = await free(engine, key, await engine.guard(key), now)
    if alive is not None and not waits:
        raise RotationInProgress(rotation_id(alive))
    return ended


async def free(engine: Engine, key: str, state: Json, now: datetime) -> tuple[str | None, str | None]:
    """Take the claim of a holder that has ended without a word.

    `state` is that of the guard with the `key`. Returns the id of the holder if it still runs, and its id if its
    claim was taken; both are None where nobody holds the resource.
    """
    holder = holder_of(state, now)
    if holder is None:
        return None, None
    instance = await engine.find(holder)
    if instance is not None and not run_state(instance).ended:
        return holder, None
    # terminated or crashed: nothing of it will ever release the claim
    await engine.expire(key, holder)
    return None, holder


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _again(attempt: int) -> tuple[str, ...]:
    return (f"attempt {attempt}",) if attempt else ()


def _digest(body: Json) -> str:
    """Return what tells two requests apart; who asks does not: the timer asks for what a lost event would have."""
    asked = {name: value for name, value in body.items() if name != "source"}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:32]
