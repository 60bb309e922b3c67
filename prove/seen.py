"""What was seen of a cell, and what is wrong with it (pure)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prove.cells import Cell

Json = Mapping[str, Any]


@dataclass(slots=True)
class Seen:
    """What a cell left behind.

    Attributes:
        hit: whether the fault befell anything.
        ended: whether everything had ended in time.
        status: HTTP status of the result of a regenerate; None for the other workloads.
        told: the rotation status, or the answer of a regenerate (its ErrorResponse, if it failed).
        regenerated: the key types that were really regenerated until it had ended, in order.
        keys: the two keys when it had ended, by key type.
        published: the key that the secret published when it had ended.
        alive: whether that one was accepted then.
        old_alive: whether the key that was published at the start was accepted then.
        held_by: who held the guard then.
        probes, refused: what the consumer saw.
        leaks: where a key or a token was found.
        recovered: how a secret came to publish a live key again: `""` at once, `event`, `timer`, None: never.
        next_told: what became of the rotation after it.
        next_regenerated: the key types that that one regenerated.
        next_alive: whether the key that the secret publishes then is accepted.
    """

    hit: bool = True
    ended: bool = True
    status: int | None = None
    told: Json = field(default_factory=dict[str, Any])
    regenerated: Sequence[str] = ()
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    published: str = ""
    alive: bool = True
    old_alive: bool = True
    held_by: Sequence[str] = ()
    probes: int = 0
    refused: Sequence[str] = ()
    leaks: Sequence[str] = ()
    recovered: str | None = ""
    next_told: Json = field(default_factory=dict[str, Any])
    next_regenerated: Sequence[str] = ()
    next_alive: bool = True


def wrong(cell: Cell, seen: Seen) -> list[str]:
    """Return what is wrong, a sentence each; none: the cell passed."""
    if not seen.hit:
        return ["the fault befell nothing: the call was not made"]
    if not seen.ended:
        return [f"it did not end: {brief(seen.told)}"]
    found = _JUDGES[cell.workload](cell, seen)
    if seen.held_by:
        found.append(f"the guard is still held by {', '.join(seen.held_by)}")
    if seen.refused:
        found.append(f"the consumer was refused {len(seen.refused)} times: {seen.refused[0]}")
    found += [f"leak: {each}" for each in seen.leaks]
    if cell.workload != DIRECT:
        found += _afterwards(seen)
    return found


def _afterwards(seen: Seen) -> list[str]:
    """The secret publishes a live key again, and the next rotation succeeds, regenerating one key."""
    found: list[str] = []
    if seen.recovered is None:
        found.append("the secret never came to publish a live key again")
    if seen.next_told.get("status") != "Succeeded" or not seen.next_alive:
        found.append(f"the next rotation did not succeed: {brief(seen.next_told)}, alive: {seen.next_alive}")
    if len(seen.next_regenerated) != 1:
        found.append(f"the next rotation regenerated {list(seen.next_regenerated)}")
    return found


def _rotation(cell: Cell, seen: Seen) -> list[str]:
    """The free key is regenerated once and published; the old one, once its grace is over; or an error says why not."""
    told, free, old = seen.told, seen.regenerated.count("Secondary"), seen.regenerated.count("Primary")
    found: list[str] = []
    if told["status"] == "Succeeded":
        if free != 1:
            found.append(f"Succeeded, and the free key was regenerated {free} times")
        found += _published(seen, "Secondary", told["fingerprints"]["new"])
    else:
        found += _truthful(told.get("error"), free, "the free key")
        if _must_pass(cell):
            found.append(f"a fault that passes ended it: {brief(told)}")
    if not seen.alive:
        found.append("the published key is dead")
    return found + _revocation(cell, seen, old)


def _revocation(cell: Cell, seen: Seen, old: int) -> list[str]:
    revocation = seen.told["revocation"]
    match revocation["status"]:
        case "Done":
            found = [] if old == 1 else [f"Done, and the old key was regenerated {old} times"]
            if seen.old_alive:
                found.append("Done, and the old key is alive")
            if revocation.get("proof") != "Dead" and _must_pass(cell):
                found.append(f"the old key's death was not proven: {brief(revocation)}")
        case "Failed":
            found = _truthful(revocation.get("error"), old, "the old key")
            if _must_pass(cell):
                found.append(f"a fault that passes ended the revocation: {brief(revocation)}")
        case _:
            found = [] if old == 0 and seen.old_alive else [f"the old key was regenerated: {brief(revocation)}"]
            if seen.told["status"] == "Succeeded":
                found.append(f"no revocation after success: {brief(revocation)}")
    return found


def _regeneration(cell: Cell, seen: Seen) -> list[str]:
    """200 and one regeneration, the answer that of the key; or an error that says what has become of it."""
    wanted = "Primary" if cell.workload == "forced regenerate" else "Secondary"
    count, others = seen.regenerated.count(wanted), [each for each in seen.regenerated if each != wanted]
    found = [f"another key was regenerated: {others}"] if others else []
    if seen.status != 200:
        found += _truthful(seen.told.get("error"), count, "the key")
        if not 400 <= (seen.status or 0) <= 599:
            found.append(f"an error with the status {seen.status}")
    elif count != 1:
        found.append(f"200, and the key was regenerated {count} times")
    elif seen.told["fingerprint"] != fingerprint(seen.keys[wanted]):
        found.append("200 with the fingerprint of another key")
    else:
        delivery = seen.told["delivery"]["status"]
        if delivery == "Delivered" and (seen.published != seen.keys[wanted] or not seen.alive):
            found.append("Delivered, and the secret does not publish the key")
        # Failed: whether a secret publishes it could not be seen
        if wanted == "Secondary" and delivery not in ("NotPublished", "NotConfigured", "Failed"):
            found.append(f"a key that nobody publishes: {brief(seen.told['delivery'])}")
        if delivery == "NotPublished" and not seen.alive and not _said_gone(cell):
            found.append("NotPublished, and the secret publishes the dead key")
    if wanted == "Secondary" and not seen.alive:
        found.append("the published key is dead")
    return found


def _repair(cell: Cell, seen: Seen) -> list[str]:
    """Nothing is regenerated; the secret publishes a live key, or an error says why not."""
    found = [f"a repair regenerated {list(seen.regenerated)}"] if seen.regenerated else []
    if seen.told["status"] == "Succeeded":
        if not seen.alive and not _said_gone(cell):
            found.append("Succeeded, and the secret publishes a dead key")
    else:
        found += _truthful(seen.told.get("error"), 0, "nothing")
        if _must_pass(cell):
            found.append(f"a fault that passes ended it: {brief(seen.told)}")
    return found


def _published(seen: Seen, key_type: str, told: str) -> list[str]:
    found: list[str] = []
    if seen.published != seen.keys[key_type]:
        found.append(f"Succeeded, and the secret does not publish the {key_type} key")
    if told != fingerprint(seen.keys[key_type]):
        found.append("Succeeded with the fingerprint of another key")
    if not seen.told["secrets"]:
        found.append("Succeeded, and no secret is told")
    return found


def _truthful(error: Json | None, count: int, what: str) -> list[str]:
    """Say what is wrong with an error about a key that was regenerated so many times."""
    if not error or not error.get("code"):
        return ["an end without an error code"]
    outcomes = [each["info"]["outcome"] for each in error.get("additionalInfo", ()) if "outcome" in each["info"]]
    allowed = {"Regenerated": (1,), "Unknown": (0, 1), "NotRegenerated": (0,)}.get((outcomes or ["NotRegenerated"])[0])
    if allowed is None or count not in allowed or len(outcomes) > 1:
        return [f"{error['code']} tells {outcomes or 'no outcome'}, and {what} was regenerated {count} times"]
    return []


def _must_pass(cell: Cell) -> bool:
    return cell.kind.passes and not cell.for_ever


def _said_gone(cell: Cell) -> bool:
    """Say whether Key Vault has told that the secret does not exist, which is believed."""
    return (cell.call.service, cell.call.operation, cell.kind.name) == ("keyvault", "getSecret", "404")


def fingerprint(key: str) -> str:
    """Return a key's fingerprint."""
    return f"sha256:{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def brief(value: object) -> str:
    """Return a value on one short line."""
    text = " ".join(str(value).split())
    return text if len(text) <= 300 else f"{text[:300]}…"


DIRECT = "direct regenerate"
_JUDGES = {
    "rotation": _rotation,
    "regenerate": _regeneration,
    "forced regenerate": _regeneration,
    DIRECT: _regeneration,
    "repair": _repair,
}
WORKLOADS = tuple(_JUDGES)
