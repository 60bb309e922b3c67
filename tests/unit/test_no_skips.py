"""`--no-skips`, tried on test modules of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

_RUN = (
    "import sys, pytest; from tests.support.no_skips import NoSkips;"
    "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-p', 'no:asyncio', '-p', 'no:anyio',"
    "'-p', 'no:schemathesis', *sys.argv[1:]], plugins=[NoSkips()]))"
)


def _run(directory: Path, source: str, *options: str) -> subprocess.CompletedProcess[str]:
    (directory / "pytest.ini").write_text("[pytest]\n")
    (directory / "test_it.py").write_text(f"import pytest\n{source}\n")
    return subprocess.run(  # noqa: S603 -- this interpreter
        [sys.executable, "-c", _RUN, str(directory / "test_it.py"), *options],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "source",
    [
        "def test_a(): pytest.skip('because')",
        "@pytest.mark.skip(reason='because')\ndef test_a(): pass",
        "@pytest.mark.xfail(reason='because')\ndef test_a(): assert False",
        "@pytest.mark.xfail(reason='because')\ndef test_a(): pass",
        "pytest.skip('because', allow_module_level=True)",
    ],
)
def test_what_did_not_really_run_fails_the_run(tmp_path: Path, source: str) -> None:
    """Skips and expected failures of every kind are listed with their reason, and the exit status is not 0."""
    outcome = _run(tmp_path, f"def test_good(): pass\n{source}")
    assert outcome.returncode != 0, outcome.stdout
    assert "--no-skips: these did not really run" in outcome.stdout
    assert "because" in outcome.stdout.split("--no-skips")[1]


@pytest.mark.parametrize(
    "source", ["def test_a(): pytest.skip('because')", "pytest.skip('because', allow_module_level=True)"]
)
def test_what_did_not_run_in_another_process_fails_the_run(tmp_path: Path, source: str) -> None:
    """Tests that run side by side are watched, too."""
    outcome = _run(tmp_path, f"def test_good(): pass\n{source}", "-n", "2")
    assert outcome.returncode != 0, outcome.stdout
    assert "because" in outcome.stdout.split("--no-skips")[1]


def test_a_run_without_skips_passes(tmp_path: Path) -> None:
    """Where everything ran the option changes nothing."""
    outcome = _run(tmp_path, "def test_good(): pass")
    assert outcome.returncode == 0, outcome.stdout
    assert "--no-skips" not in outcome.stdout
