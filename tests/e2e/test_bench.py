"""The bench still runs: what it measures is not looked at here."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from bench.processes import Cloud

pytestmark = pytest.mark.own_host

ROOT = Path(__file__).resolve().parents[2]


def test_a_quick_run_measures_everything_and_writes_nothing() -> None:
    """`python -m bench --quick` ends well and leaves the results of the last whole run alone."""
    results = ROOT / "bench" / "results.md"
    before = results.read_bytes()
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick"], cwd=ROOT, capture_output=True, text=True, timeout=230, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    for title in ("Start", "Latency", "Throughput", "Memory", "Rotation", "Regeneration under the guard", "Reaction"):
        assert f"\n## {title}\n" in run.stdout
    assert results.read_bytes() == before


def test_the_cloud_alone_delivers_no_events() -> None:
    """Thousands of regenerations tell nobody: what cannot be delivered is tried again and again, and measured, too."""
    with Cloud() as cloud:
        assert requests.get(f"{cloud.control.url}/events/delivery", timeout=10).json() == {"held": True}
