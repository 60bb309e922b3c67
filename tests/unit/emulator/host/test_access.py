"""Which key opens which level."""

import pytest

from emulator.host.access import AccessKeys

KEYS = AccessKeys(function="f", system="s", master="m")


@pytest.mark.parametrize(
    ("level", "opening"),
    [("anonymous", {"", "f", "s", "m", "x"}), ("function", {"f", "m"}), ("system", {"s", "m"}), ("admin", {"m"})],
)
def test_a_level_opens_to_its_keys(level: str, opening: set[str]) -> None:
    """The master key opens all, the system key no function."""
    assert {key for key in ("", "f", "s", "m", "x") if KEYS.allow(level, key)} == opening


@pytest.mark.parametrize("key", ["é", "\udcff", "f\0"])
def test_any_text_can_be_presented(key: str) -> None:
    """It is merely wrong."""
    assert not KEYS.allow("function", key)


def test_keys_are_random_and_not_shown() -> None:
    """Neither by repr, nor twice the same."""
    one, other = AccessKeys.random(), AccessKeys.random()
    assert len({*one.as_dict().values(), *other.as_dict().values()}) == 6
    assert not any(key in repr(one) for key in one.as_dict().values())
