"""The timer loop against a clock that the test holds."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.host.errors import StartError
from emulator.host.functions import Binding, Function
from emulator.host.timer_trigger import TimerTrigger
from emulator.host.triggers import HostContext

START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


class Clock:
    """Wall clock and sleep: sleeping moves it on; `on_sleep` may meddle with it."""

    def __init__(self) -> None:
        self.now = START
        self.on_sleep: Callable[[], None] = lambda: None
        self.sleeps: list[float] = []

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Be later at once."""
        self.sleeps.append(seconds)
        self.now += timedelta(seconds=seconds)
        self.on_sleep()
        await _yield()


class Invoker:
    """Records invocations, each of which takes `takes` seconds of the clock; fails the test after `limit`."""

    def __init__(self, clock: Clock, *, takes: float = 0, limit: int = 3) -> None:
        self.protos = SimpleNamespace(TypedData=lambda json: json)  # pyright: ignore[reportUnknownLambdaType] - the JSON is all that is looked at
        self.fired: list[tuple[datetime, dict[str, Any]]] = []
        self.enough = asyncio.Event()
        self._clock, self._takes, self._limit = clock, takes, limit

    def spawn(self, function: Function, data: str, *, reason: str) -> asyncio.Task[object]:
        """Stand for Invoker.spawn."""
        assert function.name
        assert reason
        self.fired.append((self._clock.now, json.loads(data)))
        if len(self.fired) >= self._limit:
            self.enough.set()

        async def run() -> object:
            self._clock.now += timedelta(seconds=self._takes)
            await _yield()
            return None

        return asyncio.create_task(run())


_real_sleep = asyncio.sleep


async def _yield() -> None:
    await _real_sleep(0)


def timer_function(**properties: object) -> Function:
    """Return a timer function with these properties of its trigger."""
    trigger = Binding("timer", "timerTrigger", "IN", properties)
    return Function("id", "tick", trigger, (trigger,))


async def run_timer(
    monkeypatch: pytest.MonkeyPatch, clock: Clock, invoker: Invoker, **properties: object
) -> list[tuple[datetime, dict[str, Any]]]:
    """Run a timer until the invoker has had enough; return when it fired and with what."""
    monkeypatch.setattr("emulator.host.timer_trigger.asyncio.sleep", clock.sleep)
    trigger = TimerTrigger(cast("HostContext", SimpleNamespace(invoker=invoker)), clock)
    trigger.add(timer_function(**properties))
    await trigger.start()
    await invoker.enough.wait()
    await trigger.stop()
    return invoker.fired


async def test_it_fires_at_each_moment_of_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither early nor twice, and with a status that tells the last and the next time."""
    clock = Clock()
    fired = await run_timer(monkeypatch, clock, Invoker(clock), schedule="0 */5 * * * *")
    assert [moment for moment, _ in fired] == [START + timedelta(minutes=5 * n) for n in (1, 2, 3)]
    assert fired[1][1] == {
        "Schedule": {"AdjustForDST": True},
        "ScheduleStatus": {
            "Last": "2026-01-01T12:05:00+00:00",
            "LastUpdated": "2026-01-01T12:05:00+00:00",
            "Next": "2026-01-01T12:15:00+00:00",
        },
        "IsPastDue": False,
    }


async def test_a_schedule_below_a_minute_has_no_status_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the monitor of the real trigger: its default depends on the spacing."""
    for properties, monitored in (({}, False), ({"useMonitor": True}, True)):
        clock = Clock()
        fired = await run_timer(monkeypatch, clock, Invoker(clock), schedule="*/10 * * * * *", **properties)
        assert (fired[0][1]["ScheduleStatus"] is not None) is monitored
    clock = Clock()
    fired = await run_timer(monkeypatch, clock, Invoker(clock), schedule="0 * * * * *", useMonitor=False)
    assert fired[0][1]["ScheduleStatus"] is None


async def test_what_falls_due_while_it_runs_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of 25 seconds on a schedule of 10 leaves out two."""
    clock = Clock()
    fired = await run_timer(monkeypatch, clock, Invoker(clock, takes=25), schedule="*/10 * * * * *")
    assert [(moment - START).total_seconds() for moment, _ in fired] == [10, 40, 70]


async def test_run_on_startup_fires_before_the_first_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And then on schedule."""
    clock = Clock()
    fired = await run_timer(monkeypatch, clock, Invoker(clock, limit=2), schedule="0 0 * * * *", runOnStartup=True)
    assert [(moment - START).total_seconds() for moment, _ in fired] == [0, 3600]


async def test_it_is_past_due_when_the_machine_slept_over_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It fires once, late, and says so."""
    clock = Clock()

    def oversleep() -> None:
        clock.on_sleep = lambda: None
        clock.now += timedelta(minutes=7)

    clock.on_sleep = oversleep
    fired = await run_timer(monkeypatch, clock, Invoker(clock, limit=2), schedule="0 */5 * * * *")
    assert [payload["IsPastDue"] for _, payload in fired] == [True, False]
    assert fired[1][0] == START + timedelta(minutes=10)


async def test_a_small_step_back_of_the_clock_does_not_fire_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """NTP may set the clock back by a second just after the timer has fired."""
    clock = Clock()
    fired = await run_timer(monkeypatch, clock, Invoker(clock, takes=-1), schedule="0 */5 * * * *")
    assert [(moment - START).total_seconds() for moment, _ in fired] == [300, 600, 900]


async def test_a_large_step_back_of_the_clock_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was days ahead must not silence the timer for days."""
    clock = Clock()

    def step_back() -> None:
        clock.on_sleep = lambda: None
        clock.now -= timedelta(days=2)

    clock.on_sleep = step_back
    fired = await run_timer(monkeypatch, clock, Invoker(clock, limit=1), schedule="0 */5 * * * *")
    assert fired[0][0] == START - timedelta(days=2) + timedelta(minutes=5)


async def test_it_looks_at_the_clock_every_half_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """However far the moment is."""
    clock = Clock()
    await run_timer(monkeypatch, clock, Invoker(clock, limit=1), schedule="0 0 13 * * *")
    assert max(clock.sleeps) <= 30


@pytest.mark.parametrize("schedule", [None, "", "nonsense", 5])
def test_a_malformed_schedule_keeps_the_host_from_starting(schedule: object) -> None:
    """The line names the function."""
    trigger = TimerTrigger(cast("HostContext", SimpleNamespace()), Clock())
    with pytest.raises(StartError, match=r"tick|string"):
        trigger.add(timer_function(schedule=schedule))


def test_an_unknown_time_zone_keeps_the_host_from_starting(monkeypatch: pytest.MonkeyPatch) -> None:
    """WEBSITE_TIME_ZONE is an IANA name here."""
    monkeypatch.setenv("WEBSITE_TIME_ZONE", "Middle/Earth")
    with pytest.raises(StartError, match="Middle/Earth"):
        TimerTrigger(cast("HostContext", SimpleNamespace()))
