"""How the hosts outside are given the app's settings."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.outside.hosts import FuncStart
from tests.outside.run import Outcome, kept_scrubbed
from tests.support.fakes import LEGACY_KEY
from tests.support.outside import DEBUG, PLAIN, SETUPS, Setup

_VALUES = {"FUNCTIONS_WORKER_RUNTIME": "python", "ARM_ENDPOINT": "https://localhost:1", "SSL_CERT_FILE": "/ca.pem"}


def _written(directory: Path, setup: Setup) -> tuple[dict[str, str], dict[str, str]]:
    environment = FuncStart().prepare(directory, _VALUES, setup)
    return json.loads((directory / "local.settings.json").read_text("utf-8"))["Values"], environment


def test_func_start_reads_the_settings_from_local_settings_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that were printed are there, and none in the environment, which Core Tools let win."""
    monkeypatch.setenv("ARM_ENDPOINT", "https://mine")
    monkeypatch.setenv("MINE", "yes")
    written, environment = _written(tmp_path, PLAIN)
    assert _VALUES.items() <= written.items()
    assert written.keys() & environment.keys() == set()
    assert environment["MINE"] == "yes"


def test_func_start_runs_the_worker_on_this_environment(tmp_path: Path) -> None:
    """The active virtual environment is this one, first on PATH."""
    _, environment = _written(tmp_path, PLAIN)
    assert environment["VIRTUAL_ENV"] == sys.prefix
    assert environment["PATH"].split(os.pathsep)[0] == f"{sys.prefix}/bin"


def test_each_run_has_a_task_hub_of_its_own(tmp_path: Path) -> None:
    """Letters and digits, at most 45, as Azure Storage wants them; no name comes twice."""
    name = "AzureFunctionsJobHost__extensions__durableTask__hubName"
    hubs = [_written(tmp_path, setup)[0][name] for setup in SETUPS.values() for _ in range(2)]
    assert all(hub.isalnum() and hub[0].isalpha() and 3 <= len(hub) <= 45 for hub in hubs)
    assert len(set(hubs)) == 2 * len(SETUPS)


def test_debug_lines_are_asked_of_the_host_too(tmp_path: Path) -> None:
    """Only where the setup wants them: elsewhere host.json says what is logged."""
    level = "AzureFunctionsJobHost__logging__logLevel__default"
    assert _written(tmp_path, DEBUG)[0][level] == "Debug"
    assert level not in _written(tmp_path, PLAIN)[0]


def test_logs_are_kept_without_keys(tmp_path: Path) -> None:
    """Also when the run fails: what is left of the log can be shown to anybody."""
    log, kept = tmp_path / "host.log", tmp_path / "logs" / "plain.log"

    def fail() -> None:
        with kept_scrubbed(log, kept):
            log.write_text(f"endpoint=https://h/;accesskey={LEGACY_KEY}\nand so on\n", encoding="utf-8")
            raise OSError("in the midst")

    with pytest.raises(OSError, match="in the midst"):
        fail()
    assert kept.read_text("utf-8") == "endpoint=https://h/;accesskey=REDACTED\nand so on\n"


@pytest.mark.parametrize(("passed", "failed", "is_good"), [(1, 0, True), (0, 0, False), (9, 1, False)])
def test_a_setup_is_good_if_tests_ran_and_all_passed(passed: int, failed: int, is_good: bool) -> None:
    """Skipped ones count for nothing."""
    assert Outcome("plain", passed, failed, skipped=5).is_good is is_good
