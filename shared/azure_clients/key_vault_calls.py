"""One call to Key Vault: what went wrong in our words, and what is tried again.

Reading, and everything else that may be repeated, is repeated twice within a second or so where Key Vault throttled,
failed, could not be reached or refused the token; `Retry-After` is waited for if it is short, else passed on.
"""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientConnectorError, ConnectionTimeoutError
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.pipeline import PipelineResponse

from shared import retry_after
from shared.azure_clients.calls import SDK_ERRORS, answered, azure_call, body_of
from shared.azure_clients.credential import Credential
from shared.azure_clients.key_vault_answers import (
    connection_failed,
    from_status,
    is_no_such_secret,
    is_page,
    not_the_api,
    not_the_vault,
)
from shared.errors import AppError, ManagedIdentityUnavailable
from shared.key_vault_errors import KeyVaultError, KeyVaultUnavailable
from shared.telemetry.spans import Told

# what is asked of Key Vault
METHODS = {
    "getSecret": "GET",
    "setSecret": "PUT",
    "updateSecret": "PATCH",
    "listSecrets": "GET",
    "listVersions": "GET",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Pauses and bounds, in seconds; `at_once` is a number of requests.

    The read timeout starts anew with each byte, so `longest_call` bounds what a call, or a listing with all its pages,
    takes in all.
    """

    again_after: tuple[float, ...] = (0.2, 0.8)
    longest_retry_after: float = 5.0
    connection_timeout: float = 5.0
    read_timeout: float = 15.0
    # three attempts of it fit into what the host gives a function (host.json)
    longest_call: float = 60.0
    at_once: int = 8


class NoSuchSecret(Exception):
    """Key Vault said SecretNotFound: no secret of that name, or no such version."""


class KeyVaultCalls:
    """Makes calls; each is a function that takes the SDK's call options and makes one request, or one listing."""

    def __init__(
        self, url: str, credential: Credential, patience: Patience, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._url = url
        self._credential = credential
        self._patience = patience
        self._sleep = sleep

    async def again[T](
        self, operation: str, call: Callable[..., Awaitable[T]], *, secret: str | None, changes: bool = False
    ) -> T:
        """Make a call that may be repeated, and repeat it where that is worthwhile; see `once`."""
        for pause in self._patience.again_after:
            try:
                return await self.once(operation, call, secret=secret, changes=changes)
            except KeyVaultUnavailable as error:
                unavailable = error
            await self.wait(unavailable, pause)
        return await self.once(operation, call, secret=secret, changes=changes)

    async def wait(self, error: KeyVaultUnavailable, pause: float) -> None:
        """Wait before the next attempt, as long as Key Vault says; raise the error where that would be too long."""
        asked_for = retry_after.seconds(error.headers)
        if asked_for is None or asked_for > self._patience.longest_retry_after:
            raise error
        await self._sleep(max(pause, asked_for))

    async def once[T](
        self, operation: str, call: Callable[..., Awaitable[T]], *, secret: str | None, changes: bool
    ) -> T:
        """Make one call, and tell what went wrong in our words.

        Args:
            operation: one of `METHODS`; the answers of one that lists must be pages.
            call: takes the SDK's call options.
            secret: the name of the secret that it is about, or None.
            changes: whether it changes something.

        Raises:
            NoSuchSecret, KeyVaultError, ManagedIdentityUnavailable: the last one without an outcome.
        """
        with azure_call(f"keyvault.{operation}", METHODS[operation], self._url) as told:
            answer = await self._once(operation, call, secret=secret, changes=changes, told=told)
        # that there is none is an answer, and no failure of the call
        if isinstance(answer, NoSuchSecret):
            raise answer
        return answer

    async def _once[T](
        self, operation: str, call: Callable[..., Awaitable[T]], *, secret: str | None, changes: bool, told: Told
    ) -> T | NoSuchSecret:
        pages = operation.startswith("list")
        statuses: list[int] = []

        def saw(response: PipelineResponse[Any, Any]) -> None:
            statuses.append(response.http_response.status_code)
            # the SDK takes an answer that is no page for an empty one, and no secrets for no consumers
            if pages and response.http_response.status_code == 200 and not is_page(body_of(response.http_response)):
                raise ValueError("not a page")

        try:
            async with asyncio.timeout(self._patience.longest_call):
                return await call(raw_response_hook=saw)
        except ManagedIdentityUnavailable as error:
            # its outcome speaks of a key's regeneration, which this is not
            failure: AppError | NoSuchSecret = ManagedIdentityUnavailable(error.message)
        except TimeoutError:
            failure = connection_failed(sent=True, reason="TimeoutError", secret=secret, changes=changes)
        except SDK_ERRORS as error:
            if not statuses and not isinstance(error, (AzureError, ValueError, zlib.error)):
                # a defect on this side, before anything left: not to be dressed up as Key Vault's
                raise
            failure = _translated(error, statuses, secret=secret, changes=changes)
        finally:
            answered(told, statuses[-1] if statuses else None)
        if isinstance(failure, NoSuchSecret):
            return failure
        if statuses[-1:] == [401]:
            await self._credential.forget()
        # raised out here so that the SDK's exception, which may quote a value, does not hang on ours as its context
        raise failure


def _translated(
    error: Exception, statuses: Sequence[int], *, secret: str | None, changes: bool
) -> KeyVaultError | NoSuchSecret:
    # azure-core types the response loosely
    response: Any = error.response if isinstance(error, HttpResponseError) else None
    if response is not None:
        status, body = int(response.status_code or 0), body_of(response)
        # a listing that answers so is nothing that its API knows
        if status == 404 and secret is not None and is_no_such_secret(body):
            return NoSuchSecret()
        return from_status(status, response.headers, body, secret=secret, changes=changes)
    if isinstance(error, AzureError):
        # azure-core calls every network error of aiohttp a ServiceRequestError; aiohttp's own type says whether there
        # ever was a connection
        cause = error.__cause__ or error
        sent = not isinstance(cause, (ClientConnectorError, ConnectionTimeoutError))
        return connection_failed(sent=sent, reason=type(cause).__name__, secret=secret, changes=changes)
    # a body that is not encoded as it says fails within the transport, before its status is seen
    if statuses[-1:] in ([], [401]) and not isinstance(error, zlib.error):
        # the challenge policy's ValueError, on a challenge that came now or that was kept
        return not_the_vault(secret=secret)
    return not_the_api(secret=secret, changes=changes)


async def all_of[T](calls: Sequence[Callable[[], Awaitable[T]]], at_once: int) -> list[T]:
    """Make the calls, some at once, and return what they return, in order; the first error ends the others."""
    limit = asyncio.Semaphore(at_once)

    async def one(call: Callable[[], Awaitable[T]]) -> T:
        async with limit:
            return await call()

    tasks = [asyncio.create_task(one(call)) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
