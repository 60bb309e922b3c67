"""A bound on what a request waits for Durable Functions, and what goes wrong there in our words.

A call to the engine has no end of its own: where its storage is slow, so is it.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import grpc

from shared.errors import (
    AppError,
    DeadlineExceeded,
    DurableFunctionsUnavailable,
    RegenerationOutcome,
    UnexpectedError,
)

_logger = logging.getLogger(__name__)


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
        DurableFunctionsUnavailable: it failed, or could not be reached.
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
    except grpc.aio.AioRpcError as error:
        _logger.warning("Durable Functions failed: %s: %s", error.code().name, error.details())
        raise DurableFunctionsUnavailable(
            "Durable Functions, in which the app keeps its state, failed or could not be reached. Send the request "
            "again; with the same Repeatability-Request-ID it finds what it has started. If it stays so, look at the "
            "app's storage account.",
            outcome=outcome,
        ) from None
    except Exception as error:
        raise UnexpectedError(outcome=outcome) from error
