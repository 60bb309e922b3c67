"""Which attempt was the last: found among any number of them, with few looks."""

import pytest

from shared.rotation.attempts import last_attempt
from tests.support.rotation_engine import FakeEngine, instance


def engine(count: int) -> FakeEngine:
    """Return an engine with that many attempts."""
    return FakeEngine().add(*(instance(f"a{number}") for number in range(count)))


async def test_where_nothing_was_tried_there_is_none() -> None:
    """One look tells."""
    empty = engine(0)
    assert await last_attempt(empty, lambda number: f"a{number}") is None
    assert empty.looks == 1


@pytest.mark.parametrize("count", [*range(1, 40), 90, 127, 128, 129, 1000, 3650])
async def test_the_last_one_is_found(count: int) -> None:
    """However many there were, a few looks do: two for one attempt, and two dozen for one a day in ten years."""
    known = engine(count)
    found = await last_attempt(known, lambda number: f"a{number}")
    assert found is not None
    number, last = found
    assert (number, last.id) == (count - 1, f"a{count - 1}")
    assert known.looks <= 2 * count.bit_length() + 1
    if count == 1:
        assert known.looks == 2


async def test_after_the_first_one_is_purged_the_count_begins_anew() -> None:
    """What is left of earlier attempts is passed over once the new ones come to it."""
    known = engine(4)
    del known.instances["a0"]
    assert await last_attempt(known, lambda number: f"a{number}") is None
    known.add(instance("a0"))
    found = await last_attempt(known, lambda number: f"a{number}")
    assert found is not None
    assert found[0] == 3
