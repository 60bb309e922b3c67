"""What the orchestrators have in common: the guard around them, the moves that they are made of, and their view.

They are replayed from their history and hold no key: activities pass resource ids, key types and fingerprints. No
`yield` stands in a `finally`, since the engine closes a generator after each partial replay.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.conflicts import KeyChanged, RotationInProgress, SecretsDisagreed
from shared.errors import NotConfigured, RegenerationOutcome, ResourceNotAllowed
from shared.parameters import KeyType
from shared.rotation import guard
from shared.rotation.model import Found, Json, Listing, Pending, utc_text, utc_time, with_outcome
from shared.rotation.plan import Converge, Plan, Repair, Wanted, decide
from shared.rotation.steps import PAUSES, Context, StepFailed, Steps, ask_guard, claim, failure, of, take

ROUNDS = 4
# Durable Functions ends an orchestration whose custom status has more than 8192 characters, 16 KB of UTF-16:
# https://learn.microsoft.com/azure/azure-functions/durable/durable-functions-custom-orchestration-status
_LONGEST_STATUS = 8000
# how long one that nobody waits for waits for the resource, in seconds; together five minutes
_WAITS = (1, 2, 4, 8, 15, 30, 60, 60, 60, 60)
# of the first look: refusals rather than failures
_REFUSALS = (NotConfigured.code, ResourceNotAllowed.code)


class Canceled(Exception):
    """Nothing is to be done, for the reason in `error`."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["code"])
        self.error = error


def guarded(
    ctx: Context,
    request: Json,
    act: Callable[[Context, Json, Json, Pending | None], Steps[None]],
) -> Steps[Json]:
    """Claim the resource, act, record and release; return the view, whatever has become of it.

    `act` is given the context, the request, the view that it fills in, and the key in grace, if there is one.
    """
    view = new_view(request)
    held = yield from _claimed(ctx, request, view)
    if not held["granted"]:
        return ended(view, "Canceled", failure(RotationInProgress(guard.rotation_id(held["holder"]))))
    try:
        yield from act(ctx, request, view, Pending.from_json(held["pending"]))
    except Canceled as canceled:
        ended(view, "Canceled", canceled.error)
    except StepFailed as failed:
        changed = view["fingerprints"]["new"] is not None
        untouched = view["plan"] is None and view["stage"] == "Inspecting" and not changed
        error = with_outcome(failed.error, RegenerationOutcome.REGENERATED) if changed else failed.error
        ended(view, "Canceled" if untouched and error["code"] in _REFUSALS else "Failed", error)
    yield ask_guard(ctx, request, "release", {"holder": ctx.instance_id, "outcome": _outcome(ctx, view)})
    return view


def _claimed(ctx: Context, request: Json, view: Json) -> Steps[Json]:
    """Claim the resource, where nobody waits for an answer more than once; return the guard's last word."""
    held: Json = yield claim(ctx, request)
    for pause in _WAITS if request.get("waits") else ():
        if held["granted"]:
            break
        show(ctx, view, "Claiming")
        yield ctx.create_timer(timedelta(seconds=pause))
        held = yield claim(ctx, request)
    return held


def inspect(
    ctx: Context, request: Json, view: Json, listing: Listing | None = None, *, pauses: Sequence[int] = PAUSES
) -> Steps[tuple[Found, Listing]]:
    """Look at the resource's keys and secrets.

    The secrets are those of an earlier look's listing, and what was published since; without one, or where it is too
    old, the vault is listed. Returns what was found, and the listing that it relies on.
    """
    told: Json = {}
    asked_at = now_of(ctx)

    def known() -> Json:
        nonlocal told, asked_at
        told, asked_at = known_names(ctx, view, listing), now_of(ctx)
        return told

    show(ctx, view, "Inspecting")
    found = Found.from_json((yield from take(ctx, "inspect_resource", of(request), known=known, pauses=pauses)))
    return found, listing if told and listing is not None else Listing(found.names(), asked_at)


def known_names(ctx: Context, view: Json, listing: Listing | None) -> Json:
    """Return what a step is told of the secrets: the names of a listing, and of what was published since."""
    if listing is None:
        return {}
    return listing.including(secret["name"] for secret in view["secrets"]).known(now_of(ctx))


def settle(
    ctx: Context, request: Json, view: Json, wanted: Wanted, pending: Pending | None, listing: Listing | None = None
) -> Steps[tuple[Plan, Found, Listing]]:
    """Inspect and repair until every secret publishes a live key; return the plan for what is left, the finding, and
    the listing that it relies on, which is the given one if it is not too old."""
    for _ in range(ROUNDS):
        found, listing = yield from inspect(ctx, request, view, listing)
        plan = decide(found, wanted, pending, now_of(ctx))
        if not isinstance(plan, Repair):
            return plan, found, listing
        view["plan"] = view["plan"] or "Repair"
        dead = [secret.fingerprint for secret in found.secrets if secret.name in plan.names]
        try:
            yield from publish(ctx, request, view, plan.key_type, plan.fingerprint, replaces=dead, listing=listing)
        except StepFailed as failed:
            # regenerated from outside since the look: look again
            if failed.error["code"] != KeyChanged.code:
                raise
        else:
            # the secret has another version now, and that is our own
            wanted = replace(wanted, secret=None)
    raise StepFailed(
        failure(SecretsDisagreed("The resource's secrets, or its keys, changed each time they were looked at."))
    )


def publish(
    ctx: Context,
    request: Json,
    view: Json,
    key_type: KeyType,
    fingerprint: str,
    *,
    replaces: Sequence[str],
    listing: Listing,
    create: bool = False,
    regenerated_at: str | None = None,
) -> Steps[None]:
    """Prove that a key works, and let the secrets that publish one of the fingerprints `replaces` publish it.

    `regenerated_at` is when this very orchestration regenerated it, from which the delivery's duration is measured.
    """
    step = of(request) | {"keyType": key_type.value, "fingerprint": fingerprint}
    show(ctx, view, "Proving")
    yield from take(ctx, "prove_alive", step)
    show(ctx, view, "Publishing")
    yield from hold(ctx, request)
    step |= {"replaces": list(replaces), "create": create}
    if regenerated_at is not None:
        step["regeneratedAt"] = regenerated_at
    published = yield from take(ctx, "publish_key", step, known=lambda: known_names(ctx, view, listing))
    by_name = {secret["name"]: secret for secret in view["secrets"]}
    for secret in published["secrets"]:
        superseded = [*by_name.get(secret["name"], {}).get("superseded", ()), secret.pop("supersededId")]
        by_name[secret["name"]] = secret | {"superseded": [id_ for id_ in dict.fromkeys(superseded) if id_]}
    view["secrets"] = list(by_name.values())


def hold(ctx: Context, request: Json) -> Steps[Pending | None]:
    """Renew the claim before a change, so that it outlasts it; stop where it has ended and somebody else has it.

    Returns the key in grace as the guard knows it now: others may have come and gone since the claim, if it had ended.
    """
    held: Json = yield claim(ctx, request)
    if not held["granted"]:
        raise StepFailed(failure(RotationInProgress(guard.rotation_id(held["holder"]))))
    return Pending.from_json(held["pending"])


def converge(
    ctx: Context, request: Json, view: Json, plan: Converge, pending: Pending | None, listing: Listing
) -> Steps[None]:
    """Publish the newer of two published keys everywhere; the other one is then in grace."""
    view |= {"plan": "Converge", "activeKey": plan.key_type.value}
    yield from end_grace(ctx, request, pending, "cancel")
    yield from protect(ctx, request, plan.key_type.other, plan.old, pending)
    yield from publish(ctx, request, view, plan.key_type, plan.fingerprint, replaces=[plan.old], listing=listing)
    yield from schedule_revocation(ctx, request, view, plan.key_type.other, plan.old, pending)


def end_grace(ctx: Context, request: Json, pending: Pending | None, decision: str) -> Steps[None]:
    """End a grace period that has been overtaken: in the guard, where a revocation that is on its way looks, and for
    the one that still waits."""
    if pending is not None and pending.revocation_id is not None:
        yield ask_guard(ctx, request, "settle", {"revocationId": pending.revocation_id})
        ctx.send_event(pending.revocation_id, "decision", data=decision)


def protect(ctx: Context, request: Json, key_type: KeyType, fingerprint: str, pending: Pending | None) -> Steps[None]:
    """Remember that a key is in grace before any secret leaves it: whatever becomes of this orchestration, no other
    one takes the key from consumers that still hold it, and the timer finds that it is to be revoked. `pending` is the
    key that was in grace when it began."""
    at = _end_of_grace(ctx, request, fingerprint, pending)
    in_grace = Pending(key_type, fingerprint, at, None, owed_by=ctx.instance_id if request["revoke"] else None)
    yield from _note(ctx, request, in_grace, None)


def schedule_revocation(
    ctx: Context, request: Json, view: Json, key_type: KeyType, fingerprint: str, pending: Pending | None
) -> Steps[None]:
    """Hand the old key to an orchestration that outlives this one, or leave it be if that was asked."""
    if not request["revoke"]:
        return
    at = _end_of_grace(ctx, request, fingerprint, pending)
    superseded = [id_ for secret in view["secrets"] for id_ in secret["superseded"]]
    yield from schedule(ctx, request, view, key_type, fingerprint, at, superseded)


def schedule(
    ctx: Context,
    request: Json,
    view: Json,
    key_type: KeyType,
    fingerprint: str,
    at: datetime,
    superseded: Sequence[str],
) -> Steps[None]:
    """Let a revocation of this orchestration's end a key's life at a time."""
    pending = Pending(key_type, fingerprint, at, guard.revocation_id(ctx.instance_id))
    revocation = {
        "resourceId": request["resourceId"],
        "guardKey": request["guardKey"],
        "keyType": key_type.value,
        "fingerprint": fingerprint,
        "at": utc_text(at),
        "superseded": list(superseded),
    }
    if request.get("announce"):
        revocation["announce"] = True
    yield from _note(ctx, request, pending, revocation)
    view["revocation"] = {"status": "Scheduled", "at": utc_text(at)}


def _note(ctx: Context, request: Json, pending: Pending, revocation: Json | None) -> Steps[None]:
    """Have the guard remember a key in grace; stop where an outage has outlasted the claim and another one acted."""
    asked = {"pending": pending.to_json(), "revocation": revocation, "holder": ctx.instance_id}
    answer: Json | None = yield ask_guard(ctx, request, "schedule", asked)
    # a history of an older release has no answer here
    if answer is not None and answer["overtakenBy"] is not None:
        raise StepFailed(failure(RotationInProgress(guard.rotation_id(answer["overtakenBy"]))))


def _end_of_grace(ctx: Context, request: Json, fingerprint: str, pending: Pending | None) -> datetime:
    """Return when the grace period ends if it begins now: in whole seconds, and never too early.

    Where the key is in grace already, some secrets have left it before, and what was promised to their consumers
    holds, unless the request supersedes it.
    """
    end = ctx.current_utc_datetime + timedelta(seconds=request["graceSeconds"])
    at = utc_time(utc_text(end + timedelta(seconds=1) if end.microsecond else end))
    if pending is None or pending.fingerprint != fingerprint or request.get("supersede"):
        return at
    return max(at, pending.at)


def now_of(ctx: Context) -> datetime:
    """Return the orchestration's time, in UTC and whole seconds."""
    return utc_time(utc_text(ctx.current_utc_datetime))


def new_view(request: Json) -> Json:
    """Return the view of an orchestration that has done nothing yet; it becomes its custom status and its output."""
    return {
        "status": "Running",
        "stage": "Claiming",
        "plan": None,
        "resourceId": request["resourceId"],
        "activeKey": None,
        "fingerprints": {"new": None, "old": None},
        "secrets": [],
        "revocation": {"status": "NotRequested"},
    }


def show(ctx: Context, view: Json, stage: str) -> None:
    """Let everybody see how far it is; of the secrets their ids, if those have room, and all at the end."""
    view["stage"] = stage
    shown = view | {"secrets": [{"id": secret["id"]} for secret in view["secrets"]]}
    if len(json.dumps(shown)) > _LONGEST_STATUS:
        shown["secrets"] = []
    ctx.set_custom_status(shown)


def ended(view: Json, status: str, error: Json) -> Json:
    """Return the view of an orchestration that did not succeed."""
    view |= {"status": status, "error": error}
    return view


def _outcome(ctx: Context, view: Json) -> Json:
    code = view["error"]["code"] if "error" in view else None
    return {"id": ctx.instance_id, "status": view["status"], "code": code, "at": utc_text(ctx.current_utc_datetime)}
