"""Sharing one call among all who wait for it: freshness, errors, cancellation, and the end."""

import asyncio

import pytest

from shared.azure_clients.shared_call import SharedCall


class Calls:
    """Calls that last until they are let go; each returns its number, or raises what stands under that number."""

    def __init__(self) -> None:
        self.made = 0
        self.errors: dict[int, Exception] = {}
        self.gates: list[asyncio.Event] = []

    async def __call__(self) -> int:
        """Make the next call."""
        self.made += 1
        number = self.made
        self.gates.append(asyncio.Event())
        await self.gates[-1].wait()
        if number in self.errors:
            raise self.errors[number]
        return number

    async def until(self, made: int) -> None:
        """Wait until so many calls were made."""
        while self.made < made:  # noqa: ASYNC110  # turns of the loop, no time
            await asyncio.sleep(0)


def ask(shared: SharedCall[int], times: int) -> list[asyncio.Task[int]]:
    """Ask so many times at once."""
    return [asyncio.create_task(shared.result()) for _ in range(times)]


async def test_who_asks_while_a_call_runs_shares_the_next_one() -> None:
    """The one that runs began before they asked; it serves those who were there when it began."""
    calls = Calls()
    shared = SharedCall(calls)
    early = ask(shared, 3)
    await calls.until(1)
    late = ask(shared, 50)
    await asyncio.sleep(0)
    calls.gates[0].set()
    assert await asyncio.gather(*early) == [1] * 3
    await calls.until(2)
    assert not any(each.done() for each in late)
    calls.gates[1].set()
    assert await asyncio.gather(*late) == [2] * 50
    assert calls.made == 2


async def test_who_asks_after_a_call_has_ended_gets_a_new_one() -> None:
    """Nothing is kept."""
    calls = Calls()
    shared = SharedCall(calls)
    for number in (1, 2, 3):
        (asked,) = ask(shared, 1)
        await calls.until(number)
        calls.gates[-1].set()
        assert await asked == number


async def test_who_is_cancelled_leaves_the_others_their_call() -> None:
    """The first one who asked goes: the call goes on, for the others."""
    calls = Calls()
    shared = SharedCall(calls)
    first, second = ask(shared, 2)
    await calls.until(1)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    calls.gates[0].set()
    assert await second == 1
    assert first.cancelled()


async def test_an_error_reaches_all_who_waited_and_nobody_else() -> None:
    """Each gets the error of their call; the next call is made all the same."""
    calls = Calls()
    calls.errors[1] = ValueError("first")
    shared = SharedCall(calls)
    early = ask(shared, 3)
    await calls.until(1)
    late = ask(shared, 3)
    await asyncio.sleep(0)
    calls.gates[0].set()
    assert await asyncio.gather(*early, return_exceptions=True) == [calls.errors[1]] * 3
    await calls.until(2)
    calls.gates[1].set()
    assert await asyncio.gather(*late) == [2] * 3


async def test_an_error_that_nobody_waits_for_any_more_is_no_leak() -> None:
    """All who asked are gone when it fails: nothing is left behind, and the next one is served."""
    calls = Calls()
    calls.errors[1] = ValueError("first")
    shared = SharedCall(calls)
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    (asked,) = ask(shared, 1)
    await calls.until(1)
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    calls.gates[0].set()
    (again,) = ask(shared, 1)
    await calls.until(2)
    calls.gates[1].set()
    assert await again == 2
    assert complaints == []


async def test_the_end_ends_the_call_and_whoever_waits() -> None:
    """The one that runs and the next one are cancelled; closing twice, or unused, is nothing."""
    calls = Calls()
    shared = SharedCall(calls)
    early = ask(shared, 1)
    await calls.until(1)
    late = ask(shared, 1)
    await asyncio.sleep(0)
    await shared.close()
    await shared.close()
    for each in (*early, *late):
        with pytest.raises(asyncio.CancelledError):
            await each
    assert calls.made == 1
    await SharedCall(calls).close()
