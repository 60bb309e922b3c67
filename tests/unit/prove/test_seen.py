"""The judge of the fault matrix: each way in which a cell can be wrong is seen, and a good one is not blamed."""

from dataclasses import replace
from typing import Any

import pytest

from prove.cells import Call, Cell
from prove.fault_kinds import FaultKind
from prove.seen import DIRECT, Seen, fingerprint, wrong

_KEYS = {"Primary": "p" * 20, "Secondary": "s" * 20}
_PASSING, _LASTING = FaultKind("503", {"status": 503}), FaultKind("403", {"status": 403}, passes=False)


def _cell(workload: str, kind: FaultKind = _LASTING, *, for_ever: bool = False) -> Cell:
    return Cell(workload, Call("arm", "regenerateKey", 1), kind, for_ever)


def _error(outcome: str | None = None) -> dict[str, Any]:
    info = [{"type": "RegenerationOutcome", "info": {"outcome": outcome}}] if outcome else []
    return {"code": "Conflict", "message": "", "additionalInfo": info}


def _rotated(**changes: Any) -> Seen:
    told = {
        "status": "Succeeded",
        "fingerprints": {"new": fingerprint(_KEYS["Secondary"])},
        "secrets": ["https://v/secrets/a/1"],
        "revocation": {"status": "Done", "proof": "Dead"},
    }
    seen = Seen(
        told=told,
        regenerated=["Secondary", "Primary"],
        keys=_KEYS,
        published=_KEYS["Secondary"],
        old_alive=False,
        probes=10,
        next_told={"status": "Succeeded"},
        next_regenerated=["Primary"],
    )
    return replace(
        seen, **{name: value for name, value in changes.items() if name != "told"}, told=told | changes.get("told", {})
    )


def _failed(outcome: str | None, regenerated: list[str], **changes: Any) -> Seen:
    told = {"status": "Failed", "error": _error(outcome), "revocation": {"status": "NotRequested"}}
    return _rotated(told=told, regenerated=regenerated, old_alive=True, published=_KEYS["Primary"], **changes)


def _regenerated(**changes: Any) -> Seen:
    told = {"fingerprint": fingerprint(_KEYS["Secondary"]), "delivery": {"status": "NotPublished"}}
    seen = _rotated(regenerated=["Secondary"], published=_KEYS["Primary"], old_alive=True)
    return replace(seen, **({"status": 200, "told": told} | changes))


def test_a_rotation_that_did_all_that_it_tells_is_not_blamed() -> None:
    """Succeeded and revoked, or failed with a true outcome."""
    assert wrong(_cell("rotation"), _rotated()) == []
    assert wrong(_cell("rotation"), _failed(None, [])) == []
    assert wrong(_cell("rotation"), _failed("Regenerated", ["Secondary"])) == []
    assert wrong(_cell("rotation"), _failed("Unknown", ["Secondary"])) == []
    assert wrong(_cell("rotation"), _failed("Unknown", [])) == []


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (_rotated(regenerated=["Secondary", "Secondary", "Primary"]), "regenerated 2 times"),
        (_rotated(regenerated=["Secondary"]), "old key was regenerated 0 times"),
        (_rotated(published=_KEYS["Primary"]), "does not publish"),
        (_rotated(told={"fingerprints": {"new": "sha256:0"}}), "fingerprint of another key"),
        (_rotated(told={"secrets": []}), "no secret is told"),
        (_rotated(old_alive=True), "the old key is alive"),
        (_rotated(alive=False), "published key is dead"),
        (_rotated(told={"revocation": {"status": "NotRequested"}}), "no revocation after success"),
        (_rotated(told={"revocation": {"status": "Failed", "error": _error()}}), "no outcome, and the old key"),
        (_rotated(held_by=["x"]), "guard is still held by x"),
        (_rotated(refused=["after 3 probes"]), "refused 1 times"),
        (_rotated(leaks=["a token"]), "leak: a token"),
        (_rotated(recovered=None), "never came to publish"),
        (_rotated(next_told={"status": "Failed"}), "next rotation did not succeed"),
        (_rotated(next_alive=False), "next rotation did not succeed"),
        (_rotated(next_regenerated=["Primary", "Primary"]), "next rotation regenerated"),
        (_rotated(hit=False), "befell nothing"),
        (_rotated(ended=False), "did not end"),
        (_failed(None, ["Secondary"]), "no outcome, and the free key was regenerated 1 times"),
        (_failed("NotRegenerated", ["Secondary"]), "regenerated 1 times"),
        (_failed("Regenerated", []), "regenerated 0 times"),
        (_failed("Unknown", ["Secondary", "Secondary"]), "regenerated 2 times"),
        (_failed("Nonsense", []), "tells ['Nonsense']"),
        (_failed(None, ["Primary"]), "the old key was regenerated"),
    ],
)
def test_what_is_wrong_with_a_rotation_is_said(seen: Seen, said: str) -> None:
    """Each promise that is broken has its sentence."""
    assert said in "; ".join(wrong(_cell("rotation"), seen))


def test_a_fault_that_passes_must_not_end_a_rotation_or_leave_its_proof_open() -> None:
    """Once; for ever is another matter, since it is lifted at no certain moment."""
    cell = _cell("rotation", _PASSING)
    unproven = _rotated(told={"revocation": {"status": "Done", "proof": "Unavailable"}})
    assert "a fault that passes" in wrong(cell, _failed(None, []))[0]
    assert "not proven" in wrong(cell, unproven)[0]
    assert wrong(_cell("rotation", _PASSING, for_ever=True), _failed(None, [])) == []
    assert wrong(_cell("rotation"), unproven) == []


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (_regenerated(), ""),
        (_regenerated(regenerated=["Secondary", "Secondary"]), "regenerated 2 times"),
        (_regenerated(regenerated=["Primary", "Secondary"]), "another key was regenerated"),
        (_regenerated(told={"fingerprint": "sha256:0", "delivery": {"status": "NotPublished"}}), "another key"),
        (_regenerated(status=502, told={"error": _error("Unknown")}), ""),
        (_regenerated(status=502, told={"error": _error()}), "tells no outcome"),
        (_regenerated(status=502, told={}), "without an error code"),
        (_regenerated(status=302, told={"error": _error("Unknown")}), "with the status 302"),
        (_regenerated(alive=False), "NotPublished, and the secret publishes the dead key"),
    ],
)
def test_what_is_wrong_with_a_regenerate_is_said(seen: Seen, said: str) -> None:
    """The answer must be that of the key, and an error tell what has become of it."""
    found = "; ".join(wrong(_cell("regenerate"), seen))
    assert (said in found) if said else not found


def test_a_vault_that_says_a_secret_is_gone_is_believed() -> None:
    """What the secret publishes is no fault of the answer then; it must still be mended after."""
    cell = Cell("repair", Call("keyvault", "getSecret", 1), FaultKind("404", {"status": 404}, passes=False), False)
    seen = _rotated(regenerated=[], alive=False)
    assert wrong(cell, seen) == []
    assert "never came" in wrong(cell, replace(seen, recovered=None))[0]
    assert wrong(replace(cell, kind=_LASTING), seen) != []


def test_a_delivered_key_is_published_and_alive() -> None:
    """A forced regenerate that says Delivered must have delivered."""
    told = {"fingerprint": fingerprint(_KEYS["Primary"]), "delivery": {"status": "Delivered"}}
    seen = _regenerated(regenerated=["Primary"], told=told)
    assert wrong(_cell("forced regenerate"), seen) == []
    assert "Delivered, and" in wrong(_cell("forced regenerate"), replace(seen, published="other"))[0]
    assert "Delivered, and" in wrong(_cell("forced regenerate"), replace(seen, alive=False))[0]


def test_without_a_vault_nothing_comes_after() -> None:
    """A direct regenerate is judged by its answer and the keys alone."""
    told = {"fingerprint": fingerprint(_KEYS["Secondary"]), "delivery": {"status": "NotConfigured"}}
    assert wrong(_cell(DIRECT), _regenerated(told=told, next_told={}, next_regenerated=[])) == []


def test_a_repair_regenerates_nothing_and_leaves_a_live_key() -> None:
    """Or it says why not."""
    good = _rotated(regenerated=[])
    assert wrong(_cell("repair"), good) == []
    assert "a repair regenerated" in wrong(_cell("repair"), replace(good, regenerated=["Primary"]))[0]
    assert "publishes a dead key" in wrong(_cell("repair"), replace(good, alive=False))[0]
    assert wrong(_cell("repair"), _failed(None, [])) == []
    assert "a fault that passes" in wrong(_cell("repair", _PASSING), _failed(None, []))[0]
