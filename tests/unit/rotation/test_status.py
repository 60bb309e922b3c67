"""Durable state to wire: every word of the engine, every field, and the response of a result."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.conflicts import RotationInProgress
from shared.errors import AppError, ArmRejected, NotProven
from shared.key_vault_errors import KeyVaultForbidden
from shared.rotation.model import Json
from shared.rotation.status import RunState, result_error, run_state, shown_error, status_json
from shared.rotation.steps import failure
from tests.support.fakes import RESOURCE
from tests.support.rotation_engine import NOW, instance

VIEW: Json = {
    "status": "Succeeded",
    "stage": "Delivered",
    "plan": "Rotate",
    "resourceId": str(RESOURCE),
    "activeKey": "Secondary",
    "fingerprints": {"new": "sha256:n", "old": "sha256:o"},
    "secrets": [{"id": "https://v/secrets/a/2", "name": "a", "version": "2", "superseded": ["https://v/secrets/a/1"]}],
    "revocation": {"status": "Scheduled", "at": "2026-01-03T00:00:00Z"},
}


@pytest.mark.parametrize(
    ("runtime_status", "shown", "state"),
    [
        ("PENDING", None, RunState.NOT_STARTED),
        ("RUNNING", None, RunState.RUNNING),
        ("RUNNING", VIEW | {"status": "Running"}, RunState.RUNNING),
        ("SUSPENDED", None, RunState.RUNNING),
        ("CONTINUED_AS_NEW", None, RunState.RUNNING),
        ("COMPLETED", VIEW, RunState.SUCCEEDED),
        ("COMPLETED", VIEW | {"status": "Failed"}, RunState.FAILED),
        ("COMPLETED", VIEW | {"status": "Canceled"}, RunState.CANCELED),
        ("COMPLETED", {"status": "Done", "proof": "Dead"}, RunState.SUCCEEDED),
        ("COMPLETED", None, RunState.FAILED),
        ("FAILED", VIEW | {"status": "Running"}, RunState.FAILED),
        ("TERMINATED", None, RunState.CANCELED),
        ("CANCELED", None, RunState.CANCELED),
    ],
)
def test_every_word_of_the_engine_has_one_of_ours(runtime_status: str, shown: Json | None, state: RunState) -> None:
    """The wire knows five words alone, and three of them are an end."""
    found = run_state(instance("r1", runtime_status, shown))
    assert found is state
    assert found.ended is (state in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELED))


def test_a_status_has_all_fields_in_their_order() -> None:
    """The wire form, with nothing of what only the app needs."""
    body = status_json(instance(shown=VIEW), None)
    same = ("stage", "plan", "activeKey", "fingerprints", "revocation")
    assert {name: body[name] for name in same} == {name: VIEW[name] for name in same}
    assert body["secrets"] == ["https://v/secrets/a/2"]
    assert list(body) == [
        "id",
        "status",
        "stage",
        "plan",
        "resourceId",
        "activeKey",
        "fingerprints",
        "secrets",
        "revocation",
        "createdAt",
        "updatedAt",
    ]
    assert (body["createdAt"], body["updatedAt"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")


def test_a_status_before_the_first_step_has_all_fields_too() -> None:
    """Nothing is known yet but what was asked."""
    body = status_json(instance("r1", "PENDING", None), None)
    assert body["status"] == "NotStarted"
    assert body["resourceId"] == str(RESOURCE)
    assert body["fingerprints"] == {"new": None, "old": None}
    assert (body["secrets"], body["revocation"]) == ([], {"status": "NotRequested"})


def test_an_error_is_told_as_arm_does() -> None:
    """Code, message and target stand in the status; what the app keeps for itself does not."""
    error = failure(KeyVaultForbidden("no", target="a"))
    body = status_json(instance(shown=VIEW | {"status": "Failed", "error": error}), None)
    assert body["error"] == {"code": "KeyVaultForbidden", "message": "no", "target": "a"}


@pytest.mark.parametrize(
    ("runtime_status", "told", "kept"),
    [
        ("RUNNING", {"status": "Scheduled"}, {"decision": "revoke", "stage": "Revoking"}),
        ("COMPLETED", {"status": "Done", "proof": "Dead"}, {"decision": "due"}),
        ("COMPLETED", {"status": "Canceled"}, {"decision": "cancel"}),
        ("COMPLETED", {"status": "Failed", "error": {"code": "KeyInUse"}}, {"decision": "due"}),
    ],
)
def test_a_revocation_tells_its_own_state(runtime_status: str, told: Json, kept: Json) -> None:
    """It stands beside the rotation's and changes nothing of that; its inner words stay inside."""
    revocation = instance("r1-revoke", runtime_status, {"at": "x"} | told | kept, name="revoke_key")
    body = status_json(instance(shown=VIEW), revocation)
    assert body["status"] == "Succeeded"
    assert body["revocation"] == {"at": "x"} | told


@pytest.mark.parametrize("runtime_status", ["FAILED", "TERMINATED"])
def test_a_revocation_that_crashed_has_failed(runtime_status: str) -> None:
    """Whoever ended it, the old key may live on: Failed, with the time that was planned."""
    revocation = instance("r1-revoke", runtime_status, {"status": "Scheduled"}, name="revoke_key")
    body = status_json(instance(shown=VIEW), revocation)
    assert (body["revocation"]["status"], body["revocation"]["at"]) == ("Failed", "2026-01-03T00:00:00Z")
    assert "status" not in body["revocation"]["error"]
    assert body["revocation"]["error"]["additionalInfo"][0]["info"] == {"outcome": "Unknown"}


def test_the_last_change_of_both_counts() -> None:
    """updatedAt is the revocation's where that came later."""
    later = replace(instance("r1-revoke", shown={"status": "Done"}), updated_at=NOW + timedelta(days=2))
    assert status_json(instance(shown=VIEW), later)["updatedAt"] == "2026-01-03T00:00:00Z"


@pytest.mark.parametrize(
    "error",
    [
        ArmRejected(404, "ResourceNotFound", "gone"),
        ArmRejected(429, "TooManyRequests", "slow", headers={"Retry-After": "7"}),
        KeyVaultForbidden("no", target="a"),
        RotationInProgress("r0"),
        NotProven("not yet"),
    ],
    ids=lambda error: error.code,
)
def test_an_error_of_a_result_is_that_of_a_synchronous_call(error: AppError) -> None:
    """Status, body and headers are those that the error itself would have given."""
    ended = instance(shown=VIEW | {"status": "Failed", "error": failure(error)})
    assert result_error(ended) == (error.status, error.to_json(), error.headers)


@pytest.mark.parametrize(
    ("runtime_status", "status", "code"),
    [("TERMINATED", 409, "Terminated"), ("FAILED", 500, "InternalServerError")],
)
def test_what_the_engine_ended_has_an_error_too(runtime_status: str, status: int, code: str) -> None:
    """A terminated one is a conflict, a crashed one a defect of ours."""
    got, body, headers = result_error(instance("r1", runtime_status, VIEW | {"status": "Running"}))
    assert (got, body["error"]["code"], headers) == (status, code, {})
    assert "status" not in body["error"]
    # it may have regenerated a key by then
    assert body["error"]["additionalInfo"] == [{"type": "RegenerationOutcome", "info": {"outcome": "Unknown"}}]
    assert status_json(instance("r1", runtime_status, None), None)["error"]["code"] == code


@pytest.mark.parametrize("runtime_status", ["TERMINATED", "FAILED", "COMPLETED"])
@pytest.mark.parametrize(
    ("orchestrator", "told"), [("rotate_key", True), ("regenerate_key", True), ("repair_secrets", False)]
)
def test_what_ended_without_a_word_leaves_the_key_in_doubt(orchestrator: str, told: bool, runtime_status: str) -> None:
    """Whoever ended it, the key may have changed, and the error says so; a repair regenerates nothing."""
    _, body, _ = result_error(instance("r1", runtime_status, None, name=orchestrator))
    unknown = [{"type": "RegenerationOutcome", "info": {"outcome": "Unknown"}}]
    assert body["error"].get("additionalInfo", []) == (unknown if told else [])


def test_an_ended_one_without_a_word_is_a_defect() -> None:
    """COMPLETED without an output: 500."""
    assert result_error(instance(shown=None))[0] == 500


def test_what_only_the_app_needs_is_left_out() -> None:
    """Status, headers and retriable are ours."""
    assert shown_error(failure(NotProven("m"))) == {"code": "NotProven", "message": "m"}
