"""One call for all who wait for it: who asks gets the result of a call that began after they had asked.

What is read that way is as fresh as if each had called by themselves, and however many ask at once, at most two calls
serve them: the one that runs is too old for whoever comes later, and the next one serves all of those.
"""

import asyncio
from collections.abc import Awaitable, Callable


class SharedCall[T]:
    """Shares the calls of `call`; for one event loop.

    An error reaches all who waited for that call. Who is cancelled leaves the others their call.
    """

    def __init__(self, call: Callable[[], Awaitable[T]]) -> None:
        self._call = call
        self._next: asyncio.Future[T] | None = None
        self._runner: asyncio.Task[None] | None = None

    async def result(self) -> T:
        """Return what a call returns that begins from now on, or raise what it raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name="shared call")
        # shielded: the future is everybody's, and who is cancelled must not cancel it
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """End the call that runs; whoever waits is cancelled."""
        runner = self._runner
        if runner is not None:
            runner.cancel()
            await asyncio.gather(runner, return_exceptions=True)

    async def _run(self) -> None:
        """Make one call after the other as long as somebody waits for the next one."""
        current: asyncio.Future[T] | None = None
        try:
            while (current := self._next) is not None:
                # who asks from here on is served by the next one
                self._next = None
                try:
                    result = await self._call()
                except Exception as error:  # noqa: BLE001  # it is raised where it is waited for
                    current.set_exception(error)
                    # nobody may be left to hear of it, and that is no leak
                    current.exception()
                else:
                    current.set_result(result)
        finally:
            self._runner = None
            for waiting in (current, self._next):
                if waiting is not None:
                    waiting.cancel()
            self._next = None
