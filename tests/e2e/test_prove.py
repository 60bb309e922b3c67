"""The proof still runs: a few cells of the fault matrix, histories, the search for secrets, and hostile input."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.own_host

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("part", "title"),
    [
        ("matrix", "Fault matrix"),
        ("properties", "Properties"),
        ("secrecy", "Secrecy"),
        ("hostile", "Hostile input"),
    ],
)
def test_a_quick_run_holds_and_writes_nothing(part: str, title: str) -> None:
    """`python -m prove --quick` ends well, and leaves the page of the last whole run alone."""
    page = ROOT / "docs" / "reliability.md"
    before = page.read_bytes() if page.exists() else None
    run = subprocess.run(  # noqa: S603  # this very project
        [sys.executable, "-m", "prove", "--quick", "--only", part],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"\n## {title}\n\nHolds.\n" in run.stdout
    assert (page.read_bytes() if page.exists() else None) == before


def test_an_unknown_part_is_refused() -> None:
    """The message names the parts that there are."""
    run = subprocess.run(
        [sys.executable, "-m", "prove", "--only", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "matrix" in run.stderr
