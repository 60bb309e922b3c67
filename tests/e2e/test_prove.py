"""The proof still runs: a few cells of the fault matrix, histories, the search for secrets, hostile input and load."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.reactions import eventually

pytestmark = pytest.mark.own_host

ROOT = Path(__file__).resolve().parents[2]


TITLES = {
    "matrix": "Fault matrix",
    "properties": "Properties",
    "secrecy": "Secrecy",
    "hostile": "Hostile input",
    "throttled": "Throttled load",
    "load": "Load and growth",
}


@pytest.mark.parametrize("parts", ["matrix", "properties", "secrecy,hostile,throttled", "load"])
def test_a_quick_run_holds_and_writes_nothing(parts: str) -> None:
    """`python -m prove --quick` ends well, tells its parts in order, and leaves the page of the last whole run."""
    page = ROOT / "docs" / "reliability.md"
    before = page.read_bytes() if page.exists() else None
    run = subprocess.run(  # noqa: S603  # this very project
        [sys.executable, "-m", "prove", "--quick", "--only", parts],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=230,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    told = re.findall(r"^## (.+)\n\nHolds\.$", run.stdout, re.MULTILINE)
    assert told == [TITLES[part] for part in parts.split(",")]
    assert (page.read_bytes() if page.exists() else None) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_that_runs_side_by_side(number: signal.Signals) -> None:
    """Sent to the first process alone, as `kill` does, it ends with 128 + its number and leaves no process behind."""
    command = [sys.executable, "-m", "prove", "--only", "secrecy,throttled"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdout=pipe, text=True, start_new_session=True) as run:  # noqa: S603
        assert run.stdout is not None
        begun = {run.stdout.readline().partition(":")[0] for _ in range(2)}
        assert begun == {"secrecy", "throttled"}
        eventually(lambda: len(_session(run.pid)) > 5, "the processes of the app and of the cloud")
        run.send_signal(number)
        assert run.wait(60) == 128 + number
    eventually(lambda: not _session(run.pid), "the end of all processes")


def _session(leader: int) -> list[int]:
    """Return the processes of a session."""
    told = subprocess.run(["/bin/ps", "-A", "-o", "pid="], capture_output=True, text=True, check=True).stdout
    found: list[int] = []
    for pid in map(int, told.split()):
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(pid) == leader:
                found.append(pid)
    return found


def test_an_unknown_part_is_refused() -> None:
    """The message names the parts that there are."""
    run = subprocess.run(
        [sys.executable, "-m", "prove", "--only", "nothing"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 2
    assert "matrix" in run.stderr
