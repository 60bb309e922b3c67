"""`--help` of what takes long says what it will do."""

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("prove", ["matrix", "The fault matrix: every remote call", "hostile", "Hostile input", "load"]),
        ("bench", ["startup", "(a) How long from the start", "reaction", "(g) How soon the app acts"]),
        ("tests.outside", ["--host", "plain, direct", "npm install -g azure-functions-core-tools@4 azurite"]),
    ],
)
def test_help_tells_the_parts_and_how_it_ends(module: str, told: list[str]) -> None:
    """Each part with what it is about, examples, and the exit codes."""
    command = [sys.executable, "-m", module, "--help"]
    shown = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own module
    assert [text for text in (*told, "Exit code: 0", "130") if text not in shown] == []
