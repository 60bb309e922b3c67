"""The summary of a run: each finding is counted once, under its own name."""

import pytest

from shared.rotation.findings import Finding, Summary

STARTED = {Finding.ROTATION: "rotations", Finding.REPAIR: "repairs"}
NAMES = {
    Finding.SOUND: "sound",
    Finding.HELD: "held",
    Finding.WAITING: "waiting",
    Finding.RUNNING: "running",
    Finding.LATER: "later",
    Finding.NOT_ALLOWED: "notAllowed",
    Finding.FAILED: "failed",
    Finding.LEFT: "left",
}


@pytest.mark.parametrize("finding", list(Finding))
def test_each_finding_has_a_name_of_its_own(finding: Finding) -> None:
    """And counts for nothing else."""
    told = Summary.of([finding] * 2, secrets=5, released=1, purged=3).to_json()
    assert told["started"] == {name: 2 if finding is each else 0 for each, name in STARTED.items()}
    assert {name: told[name] for name in NAMES.values()} == {
        name: 2 if finding is each else 0 for each, name in NAMES.items()
    }
    assert (told["secrets"], told["resources"], told["released"], told["purged"]) == (5, 2, 1, 3)
    assert len(told) == 5 + len(NAMES)


def test_what_is_not_known_is_null() -> None:
    """Neither zero secrets nor zero purged orchestrations."""
    told = Summary.of([], secrets=None, released=0, purged=None).to_json()
    assert (told["secrets"], told["purged"], told["resources"]) == (None, None, 0)
