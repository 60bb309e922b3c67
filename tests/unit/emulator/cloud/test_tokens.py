"""Issued tokens are recognised, and no more of them are kept than need be."""

from emulator.cloud.defaults import SYSTEM_ASSIGNED
from emulator.cloud.tokens import Tokens


def test_only_issued_tokens_are_found() -> None:
    """A token is found by its value, whole; its value does not show in a representation."""
    tokens = Tokens()
    token = tokens.issue("https://a", SYSTEM_ASSIGNED)
    assert tokens.find(token.value) is token
    assert tokens.find(token.value[:-1]) is None
    assert token.value not in repr(token)


def test_the_oldest_tokens_are_forgotten() -> None:
    """Ten thousand are kept, so that a long benchmark does not grow the process."""
    tokens = Tokens()
    first = tokens.issue("https://a", SYSTEM_ASSIGNED)
    second = tokens.issue("https://a", SYSTEM_ASSIGNED)
    for _ in range(9_999):
        tokens.issue("https://a", SYSTEM_ASSIGNED)
    assert tokens.find(first.value) is None
    assert tokens.find(second.value) is second
