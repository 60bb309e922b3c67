"""`python -m tests.outside`: the e2e tests against a host that they have not started themselves."""

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.emulator import PROJECT_ROOT

pytestmark = pytest.mark.own_host


def _run(port: int, logs: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    options = ["--host", "emulated", "--setup", "direct", "--port", str(port), "--logs", str(logs), *arguments]
    command = [sys.executable, "-m", "tests.outside", *options]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, timeout=230, check=False)  # noqa: S603 - our own module


@pytest.fixture
def port() -> int:
    """A port that nobody serves."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


def test_tests_run_against_a_host_that_was_started_apart(port: int, tmp_path: Path) -> None:
    """Those that were asked for pass there and no other host is started; the logs that are left hold no key."""
    run = _run(port, tmp_path, "-k", "if_match or curl_examples")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "\ndirect: 2 passed, 0 failed, 1 are for another setup or host\n" in run.stdout
    told = (tmp_path / "direct.log").read_text("utf-8")
    assert told.count('"outcome": "Regenerated"') == 2
    assert "regenerateKey" in (tmp_path / "direct-cloud.log").read_text("utf-8")
    assert not re.search(r"[A-Za-z0-9+/]{86}==", told)


def test_a_run_without_a_test_is_no_success(port: int, tmp_path: Path) -> None:
    """Nothing passed, nothing proven: exit code 1."""
    run = _run(port, tmp_path, "-k", "no_test_has_this_name")
    assert run.returncode == 1
    assert "\ndirect: 0 passed, 0 failed, 0 are for another setup or host\n" in run.stdout


def test_a_host_that_does_not_start_is_told(tmp_path: Path) -> None:
    """With the host's own last words."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = _run(port, tmp_path)
    assert run.returncode == 1
    assert "error: the host has ended with exit code 3. The end of what it said:\n" in run.stderr
    assert f"port {port} on 127.0.0.1 is in use by another process" in run.stderr
