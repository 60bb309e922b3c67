"""The orchestrator that ends an old key's life: it waits for days, so it stays small, and versioned by its name.

A history that an older release has written must replay: what it asks for, in which order, may not change.
"""

from datetime import timedelta

from durabletask.task import when_any

from shared.errors import RegenerationOutcome
from shared.parameters import KeyType
from shared.rotation.endings import conclude
from shared.rotation.model import Found, Json, Pending, utc_text, utc_time, with_outcome
from shared.rotation.status import shown_error
from shared.rotation.steps import Context, StepFailed, Steps, ask_guard, claim, of, take

_CLAIM_PAUSES = (1, 2, 4, 8, 15, 30, 60)


def revoke_key(ctx: Context, request: Json) -> Steps[Json]:
    """End the old key's life when its grace is over, or when somebody decides; prove that it is dead.

    The event `decision` carries `revoke` (now), `cancel` (not at all) or `superseded` (a later rotation has taken
    the key over); the first one counts. The result is the `revocation` of the rotation status, with the decision.
    """
    view: Json = {"status": "Scheduled", "at": request["at"]}
    ctx.set_custom_status(view)
    decided = ctx.wait_for_external_event("decision")
    due = ctx.create_timer(utc_time(request["at"]).replace(tzinfo=None))
    winner = yield when_any([decided, due])
    view["decision"] = decided.get_result() if winner is decided else "due"
    if view["decision"] == "cancel":
        yield ask_guard(ctx, request, "keep", {"revocationId": ctx.instance_id})
        view |= {"status": "Canceled"}
        conclude(ctx, "revoke_key", request, view)
        return view
    ctx.set_custom_status(view | {"stage": "Revoking"})
    pending = yield from _wait_for_claim(ctx, request)
    try:
        view |= yield from _revoke(ctx, request, pending)
    except StepFailed as failed:
        view |= {"status": "Failed", "error": shown_error(failed.error)}
    outcome = {"id": ctx.instance_id, "status": view["status"], "at": utc_text(ctx.current_utc_datetime)}
    yield ask_guard(ctx, request, "settle", {"revocationId": ctx.instance_id})
    yield ask_guard(ctx, request, "release", {"holder": ctx.instance_id, "outcome": outcome})
    conclude(ctx, "revoke_key", request, view)
    return view


def _revoke(ctx: Context, request: Json, pending: Pending | None) -> Steps[Json]:
    """Regenerate the old key unless that is done already, prove it dead, and disable what published it."""
    old = of(request) | {"keyType": request["keyType"], "superseded": request["superseded"]}
    if pending is not None and pending.revocation_id == ctx.instance_id:
        step = old | {"expected": request["fingerprint"], "published": False, "delivers": False, "create": False}
        yield from take(ctx, "regenerate_key_once", step)
    else:
        # overtaken while it waited: the key is dead already, or in use again
        found = Found.from_json((yield from take(ctx, "inspect_resource", of(request))))
        if found.keys[KeyType(request["keyType"])] == request["fingerprint"]:
            return {"status": "Canceled"}
    try:
        proof = (yield from take(ctx, "prove_dead", old | {"fingerprint": request["fingerprint"]}))["proof"]
        yield from take(ctx, "disable_superseded", old | {"fingerprint": request["fingerprint"]})
    except StepFailed as failed:
        # the old key is no more, whatever could not be shown or tidied up after that
        raise StepFailed(with_outcome(failed.error, RegenerationOutcome.REGENERATED)) from None
    return {"status": "Done", "proof": proof}


def _wait_for_claim(ctx: Context, request: Json) -> Steps[Pending | None]:
    """Claim the resource, waiting as long as it takes: whoever holds it lets go, or its claim ends.

    Returns the key that is in grace by then.
    """
    turn = 0
    while not (held := (yield claim(ctx, request)))["granted"]:
        yield ctx.create_timer(timedelta(seconds=_CLAIM_PAUSES[min(turn, len(_CLAIM_PAUSES) - 1)]))
        turn += 1
    return Pending.from_json(held["pending"])
