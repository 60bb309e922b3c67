"""Which attempt at one matter was the last: attempts have numbers, and their ids follow from them."""

from collections.abc import Callable

from shared.rotation.engine import Engine
from shared.rotation.status import Instance

# one a day at the least is never so many before the first ones are purged
_MOST = 1 << 14


async def last_attempt(engine: Engine, id_of: Callable[[int], str]) -> tuple[int, Instance] | None:
    """Return the number of the last attempt, and its orchestration, or None where there was none.

    Args:
        engine: where the attempts were started.
        id_of: gives the instance id of the attempt with a number; the first is 0.

    Numbers have no gap as long as the first attempt is there, so the last one is found by bisection: two looks for
    what was tried once, and some two dozen at the most. Once the first one has been purged, the count begins anew.
    """
    first = await engine.find(id_of(0))
    if first is None:
        return None
    number, last, missing = 0, first, _MOST
    step = 1
    while number + step < missing:
        further = await engine.find(id_of(number + step))
        if further is None:
            missing = number + step
            step = max((missing - number) // 2, 1)
        else:
            number, last = number + step, further
            step = step * 2 if missing == _MOST else max((missing - number) // 2, 1)
    return number, last
