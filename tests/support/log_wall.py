"""What the wall around log and spans has to hold back, and what would give it away."""

import pytest

from tests.support.fakes import CASK_KEY, JWT, LEGACY_KEY

SECRETS = pytest.mark.parametrize("secret", [LEGACY_KEY, CASK_KEY, JWT], ids=["legacy", "cask", "token"])


class Discreet(Exception):
    """An exception that says nothing of its arguments."""

    def __str__(self) -> str:
        return "discreet"


class Mute:
    """Something that cannot be shown."""

    def __repr__(self) -> str:
        raise TypeError
