"""The orchestrators, each a recipe: claim, inspect, plan, act, record, release.

They are replayed from their history and hold no key: activities pass resource ids, key types and fingerprints. No
`yield` stands in a `finally`, since the engine closes a generator after each partial replay.
"""

from datetime import timedelta
from typing import Any

from durabletask.entities import EntityInstanceId
from durabletask.task import when_any

from shared.conflicts import RotationInProgress, SecretsDisagreed
from shared.parameters import KeyType
from shared.regeneration import not_matching
from shared.rotation import guard
from shared.rotation.model import Found, Json, Pending, utc_text, utc_time
from shared.rotation.plan import Converge, Refuse, Repair, Rotate, Wanted, decide, refusal
from shared.rotation.steps import Context, StepFailed, Steps, failure, take

_ROUNDS = 4
_CLAIM_PAUSES = (1, 2, 4, 8, 15, 30, 60)


def rotate_key(ctx: Context, request: Json) -> Steps[Json]:
    """Move the consumers of a resource to a new key, and schedule the end of the old one.

    `request` is what `requests.rotation_input` makes; the result is the rotation status (see status.py).
    """
    view = _new_view(request)
    held = yield _guard(ctx, request, "claim", {"holder": ctx.instance_id})
    if not held["granted"]:
        return _ended(view, "Canceled", failure(RotationInProgress(held["holder"])))
    try:
        yield from _rotate(ctx, request, view, Pending.from_json(held["pending"]))
    except _Canceled as canceled:
        _ended(view, "Canceled", canceled.error)
    except StepFailed as failed:
        _ended(view, "Failed", failed.error)
    yield _guard(ctx, request, "release", {"holder": ctx.instance_id, "outcome": _outcome(ctx, view)})
    return view


def _rotate(ctx: Context, request: Json, view: Json, pending: Pending | None) -> Steps[None]:
    wanted = Wanted(
        active_key=KeyType(request["activeKey"]) if request["activeKey"] else None, supersede=request["supersede"]
    )
    plan = yield from _settle(ctx, request, view, wanted, pending)
    match plan:
        case Refuse(error):
            raise _Canceled(failure(error))
        case Converge():
            view |= {"plan": "Converge", "activeKey": plan.key_type.value}
            yield from _publish(ctx, request, view, plan.key_type, plan.fingerprint)
            _end_grace(ctx, pending, regenerated=None)
            yield from _schedule_revocation(ctx, request, view, plan.key_type.other, plan.old)
            raise _Canceled(failure(SecretsDisagreed()))
        case Rotate():
            view |= {"plan": "Adopt" if plan.adopts else "Rotate", "activeKey": plan.active.value}
            view["fingerprints"]["old"] = plan.old
            new = yield from _regenerate(ctx, request, view, plan)
            yield from _publish(ctx, request, view, plan.replace, new, create=plan.adopts)
            yield from _settle(ctx, request, view, Wanted(rotate=False), pending)
            view |= {"activeKey": plan.replace.value, "status": "Succeeded", "stage": "Delivered"}
            _end_grace(ctx, pending, regenerated=plan.expected)
            yield from _schedule_revocation(ctx, request, view, plan.active, plan.old)
        case _:
            raise AssertionError("a wanted rotation is planned, converged or refused")


def _settle(ctx: Context, request: Json, view: Json, wanted: Wanted, pending: Pending | None) -> Steps[Any]:
    """Inspect and repair until every secret publishes a live key, and return the plan for what is left."""
    for _ in range(_ROUNDS):
        _show(ctx, view, "Inspecting")
        found = Found.from_json((yield from take(ctx, "inspect_resource", _of(request))))
        plan = decide(found, wanted, pending, utc_time(utc_text(ctx.current_utc_datetime)))
        if not isinstance(plan, Repair):
            return plan
        view |= {"plan": "Repair"}
        yield from _publish(ctx, request, view, plan.key_type, plan.fingerprint, names=list(plan.names))
    raise StepFailed(
        failure(SecretsDisagreed("The resource's secrets, or its keys, changed each time they were looked at."))
    )


def _regenerate(ctx: Context, request: Json, view: Json, plan: Rotate) -> Steps[str]:
    """Regenerate the key that nobody uses and prove that the new one works; return its fingerprint."""
    _show(ctx, view, "Regenerating")
    step = _regeneration(request, plan.replace, plan.expected) | {"delivers": True, "create": plan.adopts}
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
    names: list[str] | None = None,
    create: bool = False,
) -> Steps[None]:
    """Prove that a key works, and let the secrets (all, or those named) publish it."""
    step = _of(request) | {"keyType": key_type.value, "fingerprint": fingerprint}
    _show(ctx, view, "Proving")
    yield from take(ctx, "prove_alive", step)
    _show(ctx, view, "Publishing")
    published = yield from take(ctx, "publish_key", step | {"names": names, "create": create})
    by_name = {secret["name"]: secret for secret in view["secrets"]}
    for secret in published["secrets"]:
        before = by_name.get(secret["name"], {})
        by_name[secret["name"]] = {**secret, "supersededId": before.get("supersededId") or secret["supersededId"]}
    view["secrets"] = list(by_name.values())


def _end_grace(ctx: Context, pending: Pending | None, *, regenerated: str | None) -> None:
    """Tell the revocation that waits that its key has been regenerated already, or is not to be revoked any more."""
    if pending is not None:
        decision = "superseded" if pending.fingerprint == regenerated else "cancel"
        ctx.send_event(pending.revocation_id, "decision", data=decision)


def _schedule_revocation(ctx: Context, request: Json, view: Json, key_type: KeyType, fingerprint: str) -> Steps[None]:
    """Hand the old key to an orchestration that outlives this one, or leave it be if that was asked."""
    if not request["revoke"]:
        return
    at = utc_time(utc_text(ctx.current_utc_datetime)) + timedelta(seconds=request["graceSeconds"])
    revocation = Pending(key_type, fingerprint, at, f"{ctx.instance_id}-revoke")
    superseded = [secret["supersededId"] for secret in view["secrets"] if secret["supersededId"]]
    view["revocation"] = {"status": "Scheduled", "at": utc_text(at)}
    yield _guard(
        ctx,
        request,
        "schedule",
        {
            "pending": revocation.to_json(),
            "revocation": {
                "resourceId": request["resourceId"],
                "guardKey": request["guardKey"],
                "keyType": key_type.value,
                "fingerprint": fingerprint,
                "at": utc_text(at),
                "superseded": superseded,
            },
        },
    )


def revoke_key(ctx: Context, request: Json) -> Steps[Json]:
    """End the old key's life when its grace is over, or when somebody decides; prove that it is dead.

    The event `decision` carries `revoke` (now), `cancel` (not at all) or `superseded` (a later rotation has taken
    the key over); the first one counts. The result is the `revocation` of the rotation status.
    """
    view: Json = {"status": "Scheduled", "at": request["at"]}
    ctx.set_custom_status(view)
    decided = ctx.wait_for_external_event("decision")
    due = ctx.create_timer(utc_time(request["at"]).replace(tzinfo=None))
    winner = yield when_any([decided, due])
    decision = decided.get_result() if winner is decided else "revoke"
    if decision == "cancel":
        yield _guard(ctx, request, "settle", {"revocationId": ctx.instance_id})
        return view | {"status": "Canceled"}
    ctx.set_custom_status(view | {"stage": "Revoking"})
    yield from _claim(ctx, request)
    try:
        view |= {"status": "Done", "proof": (yield from _revoke(ctx, request, regenerate=decision == "revoke"))}
    except StepFailed as failed:
        view |= {"status": "Failed", "error": _shown(failed.error)}
    outcome = {"id": ctx.instance_id, "status": view["status"], "at": utc_text(ctx.current_utc_datetime)}
    yield _guard(ctx, request, "settle", {"revocationId": ctx.instance_id})
    yield _guard(ctx, request, "release", {"holder": ctx.instance_id, "outcome": outcome})
    return view


def _revoke(ctx: Context, request: Json, *, regenerate: bool) -> Steps[str]:
    """Regenerate the old key unless that is done already, prove it dead, and disable what published it."""
    if regenerate:
        key_type = KeyType(request["keyType"])
        yield from take(ctx, "regenerate_key_once", _regeneration(request, key_type, request["fingerprint"]))
    old = _of(request) | {"keyType": request["keyType"], "superseded": request["superseded"]}
    proof = (yield from take(ctx, "prove_dead", old | {"fingerprint": request["fingerprint"]}))["proof"]
    yield from take(ctx, "disable_superseded", old | {"fingerprint": request["fingerprint"]})
    return proof


def _claim(ctx: Context, request: Json) -> Steps[None]:
    """Claim the resource, waiting as long as it takes: whoever holds it lets go, or its claim ends."""
    turn = 0
    while not (yield _guard(ctx, request, "claim", {"holder": ctx.instance_id}))["granted"]:
        yield ctx.create_timer(timedelta(seconds=_CLAIM_PAUSES[min(turn, len(_CLAIM_PAUSES) - 1)]))
        turn += 1


def regenerate_key(ctx: Context, request: Json) -> Steps[Json]:
    """Regenerate one key under the guard, as the synchronous request asks for it.

    A published key, or one in grace, is refused unless `force`, which publishes the new key at once. The result is
    `{"status": "Succeeded", "answer": …}` with the answer of the regenerate routes, or `{"status", "error"}`.
    """
    view = _new_view(request)
    held = yield _guard(ctx, request, "claim", {"holder": ctx.instance_id})
    if not held["granted"]:
        return _ended(view, "Canceled", failure(RotationInProgress(held["holder"])))
    try:
        yield from _regenerate_asked(ctx, request, view, Pending.from_json(held["pending"]))
    except _Canceled as canceled:
        _ended(view, "Canceled", canceled.error)
    except StepFailed as failed:
        _ended(view, "Failed", failed.error)
    yield _guard(ctx, request, "release", {"holder": ctx.instance_id, "outcome": _outcome(ctx, view)})
    return view


def _regenerate_asked(ctx: Context, request: Json, view: Json, pending: Pending | None) -> Steps[None]:
    _show(ctx, view, "Inspecting")
    found = Found.from_json((yield from take(ctx, "inspect_resource", _of(request))))
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
    step = _regeneration(request, key_type, expected) | {"published": request["force"]}
    answer = yield from take(ctx, "regenerate_key_once", step)
    if pending is not None and pending.fingerprint == expected:
        _end_grace(ctx, pending, regenerated=expected)
    view["answer"] = answer["answer"] | {"delivery": {"status": "NotPublished", "secrets": []}}
    view["fingerprints"] = {"new": answer["fingerprint"], "old": expected}
    if publishing:
        names = [secret.name for secret in found.secrets if secret.fingerprint == expected]
        try:
            yield from _publish(ctx, request, view, key_type, answer["fingerprint"], names=names)
            delivery: Json = {"status": "Delivered", "secrets": [secret["id"] for secret in view["secrets"]]}
        except StepFailed as failed:
            delivery = {"status": "Failed", "secrets": [], "error": _shown(failed.error)}
        view["answer"]["delivery"] = delivery
    view |= {"status": "Succeeded", "stage": "Regenerated"}


class _Canceled(Exception):
    """Nothing is to be done, for the reason in `error`."""

    def __init__(self, error: Json) -> None:
        super().__init__(error["code"])
        self.error = error


def _guard(ctx: Context, request: Json, operation: str, value: Json) -> Any:
    now = {"now": utc_text(ctx.current_utc_datetime)}
    return ctx.call_entity(EntityInstanceId(guard.ENTITY, request["guardKey"]), operation, value | now)


def _of(request: Json) -> Json:
    return {"resourceId": request["resourceId"]}


def _regeneration(request: Json, key_type: KeyType, expected: str) -> Json:
    """Return the input of `regenerate_key_once` for a key that no secret may hold, and that is not delivered."""
    step = {"keyType": key_type.value, "expected": expected}
    return _of(request) | step | {"published": False, "delivers": False, "create": False}


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


def _shown(error: Json) -> Json:
    """Return an error without what only this app needs of it."""
    return {name: value for name, value in error.items() if name not in ("status", "headers", "retriable")}


def _outcome(ctx: Context, view: Json) -> Json:
    code = view["error"]["code"] if "error" in view else None
    return {"id": ctx.instance_id, "status": view["status"], "code": code, "at": utc_text(ctx.current_utc_datetime)}
