"""Nothing that is committed holds a key or a token: the tests make theirs when they run."""

import re

import pytest

from tests.support.committed import committed_files
from tests.support.emulator import PROJECT_ROOT

# Communication Services' two shapes of keys, and JSON Web Tokens
_SHAPES = re.compile(
    r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==|[A-Za-z0-9]{52}JQQJ99[A-Za-z0-9]{18}"
    r"|eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
)
# of checksums
_LOCKS = {"package-lock.json"}


def findings(text: str) -> list[str]:
    """Return the first characters of whatever looks like a key or a token."""
    return [match[0][:6] for match in _SHAPES.finditer(text)]


def test_no_committed_file_holds_a_key_or_a_token() -> None:
    """Every file that git knows is searched, documents and recorded histories included."""
    files = [PROJECT_ROOT / name for name in committed_files()]
    assert len(files) > 100
    texts = {
        str(path.relative_to(PROJECT_ROOT)): path.read_text("utf-8")
        for path in files
        if path.exists() and path.name not in _LOCKS
    }
    assert {name: found for name, text in texts.items() if (found := findings(text))} == {}


@pytest.mark.parametrize("planted", ["A" * 86 + "==", "b" * 52 + "JQQJ99" + "C" * 18, ".".join(["eyJ" + "a" * 20] * 3)])
def test_a_planted_one_is_found(planted: str) -> None:
    """Each shape is seen, wherever it stands."""
    assert findings(f'KEY = "{planted}"\n') == [planted[:6]]
