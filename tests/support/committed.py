"""What git knows of this project."""

import shutil
import subprocess

import pytest

from tests.support.emulator import PROJECT_ROOT


def committed_files() -> list[str]:
    """Return the path of every file that git knows, from the project's root; skips the test where there is no git."""
    git = shutil.which("git")
    if git is None or not (PROJECT_ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    listed = subprocess.run(  # noqa: S603  # git, as the path has it
        [git, "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    ).stdout
    return [name for name in listed.split("\0") if name]
