"""The buckets of ARM's throttling, on a clock that is moved by hand."""

from emulator.cloud.throttling import Limits, Throttling

REMAINING = "x-ms-ratelimit-remaining-subscription-writes"


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def throttled(**limits: float) -> tuple[Throttling, Clock]:
    """Return buckets of 3 tokens, or as given, refilled at 2 a second."""
    clock = Clock()
    throttling = Throttling(clock)
    throttling.switch_on(Limits(int(limits.get("capacity", 3)), limits.get("refill", 2.0)))
    return throttling, clock


def test_as_many_pass_at_once_as_the_bucket_holds() -> None:
    """Each takes one, and is told what is left; the next one is to wait until there is one again."""
    throttling, clock = throttled()
    assert [throttling.take("s").headers for _ in range(3)] == [{REMAINING: left} for left in "210"]
    refused = throttling.take("s")
    assert (refused.retry_after, refused.headers) == (1, {REMAINING: "0", "Retry-After": "1"})
    clock.now += 0.5
    assert throttling.take("s").retry_after is None
    assert throttling.take("s").retry_after == 1


def test_a_refusal_takes_nothing() -> None:
    """Whoever asks too early does not make it later for the others."""
    throttling, clock = throttled()
    assert [throttling.take("s").retry_after for _ in range(50)] == [None] * 3 + [1] * 47
    clock.now += 1.0
    assert [throttling.take("s").retry_after for _ in range(3)] == [None, None, 1]


def test_a_bucket_never_holds_more_than_it_can() -> None:
    """After a long pause the burst is as large as the first one."""
    throttling, clock = throttled()
    throttling.take("s")
    clock.now += 3600
    assert [throttling.take("s").retry_after for _ in range(4)] == [None] * 3 + [1]


def test_a_slow_refill_asks_for_a_long_wait() -> None:
    """Retry-After is in whole seconds, and enough."""
    throttling, clock = throttled(capacity=1, refill=0.3)
    throttling.take("s")
    assert throttling.take("s").retry_after == 4
    clock.now += 4
    assert throttling.take("s").retry_after is None


def test_each_subscription_has_a_bucket() -> None:
    """Its id may be in any case."""
    throttling, _ = throttled(capacity=1)
    assert [throttling.take(name).retry_after for name in ("a", "A", "b")] == [None, 1, None]


def test_it_is_off_until_it_is_switched_on() -> None:
    """Nothing is counted, and the header says what the older regime would; switched on again, buckets are full."""
    throttling = Throttling(Clock())
    assert [throttling.take("s").headers for _ in range(500)] == [{REMAINING: "1199"}] * 500
    throttling.switch_on(Limits(1))
    throttling.take("s")
    assert throttling.take("s").retry_after == 1
    throttling.switch_on(Limits(1))
    assert throttling.take("s").retry_after is None
    throttling.switch_off()
    assert throttling.take("s").retry_after is None
    assert throttling.as_json() == {"enabled": False, "capacity": 1, "refillPerSecond": 10.0}
