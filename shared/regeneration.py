"""The synchronous use case: regenerate one key of one resource, once, and say truthfully what has become of it.

What is tried again stands here and nowhere else (the SDK's own retry of this POST is switched off, see
azure_clients/management.py):

- No connection was made, so ARM cannot have heard of it: asked again after 0.2 s, and once more after 0.8 s.
- The outcome is unknown (the connection was lost, ARM failed, or its answer makes no sense): a blind second call
  could replace a key that was just issued. Only where the caller said with If-Match which key is to be replaced
  can the two cases be told apart: `listKeys` is watched for 5 s. If the key has changed, the step is done; if it
  has not, ARM is asked once more. Without If-Match the caller gets the error, which says that the outcome is
  unknown.
- Reading (`listKeys`) changes nothing: it is repeated like a call without a connection, also when ARM failed.
- Throttling is the caller's to judge, and is passed on at once; but the steps of an orchestration, for which nobody
  waits, wait out a Retry-After of a few seconds (`Patience.longest_retry_after`).
- Everything else (ARM's refusals, a refused token) is passed on at once, too.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared import retry_after
from shared.clock import utc_now
from shared.errors import (
    AppError,
    ArmError,
    DeadlineExceeded,
    PreconditionFailed,
    RegenerationOutcome,
    UnexpectedError,
    UpstreamFailed,
    UpstreamUnreachable,
)
from shared.parameters import KeyType
from shared.redaction import AccessKey
from shared.resource_id import ResourceId
from shared.telemetry import metrics
from shared.telemetry.names import Attribute
from shared.telemetry.spans import code_of, span

_TOO_MANY = 429


class KeyManagement(Protocol):
    """What the use case needs of Azure Resource Manager."""

    async def regenerate_key(
        self, resource: ResourceId, key_type: KeyType, *, request_id: str, on_send: Callable[[], None]
    ) -> AccessKey:
        """Regenerate a key with one call and return the new one.

        `on_send` is called when the request is about to leave: from then on the key may have changed.

        Raises:
            ArmError: each with the outcome as far as this call can know it.
            ManagedIdentityUnavailable: nothing was sent.
        """
        ...

    async def list_keys(self, resource: ResourceId, *, request_id: str) -> Mapping[KeyType, AccessKey]:
        """Return the keys as they are now.

        Raises:
            ArmError: ARM refused, failed or could not be reached.
            ManagedIdentityUnavailable: nothing was sent.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often, and after how many seconds, things are tried again; the longest Retry-After that is waited for."""

    again_after: tuple[float, ...] = (0.2, 0.8)
    calls: int = 2
    settling_time: float = 5.0
    look_every: float = 0.5
    longest_retry_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Regeneration:
    """A request to regenerate: which key of which resource, and which fingerprints it may have now (None: any).

    `trigger` says what made the request, for the metrics: `http`, `event`, `timer` or `revocation`.
    """

    resource: ResourceId
    key_type: KeyType
    if_match: frozenset[str] | None = None
    request_id: str
    trigger: str = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerated:
    """A key that was regenerated."""

    resource: ResourceId
    key_type: KeyType
    key: AccessKey
    at: datetime

    def to_json(self) -> dict[str, object]:
        """Return the answer of the regenerate routes: `CommunicationServiceKeys`, redacted, and what was done."""
        return {
            **self.key.redacted(self.key_type),
            "keyType": self.key_type.value,
            "fingerprint": self.key.fingerprint,
            "resourceId": str(self.resource),
            "regeneratedAt": self.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            # without a Key Vault nobody delivers the key: consumers read it from ARM themselves
            "delivery": {"status": "NotConfigured", "secrets": []},
        }


def not_matching(key_type: KeyType) -> PreconditionFailed:
    """Return the error for a key that has another fingerprint than If-Match says."""
    return PreconditionFailed(
        f"The {key_type} key does not have the fingerprint that If-Match names: it has been regenerated since. "
        "Nothing was changed.",
        target="If-Match",
    )


def throttled_for(error: AppError) -> int:
    """Return the seconds that Azure asks to wait because of throttling, or 0 where it does not."""
    return (retry_after.seconds(error.headers) or 0) if error.status == _TOO_MANY else 0


@dataclass(slots=True)
class _Progress:
    """What may have become of the key so far."""

    in_flight: bool = False
    # the first call of which nobody knows what it did; no later call can take that back
    doubtful: AppError | None = None

    @property
    def outcome(self) -> RegenerationOutcome:
        unknown = self.in_flight or self.doubtful is not None
        return RegenerationOutcome.UNKNOWN if unknown else RegenerationOutcome.NOT_REGENERATED

    def sending(self) -> None:
        self.in_flight = True

    def failed(self, error: AppError) -> None:
        self.in_flight = False
        if error.outcome is RegenerationOutcome.UNKNOWN and self.doubtful is None:
            self.doubtful = error


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerator:
    """Regenerates keys directly, one ARM call for one request.

    Args:
        keys: the management API.
        deadline: seconds that one request may take in all.
        now: gives the time in UTC.
        sleep: waits for so many seconds.
    """

    keys: KeyManagement
    deadline: float
    patience: Patience = field(default_factory=Patience)
    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def regenerate(
        self, request: Regeneration, *, allowed: Callable[[AccessKey], Awaitable[None]] | None = None
    ) -> Regenerated:
        """Regenerate the key and return the new one.

        `allowed` is asked right before each call, with the key that is to be replaced, and raises an AppError where
        that must not be; it needs a request with If-Match, which looks at the key first.

        Raises:
            PreconditionFailed: If-Match names none of the key's fingerprints; nothing was changed.
            DeadlineExceeded: with the outcome as far as it is known.
            ArmError: with the outcome, wherever the key may have changed.
            ManagedIdentityUnavailable: nothing was changed.
        """
        asked = {
            Attribute.RESOURCE_ID: str(request.resource),
            Attribute.KEY_TYPE: request.key_type.value,
            Attribute.TRIGGER: request.trigger,
        }
        with span("regenerate_key", asked) as told:
            try:
                regenerated = await self._regenerate(request, allowed)
            except BaseException as error:
                outcome = _outcome_of(error)
                told.tell({Attribute.OUTCOME: outcome})
                metrics.key_regenerated(request.key_type.value, outcome, request.trigger, code_of(error))
                raise
            outcome = RegenerationOutcome.REGENERATED.value
            told.tell({Attribute.OUTCOME: outcome, Attribute.FINGERPRINT: regenerated.key.fingerprint})
            metrics.key_regenerated(request.key_type.value, outcome, request.trigger)
        return regenerated

    async def _regenerate(
        self, request: Regeneration, allowed: Callable[[AccessKey], Awaitable[None]] | None
    ) -> Regenerated:
        progress = _Progress()
        try:
            async with asyncio.timeout(self.deadline):
                before = await self._require_match(request)
                key = await self._regenerate_once(request, progress, _unless(allowed, before))
        except TimeoutError:
            raise DeadlineExceeded(
                f"Azure did not answer within {self.deadline:g} s (REQUEST_DEADLINE_SECONDS). "
                + _ADVICE[progress.outcome],
                outcome=progress.outcome,
            ) from None
        except AppError:
            raise
        except Exception as error:
            raise UnexpectedError(outcome=progress.outcome) from error
        return Regenerated(resource=request.resource, key_type=request.key_type, key=key, at=self.now())

    async def _require_match(self, request: Regeneration) -> AccessKey | None:
        if request.if_match is None:
            return None
        current = await self._again(
            lambda: self._current(request), lambda error: isinstance(error, (UpstreamFailed, UpstreamUnreachable))
        )
        if current is None or current.fingerprint not in request.if_match:
            raise not_matching(request.key_type)
        return current

    async def _regenerate_once(
        self, request: Regeneration, progress: _Progress, allowed: Callable[[], Awaitable[None]]
    ) -> AccessKey:
        """Ask ARM, and where nobody knows whether it did, find out before asking again."""
        for _ in range(self.patience.calls):
            try:
                return await self._connect_and_ask(request, progress, allowed)
            except AppError:
                if progress.doubtful is None or request.if_match is None:
                    raise
            now = await self._watch(request)
            if now is None:
                break
            if now.fingerprint not in request.if_match:
                return now
        raise progress.doubtful or AssertionError("only a doubtful call comes this far")

    async def _connect_and_ask(
        self, request: Regeneration, progress: _Progress, allowed: Callable[[], Awaitable[None]]
    ) -> AccessKey:
        async def ask() -> AccessKey:
            await allowed()
            try:
                return await self.keys.regenerate_key(
                    request.resource, request.key_type, request_id=request.request_id, on_send=progress.sending
                )
            except AppError as error:
                progress.failed(error)
                raise

        return await self._again(ask, lambda error: isinstance(error, UpstreamUnreachable) and not error.sent)

    async def _watch(self, request: Regeneration) -> AccessKey | None:
        """Watch the key for the settling time and return it as it is at the end, or as soon as it has changed.

        None where the last look failed: nobody then knows, and ARM must not be asked again.
        """
        now = None
        for look in range(round(self.patience.settling_time / self.patience.look_every) + 1):
            if look:
                await self.sleep(self.patience.look_every)
            try:
                now = await self._current(request)
            except AppError:
                now = None
            if now is not None and now.fingerprint not in (request.if_match or ()):
                break
        return now

    async def _current(self, request: Regeneration) -> AccessKey | None:
        keys = await self.keys.list_keys(request.resource, request_id=request.request_id)
        return keys.get(request.key_type)

    async def _again[T](self, call: Callable[[], Awaitable[T]], worthwhile: Callable[[ArmError], bool]) -> T:
        """Make a call, and make it again after each pause as long as its error makes that worthwhile."""
        for pause in self.patience.again_after:
            try:
                return await call()
            except ArmError as error:
                asked_for = throttled_for(error)
                if not (worthwhile(error) or 0 < asked_for <= self.patience.longest_retry_after):
                    raise
            await self.sleep(max(pause, asked_for))
        return await call()


def _outcome_of(error: BaseException) -> str:
    """Return what is known of the key after an error; one that is not ours (a cancellation) leaves it open."""
    if not isinstance(error, AppError):
        return RegenerationOutcome.UNKNOWN.value
    return (error.outcome or RegenerationOutcome.NOT_REGENERATED).value


def _unless(
    allowed: Callable[[AccessKey], Awaitable[None]] | None, before: AccessKey | None
) -> Callable[[], Awaitable[None]]:
    async def ask() -> None:
        if allowed is not None and before is not None:
            await allowed(before)

    return ask


_ADVICE = {
    RegenerationOutcome.NOT_REGENERATED: "The key was not regenerated; the request can be sent again.",
    RegenerationOutcome.UNKNOWN: "Whether the key was regenerated is not known: compare its fingerprint, or send "
    "the request again with If-Match.",
}
