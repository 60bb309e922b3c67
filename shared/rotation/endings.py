"""What an orchestration leaves behind when it has ended: a line in the audit, a count, and word to the app's topic."""

from durabletask.entities import EntityInstanceId

from shared import audit
from shared.rotation import guard
from shared.rotation.announcements import OPERATIONS, outcome
from shared.rotation.model import Json, utc_text
from shared.rotation.steps import Context
from shared.telemetry import metrics

# what the audit calls each orchestrator
ACTIONS = {
    "rotate_key": "RotateKey",
    "regenerate_key": "RegenerateKey",
    "repair_secrets": "RepairSecrets",
    "revoke_key": "RevokeKey",
}


def conclude(ctx: Context, orchestrator: str, request: Json, view: Json) -> None:
    """Write down, count and announce how an orchestration has ended; to be called as its last act.

    A replay writes and counts nothing. A worker that dies before the engine has taken the end is the one case in
    which it is done twice.

    Args:
        ctx: the orchestration's context.
        orchestrator: its name.
        request: its input.
        view: its output.
    """
    if not ctx.is_replaying:
        _write_down(orchestrator, ctx.instance_id, request, view)
        _count(orchestrator, request, view)
    _announce(ctx, orchestrator, request, view)


def _write_down(orchestrator: str, instance_id: str, request: Json, view: Json) -> None:
    told: Json = {"error": _code(view)}
    if orchestrator == "revoke_key":
        told |= {"keyType": request["keyType"], "fingerprint": request["fingerprint"], "proof": view.get("proof")}
    else:
        told |= {"plan": view["plan"], "fingerprint": view["fingerprints"]["new"]}
        if view["revocation"]["status"] == "Scheduled":
            told["revocation"] = {name: view["revocation"][name] for name in ("status", "at")}
    audit.ended(ACTIONS[orchestrator], request["resourceId"], instance_id, view["status"], told)


def _count(orchestrator: str, request: Json, view: Json) -> None:
    if orchestrator == "revoke_key":
        metrics.revocation_ended(view["status"], proof=view.get("proof"), error=_code(view))
    else:
        metrics.rotation_ended(
            OPERATIONS[orchestrator], view["status"], request["source"], plan=view["plan"], error=_code(view)
        )


def _code(view: Json) -> str | None:
    return view["error"]["code"] if "error" in view else None


def _announce(ctx: Context, orchestrator: str, request: Json, view: Json) -> None:
    """Have the app's topic told what has become of an orchestration, by one of its own: nobody waits for that."""
    if not request.get("announce"):
        return
    announcement = outcome(orchestrator, ctx.instance_id, request, view, utc_text(ctx.current_utc_datetime))
    if announcement is not None:
        ctx.signal_entity(EntityInstanceId(guard.ENTITY, request["guardKey"]), "announce", announcement)
