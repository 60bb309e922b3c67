"""The orchestrators, each a recipe: claim, inspect, plan, act, record, release (see moves.py)."""

from datetime import datetime, timedelta
from functools import partial

from shared.conflicts import SecretsDisagreed
from shared.parameters import KeyType
from shared.regeneration import not_matching
from shared.rotation.endings import conclude
from shared.rotation.model import Found, Json, Listing, Pending, utc_time
from shared.rotation.moves import (
    ROUNDS,
    Canceled,
    converge,
    end_grace,
    ended,
    guarded,
    hold,
    inspect,
    known_names,
    new_view,
    now_of,
    protect,
    publish,
    schedule,
    schedule_revocation,
    settle,
    show,
)
from shared.rotation.plan import Converge, Plan, Refuse, Rotate, Settled, Wanted, decide, refusal
from shared.rotation.status import shown_error
from shared.rotation.steps import PAUSES, Context, StepFailed, Steps, failure, of, take


def rotate_key(ctx: Context, request: Json) -> Steps[Json]:
    """Move the consumers of a resource to a new key, and schedule the end of the old one.

    `request` is what `requests.rotation_input` makes; the result is the rotation status (see status.py).
    """
    view = yield from guarded(ctx, request, _rotate)
    conclude(ctx, "rotate_key", request, view)
    return view


def regenerate_key(ctx: Context, request: Json) -> Steps[Json]:
    """Regenerate one key under the guard, as the synchronous request asks for it.

    A published key, or one in grace, is refused unless `force`, which publishes the new key at once. The result is
    the rotation status, with the answer of the regenerate routes as its `answer`.
    """
    view = yield from guarded(ctx, request, _regenerate_asked)
    conclude(ctx, "regenerate_key", request, view)
    return view


def repair_secrets(ctx: Context, request: Json) -> Steps[Json]:
    """Let every secret of a resource publish a live key again, and take up a revocation that is owed.

    `request` is what `requests.repair_input` makes. ARM tells of our own regenerations too, so the first look needs
    no claim: mostly there is nothing to do, and nobody is to be kept out meanwhile. The result is the rotation
    status.
    """
    view = new_view(request)
    try:
        found, listing = yield from inspect(ctx, request, view)
    except StepFailed as failed:
        ended(view, "Failed", failed.error)
    else:
        if request["owed"] is None and _sound(request, decide(found, Wanted(rotate=False), None, now_of(ctx))):
            view |= {"status": "Succeeded", "stage": "Settled"}
        else:
            view = yield from guarded(ctx, request, partial(_repair, listing=listing))
    conclude(ctx, "repair_secrets", request, view)
    return view


def _sound(request: Json, plan: Plan) -> bool:
    """Say whether a repair has nothing to do; that secrets disagree is its matter only where it was told so."""
    return isinstance(plan, Settled) or (isinstance(plan, Converge) and not request["converge"])


def _repair(ctx: Context, request: Json, view: Json, pending: Pending | None, *, listing: Listing) -> Steps[None]:
    plan, found, listing = yield from settle(ctx, request, view, Wanted(rotate=False), pending, listing)
    in_grace = pending is not None and now_of(ctx) < pending.at
    match plan:
        case Refuse(error):
            raise StepFailed(failure(error))
        case Converge() if request["converge"] and not in_grace:
            yield from converge(ctx, request, view, plan, pending, listing)
        case _:
            yield from _revoke_owed(ctx, request, view, found, pending)
    view |= {"status": "Succeeded", "stage": "Repaired" if view["secrets"] else "Settled"}


def _revoke_owed(ctx: Context, request: Json, view: Json, found: Found, pending: Pending | None) -> Steps[None]:
    """Take up a revocation that failed or never ran, if its key still lives, nobody publishes it, and no key is in
    grace, about to be revoked, or left alive on purpose.

    Whoever found it owed has looked without a claim, and some time ago.
    """
    owed: Json | None = request["owed"]
    if owed is None or found.keys[KeyType(owed["keyType"])] != owed["fingerprint"]:
        return
    if any(secret.fingerprint == owed["fingerprint"] for secret in found.secrets):
        return
    if pending is not None:
        # one that died is still noted with its key; one that was called off is not, and not to be taken up
        noted = pending.fingerprint == owed["fingerprint"]
        if now_of(ctx) < pending.at or noted is not pending.to_be_revoked:
            return
    at = _end_of_late_grace(found, owed["at"], timedelta(seconds=request["graceSeconds"]), now_of(ctx))
    yield from schedule(ctx, request, view, KeyType(owed["keyType"]), owed["fingerprint"], at, owed["superseded"])


def _end_of_late_grace(found: Found, due: str, grace: timedelta, now: datetime) -> datetime:
    """Return when a key whose revocation was due may die: now, or a grace after secrets were set since: they may have
    left it then."""
    late = [secret.created_on for secret in found.secrets if secret.created_on > due]
    return max(now, utc_time(max(late)) + grace) if late else now


def _rotate(ctx: Context, request: Json, view: Json, pending: Pending | None) -> Steps[None]:
    secret: Json | None = request.get("secret")
    wanted = Wanted(
        active_key=KeyType(request["activeKey"]) if request["activeKey"] else None,
        supersede=request["supersede"],
        secret=(secret["name"], secret["version"]) if secret else None,
    )
    plan, _, listing = yield from settle(ctx, request, view, wanted, pending)
    match plan:
        case Refuse(error):
            raise Canceled(failure(error))
        case Converge():
            yield from converge(ctx, request, view, plan, pending, listing)
            raise Canceled(failure(SecretsDisagreed()))
        case Rotate():
            view |= {"plan": "Adopt" if plan.adopts else "Rotate", "activeKey": plan.active.value}
            view["fingerprints"]["old"] = plan.old
            done, pending = yield from _regenerate(ctx, request, view, plan, listing)
            superseded = pending is not None and pending.fingerprint == plan.expected
            yield from end_grace(ctx, request, pending, "superseded" if superseded else "cancel")
            yield from protect(ctx, request, plan.active, plan.old, pending)
            yield from publish(
                ctx,
                request,
                view,
                plan.replace,
                done["fingerprint"],
                replaces=[plan.old],
                listing=listing,
                create=plan.adopts,
                regenerated_at=done.get("at"),
            )
            yield from _verify(ctx, request, view, plan, listing)
            yield from schedule_revocation(ctx, request, view, plan.active, plan.old, pending)
            view |= {"activeKey": plan.replace.value, "status": "Succeeded", "stage": "Delivered"}
        case _:
            raise AssertionError("a wanted rotation is planned, converged or refused")


def _verify(ctx: Context, request: Json, view: Json, plan: Rotate, listing: Listing) -> Steps[None]:
    """Look whether every secret publishes the new key, and mend what has died meanwhile."""
    _, found, _ = yield from settle(ctx, request, view, Wanted(rotate=False), None, listing)
    # another one than was published where somebody has regenerated it since
    view["fingerprints"]["new"] = found.keys[plan.replace]
    if {secret.fingerprint for secret in found.secrets} != {found.keys[plan.replace]}:
        raise StepFailed(
            failure(
                SecretsDisagreed(
                    "Somebody else set or deleted secrets of the resource in the midst of the rotation: not all "
                    "publish the new key. The old one lives on through its grace period; rotate again after that."
                )
            )
        )


def _regenerate(
    ctx: Context, request: Json, view: Json, plan: Rotate, listing: Listing
) -> Steps[tuple[Json, Pending | None]]:
    """Regenerate the key that nobody uses; return the step's answer, and the key in grace by then."""
    show(ctx, view, "Regenerating")
    pending = yield from hold(ctx, request)
    if not request["supersede"]:
        # after an outage that outlasted the claim another rotation may have put this key in grace
        refused = refusal(plan.replace, plan.expected, (), pending, now_of(ctx))
        if refused is not None:
            raise Canceled(failure(refused))
    step = of(request) | {"keyType": plan.replace.value, "expected": plan.expected}
    step |= {"published": False, "delivers": True, "create": plan.adopts, "trigger": request["source"]}
    done = yield from take(ctx, "regenerate_key_once", step, known=lambda: known_names(ctx, view, listing))
    view["fingerprints"]["new"] = done["fingerprint"]
    return done, pending


def _regenerate_asked(ctx: Context, request: Json, view: Json, pending: Pending | None) -> Steps[None]:
    # a caller that waits gets the error itself; the clients have tried more than once by then
    pauses = () if request["source"] == "http" else PAUSES
    found, listing = yield from inspect(ctx, request, view, pauses=pauses)
    key_type = KeyType(request["keyType"])
    expected = found.keys[key_type]
    if request["ifMatch"] is not None and expected not in request["ifMatch"]:
        raise Canceled(failure(not_matching(key_type)))
    publishing = [secret.id for secret in found.secrets if secret.fingerprint == expected]
    if not request["force"]:
        refused = refusal(key_type, expected, publishing, pending, now_of(ctx))
        if refused is not None:
            raise Canceled(failure(refused))
    show(ctx, view, "Regenerating")
    step = of(request) | {"keyType": key_type.value, "expected": expected}
    step |= {"published": request["force"], "delivers": bool(publishing), "create": False}
    step["trigger"] = request["source"]
    answer = yield from take(
        ctx, "regenerate_key_once", step, known=lambda: known_names(ctx, view, listing), pauses=pauses
    )
    view["fingerprints"] = {"new": answer["fingerprint"], "old": expected}
    view["answer"] = answer["answer"]
    if pending is not None and pending.fingerprint == expected:
        yield from end_grace(ctx, request, pending, "superseded")
    try:
        yield from _deliver(ctx, request, view, key_type, answer.get("at"))
        delivered = [secret["id"] for secret in view["secrets"]]
        delivery: Json = {"status": "Delivered" if delivered else "NotPublished", "secrets": delivered}
    except StepFailed as failed:
        delivery = {"status": "Failed", "secrets": [], "error": shown_error(failed.error)}
    if request.get("keyVault", True):
        view["answer"] |= {"delivery": delivery}
    view |= {"status": "Succeeded", "stage": "Regenerated"}


def _deliver(ctx: Context, request: Json, view: Json, key_type: KeyType, regenerated_at: str | None) -> Steps[None]:
    """Publish a regenerated key wherever the dead one stands, be it that somebody has published that meanwhile."""
    # the answer says where the key is published: that takes a listing of its own
    listing = None
    for _ in range(ROUNDS):
        found, listing = yield from inspect(ctx, request, view, listing)
        view["fingerprints"]["new"] = found.keys[key_type]
        dead = view["fingerprints"]["old"]
        if not any(secret.fingerprint == dead for secret in found.secrets):
            return
        yield from publish(
            ctx,
            request,
            view,
            key_type,
            found.keys[key_type],
            replaces=[dead],
            listing=listing,
            regenerated_at=regenerated_at,
        )
    raise StepFailed(failure(SecretsDisagreed("Somebody else publishes the dead key again and again.")))
