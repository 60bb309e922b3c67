"""What has become of an orchestration -> the event that tells it, or None (pure); docs/events.md shows each event.

An announcement is JSON: `{"id", "type", "resourceId", "time", "data"}`. Its id is that of the orchestration, which ends
once: whoever gets the event twice can tell. It names ids, key types, fingerprints and secrets, and holds no key.
"""

from typing import Any

from shared.redaction import scrub
from shared.rotation.guard import rotation_id
from shared.rotation.model import Json

# with these an event stays well below 64 KB, the unit in which Event Grid counts
_MOST_SECRETS = 100
_LONGEST_TEXT = 1_000

OPERATIONS = {
    "rotate_key": "Rotate",
    "regenerate_key": "Regenerate",
    "repair_secrets": "Repair",
    "revoke_key": "Revoke",
}
# what nobody needs to be told of is not here: a repair or a revocation that was not needed after all
_TYPES = {
    ("Rotate", "Succeeded"): "Rotated",
    ("Rotate", "Failed"): "RotationFailed",
    ("Rotate", "Canceled"): "RotationCanceled",
    ("Regenerate", "Succeeded"): "Regenerated",
    ("Regenerate", "Failed"): "RotationFailed",
    ("Regenerate", "Canceled"): "RotationCanceled",
    ("Repair", "Succeeded"): "Repaired",
    ("Repair", "Failed"): "RotationFailed",
    ("Revoke", "Done"): "Revoked",
    ("Revoke", "Failed"): "RevocationFailed",
}


def outcome(orchestrator: str, instance_id: str, request: Json, view: Json, at: str) -> Json | None:
    """Return the announcement of an orchestration that has ended, or None where nobody needs to be told.

    Args:
        orchestrator: its name.
        instance_id: its instance id.
        request: its input.
        view: its output.
        at: when it ended, in ISO 8601, UTC.
    """
    operation = OPERATIONS.get(orchestrator, "")
    type_ = _TYPES.get((operation, view["status"]))
    if type_ is None or _is_idle(operation, request, view):
        return None
    data: Json = {
        "id": rotation_id(instance_id),
        "operation": operation,
        "resourceId": request["resourceId"],
        "keyType": request.get("keyType"),
    }
    data |= _of_revocation(request, view) if operation == "Revoke" else _of_rotation(type_, view)
    data["error"] = _error(view.get("error"))
    data["reason"] = _text(request.get("reason"))
    return _announcement(type_, instance_id, at, data)


def regenerated(answer: Json, request_id: str) -> Json:
    """Return the announcement of a key that was regenerated directly, without a Key Vault.

    Args:
        answer: the answer of the regenerate routes.
        request_id: the id of the request, as its response has it; it stands in the place of a rotation's.
    """
    data = {
        "id": request_id,
        "operation": "Regenerate",
        "resourceId": answer["resourceId"],
        "keyType": answer["keyType"],
        "fingerprints": {"new": answer["fingerprint"]},
        "delivery": {"status": answer["delivery"]["status"]},
    }
    return _announcement("Regenerated", request_id, answer["regeneratedAt"], data)


def _is_idle(operation: str, request: Json, view: Json) -> bool:
    """Say whether nothing has come of it: a stale event, a repair without need, a refusal that the caller has got."""
    canceled = view["status"] == "Canceled"
    match operation:
        case "Rotate":
            return canceled and view.get("error", {}).get("code") == "StaleEvent"
        case "Regenerate":
            return canceled and request["source"] == "http"
        case "Repair":
            return view["status"] == "Succeeded" and not view["secrets"]
        case _:
            return False


def _of_rotation(type_: str, view: Json) -> Json:
    revocation: Json = view["revocation"]
    answer: Json = view.get("answer", {})
    return {
        "activeKey": view["activeKey"],
        "plan": view["plan"],
        "fingerprints": _present(view["fingerprints"]),
        **_secrets([secret["id"] for secret in view["secrets"]]),
        # that nobody will revoke the old key is worth telling where there is one
        "revocation": _revocation(revocation) if type_ == "Rotated" or revocation["status"] != "NotRequested" else None,
        "delivery": _delivery(answer.get("delivery")),
    }


def _of_revocation(request: Json, view: Json) -> Json:
    return {
        "fingerprints": {"old": request["fingerprint"]},
        **_secrets(request["superseded"]),
        "revocation": _revocation(view),
    }


def _revocation(told: Json) -> Json:
    return _present({name: told.get(name) for name in ("status", "at", "proof")})


def _delivery(told: Json | None) -> Json | None:
    return _present({"status": told["status"], "error": _error(told.get("error"))}) if told else None


def _error(told: Json | None) -> Json | None:
    return {"code": _text(told["code"]), "message": _text(told["message"])} if told else None


def _secrets(ids: list[str]) -> Json:
    return {"secrets": ids[:_MOST_SECRETS], "secretsOmitted": len(ids[_MOST_SECRETS:])}


def _text(value: str | None) -> str | None:
    # half a surrogate pair is no JSON that everybody reads
    return scrub(value).encode("utf-8", "replace").decode()[:_LONGEST_TEXT] if value else None


def _present(members: Json) -> Json:
    """Return the members that say something."""

    def says(value: Any) -> bool:
        return value not in (None, 0, [], {})

    return {name: value for name, value in members.items() if says(value)}


def _announcement(type_: str, id_: str, at: str, data: Json) -> Json:
    return {
        "id": id_,
        "type": f"CommunicationKey.{type_}",
        "resourceId": data["resourceId"],
        "time": at,
        "data": _present(data),
    }
