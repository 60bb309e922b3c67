"""The orchestrators, each a recipe: claim, inspect, plan, act, record, release.

They are replayed from their history and hold no key: activities pass resource ids, key types and fingerprints. No
`yield` stands in a `finally`, since the engine closes a generator after each partial replay.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from shared.conflicts import KeyChanged, RotationInProgress, SecretsDisagreed
from shared.errors import RegenerationOutcome
from shared.parameters import KeyType
from shared.regeneration import not_matching
from shared.rotation import guard
from shared.rotation.model import Found, Json, Pending, utc_text, utc_time
from shared.rotation.plan import Converge, Plan, Refuse, Repair, Rotate, Wanted, decide, refusal
from shared.rotation.status import shown_error
from shared.rotation.steps import (
    PAUSES,
    Context,
    StepFailed,
    Steps,
    ask_guard,
    claim,
    failure,
    of,
    take,
    with_outcome,
)

_ROUNDS = 4


def rotate_key(ctx: Context, request: Json) -> Steps[Json]:
    """Move the consumers of a resource to a new key, and schedule the end of the old one.

    `request` is what `requests.rotation_input` makes; the result is the rotation status (see status.py).
    """
    return (yield from _guarded(ctx, request, _rotate))


def regenerate_key(ctx: Context, request: Json) -> Steps[Json]:
    """Regenerate one key under the guard, as the synchronous request asks for it.

    A published key, or one in grace, is refused unless `force`, which publishes the new key at once. The result is
    the rotation status, with the answer of the regenerate routes as its `answer`.
    """
    return (yield from _guarded(ctx, request, _regenerate_asked))


def _guarded(
    ctx: Context, request: Json, act: Callable[[Context, Json, Json, Pending | None], Steps[None]]
) -> Steps[Json]:
    """Claim the resource, act, record and release; return the view, whatever has become of it."""
    view = _new_view(request)
    held: Json = yield claim(ctx, request)
    if not held["granted"]:
        return _ended(view, "Canceled", failure(RotationInProgress(guard.rotation_id(held["holder"]))))
    try:
        yield from act(ctx, request, view, Pending.from_json(held["pending"]))
    except _Canceled as canceled:
        _ended(view, "Canceled", canceled.error)
    except StepFailed as failed:
        changed = view["fingerprints"]["new"] is not None
        _ended(view, "Failed", with_outcome(failed.error, RegenerationOutcome.REGENERATED) if changed else failed.error)
    yield ask_guard(ctx, request, "release", {"holder": ctx.instance_id, "outcome": _outcome(ctx, view)})
    return view


def _rotate(ctx: Context, request: Json, view: Json, pending: Pending | None) -> Steps[None]:
    wanted = Wanted(
        active_key=KeyType(request["activeKey"]) if request["activeKey"] else None, supersede=request["supersede"]
    )
    plan, _ = yield from _settle(ctx, request, view, wanted, pending)
    match plan:
        case Refuse(error):
            raise _Canceled(failure(error))
        case Converge():
            view |= {"plan": "Converge", "activeKey": plan.key_type.value}
            yield from _end_grace(ctx, request, pending, "cancel")
            yield from _protect(ctx, request, plan.key_type.other, plan.old)
            yield from _publish(ctx, request, view, plan.key_type, plan.fingerprint, replaces=[plan.old])
            yield from _schedule_revocation(ctx, request, view, plan.key_type.other, plan.old)
            raise _Canceled(failure(SecretsDisagreed()))
        case Rotate():
            view |= {"plan": "Adopt" if plan.adopts else "Rotate", "activeKey": plan.active.value}
            view["fingerprints"]["old"] = plan.old
            new = yield from _regenerate(ctx, request, view, plan)
            superseded = pending is not None and pending.fingerprint == plan.expected
            yield from _end_grace(ctx, request, pending, "superseded" if superseded else "cancel")
            yield from _protect(ctx, request, plan.active, plan.old)
            yield from _publish(ctx, request, view, plan.replace, new, replaces=[plan.old], create=plan.adopts)
            yield from _verify(ctx, request, view, plan)
            yield from _schedule_revocation(ctx, request, view, plan.active, plan.old)
            view |= {"activeKey": plan.replace.value, "status": "Succeeded", "stage": "Delivered"}
        case _:
            raise AssertionError("a wanted rotation is planned, converged or refused")


def _settle(
    ctx: Context, request: Json, view: Json, wanted: Wanted, pending: Pending | None
) -> Steps[tuple[Plan, Found]]:
    """Inspect and repair until every secret publishes a live key; return the plan for what is left, and the finding."""
    for _ in range(_ROUNDS):
        _show(ctx, view, "Inspecting")
        found = Found.from_json((yield from take(ctx, "inspect_resource", of(request))))
        plan = decide(found, wanted, pending, utc_time(utc_text(ctx.current_utc_datetime)))
        if not isinstance(plan, Repair):
            return plan, found
        view["plan"] = view["plan"] or "Repair"
        dead = [secret.fingerprint for secret in found.secrets if secret.name in plan.names]
        try:
            yield from _publish(ctx, request, view, plan.key_type, plan.fingerprint, replaces=dead)
        except StepFailed as failed:
            # regenerated from outside since the look: look again
            if failed.error["code"] != KeyChanged.code:
                raise
    raise StepFailed(
        failure(SecretsDisagreed("The resource's secrets, or its keys, changed each time they were looked at."))
    )


def _verify(ctx: Context, request: Json, view: Json, plan: Rotate) -> Steps[None]:
    """Look whether every secret publishes the new key, and mend what has died meanwhile."""
    _, found = yield from _settle(ctx, request, view, Wanted(rotate=False), None)
    # another one than was published where somebody has regenerated it since
    view["fingerprints"]["new"] = found.keys[plan.replace]
    if {secret.fingerprint for secret in found.secrets} != {found.keys[plan.replace]}:
        raise StepFailed(
            failure(
                SecretsDisagreed(
                    "Somebody else set or deleted secrets of the resource in the midst of the rotation: not all "
                    "publish the new key. The old one lives on; rotate again after its grace period."
                )
            )
        )


def _regenerate(ctx: Context, request: Json, view: Json, plan: Rotate) -> Steps[str]:
    """Regenerate the key that nobody uses; return the new one's fingerprint."""
    _show(ctx, view, "Regenerating")
    yield from _hold(ctx, request)
    step = of(request) | {"keyType": plan.replace.value, "expected": plan.expected}
    step |= {"published": False, "delivers": True, "create": plan.adopts}
    new = (yield from take(ctx, "regenerate_key_once", step))["fingerprint"]
    view["fingerprints"]["new"] = new
    return new


def _publish(
    ctx: Context,
    request: Json,
    view: Json,
    key_type: KeyType,
    fingerprint: str,
    *,
    replaces: Sequence[str],
    create: bool = False,
) -> Steps[None]:
    """Prove that a key works, and let the secrets that publish one of the fingerprints `replaces` publish it."""
    step = of(request) | {"keyType": key_type.value, "fingerprint": fingerprint}
    _show(ctx, view, "Proving")
    yield from take(ctx, "prove_alive", step)
    _show(ctx, view, "Publishing")
    yield from _hold(ctx, request)
    published = yield from take(ctx, "publish_key", step | {"replaces": list(replaces), "create": create})
    by_name = {secret["name"]: secret for secret in view["secrets"]}
    for secret in published["secrets"]:
        superseded = [*by_name.get(secret["name"], {}).get("superseded", ()), secret.pop("supersededId")]
        by_name[secret["name"]] = secret | {"superseded": [id_ for id_ in dict.fromkeys(superseded) if id_]}
    view["secrets"] = list(by_name.values())


def _hold(ctx: Context, request: Json) -> Steps[None]:
    """Renew the claim before a change, so that it outlasts it; stop where it has ended and somebody else has it."""
    held: Json = yield claim(ctx, request)
    if not held["granted"]:
        raise StepFailed(failure(RotationInProgress(guard.rotation_id(held["holder"]))))


def _end_grace(ctx: Context, request: Json, pending: Pending | None, decision: str) -> Steps[None]:
    """End a grace period that has been overtaken: in the guard, where a revocation that is on its way looks, and for
    the one that still waits."""
    if pending is not None and pending.revocation_id is not None:
        yield ask_guard(ctx, request, "settle", {"revocationId": pending.revocation_id})
        ctx.send_event(pending.revocation_id, "decision", data=decision)


def _protect(ctx: Context, request: Json, key_type: KeyType, fingerprint: str) -> Steps[None]:
    """Remember that a key is in grace before any secret leaves it: whatever becomes of this orchestration, no other
    one takes the key from consumers that still hold it."""
    yield ask_guard(
        ctx,
        request,
        "schedule",
        {"pending": Pending(key_type, fingerprint, _end_of_grace(ctx, request), None).to_json(), "revocation": None},
    )


def _schedule_revocation(ctx: Context, request: Json, view: Json, key_type: KeyType, fingerprint: str) -> Steps[None]:
    """Hand the old key to an orchestration that outlives this one, or leave it be if that was asked."""
    if not request["revoke"]:
        return
    at = _end_of_grace(ctx, request)
    pending = Pending(key_type, fingerprint, at, guard.revocation_id(ctx.instance_id))
    revocation = {
        "resourceId": request["resourceId"],
        "guardKey": request["guardKey"],
        "keyType": key_type.value,
        "fingerprint": fingerprint,
        "at": utc_text(at),
        "superseded": [id_ for secret in view["secrets"] for id_ in secret["superseded"]],
    }
    view["revocation"] = {"status": "Scheduled", "at": utc_text(at)}
    yield ask_guard(ctx, request, "schedule", {"pending": pending.to_json(), "revocation": revocation})


def _end_of_grace(ctx: Context, request: Json) -> datetime:
    """Return when the grace period ends if it begins now: in whole seconds, and never too early."""
    end = ctx.current_utc_datetime + timedelta(seconds=request["graceSeconds"])
    return utc_time(utc_text(end + timedelta(seconds=1) if end.microsecond else end))


def _regenerate_asked(ctx: Context, request: Json, view: Json, pending: Pending | None) -> Steps[None]:
    # a caller that waits gets the error itself; the clients have tried more than once by then
    pauses = () if request["source"] == "http" else PAUSES
    _show(ctx, view, "Inspecting")
    found = Found.from_json((yield from take(ctx, "inspect_resource", of(request), pauses=pauses)))
    key_type = KeyType(request["keyType"])
    expected = found.keys[key_type]
    if request["ifMatch"] is not None and expected not in request["ifMatch"]:
        raise _Canceled(failure(not_matching(key_type)))
    publishing = [secret.id for secret in found.secrets if secret.fingerprint == expected]
    if not request["force"]:
        refused = refusal(key_type, expected, publishing, pending, utc_time(utc_text(ctx.current_utc_datetime)))
        if refused is not None:
            raise _Canceled(failure(refused))
    _show(ctx, view, "Regenerating")
    step = of(request) | {"keyType": key_type.value, "expected": expected}
    step |= {"published": request["force"], "delivers": bool(publishing), "create": False}
    answer = yield from take(ctx, "regenerate_key_once", step, pauses=pauses)
    view["fingerprints"] = {"new": answer["fingerprint"], "old": expected}
    view["answer"] = answer["answer"]
    if pending is not None and pending.fingerprint == expected:
        yield from _end_grace(ctx, request, pending, "superseded")
    try:
        yield from _deliver(ctx, request, view, key_type)
        delivered = [secret["id"] for secret in view["secrets"]]
        delivery: Json = {"status": "Delivered" if delivered else "NotPublished", "secrets": delivered}
    except StepFailed as failed:
        delivery = {"status": "Failed", "secrets": [], "error": shown_error(failed.error)}
    view["answer"] |= {"delivery": delivery}
    view |= {"status": "Succeeded", "stage": "Regenerated"}


def _deliver(ctx: Context, request: Json, view: Json, key_type: KeyType) -> Steps[None]:
    """Publish a regenerated key wherever the dead one stands, be it that somebody has published that meanwhile."""
    for _ in range(_ROUNDS):
        found = Found.from_json((yield from take(ctx, "inspect_resource", of(request))))
        view["fingerprints"]["new"] = found.keys[key_type]
        dead = view["fingerprints"]["old"]
        if not any(secret.fingerprint == dead for secret in found.secrets):
            return
        yield from _publish(ctx, request, view, key_type, found.keys[key_type], replaces=[dead])
    raise StepFailed(failure(SecretsDisagreed("Somebody else publishes the dead key again and again.")))


class _Canceled(Exception):
    """Nothing is to be done, for the reason in `error`."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["code"])
        self.error = error


def _new_view(request: Json) -> Json:
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


def _show(ctx: Context, view: Json, stage: str) -> None:
    view["stage"] = stage
    ctx.set_custom_status(dict(view))


def _ended(view: Json, status: str, error: Json) -> Json:
    view |= {"status": status, "error": error}
    return view


def _outcome(ctx: Context, view: Json) -> Json:
    code = view["error"]["code"] if "error" in view else None
    return {"id": ctx.instance_id, "status": view["status"], "code": code, "at": utc_text(ctx.current_utc_datetime)}
