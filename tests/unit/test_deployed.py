"""What is deployed: .funcignore leaves the app, and neither the emulator nor anything else of a developer's."""

import fnmatch

from tests.support.committed import committed_files
from tests.support.emulator import PROJECT_ROOT

DEPLOYED = {".funcignore", "LICENSE", "README.md", "function_app.py", "host.json", "requirements.txt", "shared"}


def left_by(patterns: list[str], names: set[str]) -> set[str]:
    """Return the names at the top that no pattern leaves out."""
    return {name for name in names if not any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)}


def test_only_the_app_is_deployed() -> None:
    """Whatever comes to stand at the top is left out, or named here on purpose."""
    names = {name.partition("/")[0] for name in committed_files()}
    assert "emulator" in names
    patterns = (PROJECT_ROOT / ".funcignore").read_text("utf-8").split()
    assert left_by(patterns, names) == DEPLOYED & names


def test_what_no_pattern_names_would_be_seen() -> None:
    """The test above fails for a directory that .funcignore does not know."""
    assert left_by([".git*", "docs"], {".gitignore", "docs", "emulator"}) == {"emulator"}
