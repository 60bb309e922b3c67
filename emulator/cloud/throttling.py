"""ARM's throttling: a bucket of tokens for each subscription, from which every write takes one. Off until asked for.

Source: learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling: writes of a
subscription have a bucket of 200, refilled at 10 a second; POST actions count as writes. The real buckets are one for
each principal and region, too; here a subscription has one.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

CAPACITY = 200
REFILL_PER_SECOND = 10.0
# What is left of the 1,200 writes an hour of the older regime: what the header says where nothing is counted.
_UNCOUNTED = "1199"
_REMAINING = "x-ms-ratelimit-remaining-subscription-writes"


@dataclass(frozen=True, slots=True)
class Limits:
    """How many writes may come at once, and how many a second in the long run; both positive."""

    capacity: int = CAPACITY
    refill_per_second: float = REFILL_PER_SECOND


@dataclass(frozen=True, slots=True)
class Taken:
    """What has become of a write: its headers; `retry_after` seconds, or None where it may go on."""

    headers: Mapping[str, str]
    retry_after: int | None = None


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttling:
    """The buckets; `clock` is a monotonic one, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limits: Limits | None = None
        self._last = Limits()
        self._buckets: dict[str, _Bucket] = {}

    def switch_on(self, limits: Limits) -> None:
        """Count from now on, with full buckets."""
        self._limits = self._last = limits
        self._buckets.clear()

    def switch_off(self) -> None:
        """Let everything pass, as at the start."""
        self._limits = None
        self._buckets.clear()

    def as_json(self) -> dict[str, object]:
        """Return whether writes are counted, and the limits that are in force, or were last."""
        return {
            "enabled": self._limits is not None,
            "capacity": self._last.capacity,
            "refillPerSecond": self._last.refill_per_second,
        }

    def take(self, subscription: str) -> Taken:
        """Take a token of a subscription, whose id may be in any case, for one write; a refusal takes none."""
        limits = self._limits
        if limits is None:
            return Taken({_REMAINING: _UNCOUNTED})
        now = self._clock()
        bucket = self._buckets.setdefault(subscription.lower(), _Bucket(limits.capacity, now))
        bucket.tokens = min(limits.capacity, bucket.tokens + (now - bucket.at) * limits.refill_per_second)
        bucket.at = now
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) / limits.refill_per_second)
            return Taken({_REMAINING: "0", "Retry-After": str(max(seconds, 1))}, retry_after=max(seconds, 1))
        bucket.tokens -= 1
        return Taken({_REMAINING: str(math.floor(bucket.tokens))})
