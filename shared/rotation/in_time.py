"""A bound on what a request waits for Durable Functions, and what goes wrong there in our words.

A call to the engine has no end of its own: where its storage is slow, so is it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from shared.errors import AppError, DeadlineExceeded, RegenerationOutcome, UnexpectedError


def deadline_in(seconds: float) -> float:
    """Return the time of the event loop in so many seconds."""
    return asyncio.get_running_loop().time() + seconds


@asynccontextmanager
async def in_time(deadline: float, *, outcome: RegenerationOutcome | None = None) -> AsyncGenerator[None]:
    """Ask the engine within, until the deadline.

    Args:
        deadline: as `deadline_in` gives it.
        outcome: of an error that leaves it open what has become of a key; None where no key is in question.

    Raises:
        DeadlineExceeded: it did not answer in time.
        UnexpectedError: it failed in a way that is not ours.
    """
    try:
        async with asyncio.timeout_at(deadline):
            yield
    except AppError:
        raise
    except TimeoutError:
        raise DeadlineExceeded(
            "Durable Functions did not answer in time (REQUEST_DEADLINE_SECONDS). The request can be sent again; with "
            "the same Repeatability-Request-ID it finds what it has started.",
            outcome=outcome,
        ) from None
    except Exception as error:
        raise UnexpectedError(outcome=outcome) from error
