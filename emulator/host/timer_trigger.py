"""Timer triggers: fire on schedule, at the start if asked, never one function twice at once."""

import asyncio
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from emulator.host.errors import StartError
from emulator.host.functions import Function
from emulator.host.schedule import Schedule, parse_schedule
from emulator.host.triggers import HostContext, TriggerListener

_log = logging.getLogger("emulator.host")
# Wake up this often, so that a step of the system's clock, or a sleep of the machine, is noticed.
_LONGEST_SLEEP = 30.0
_STEP_BACK = timedelta(minutes=1)
_LATE = timedelta(seconds=1)
_MONITORED_FROM = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class Timer:
    """One timer function, its schedule, and when it last fired."""

    function: Function
    schedule: Schedule
    run_on_startup: bool
    use_monitor: bool | None
    last: datetime | None = None


class TimerTrigger(TriggerListener):
    """Runs timer functions. Times are in UTC unless WEBSITE_TIME_ZONE names another zone, as in Azure."""

    def __init__(self, context: HostContext, clock: Callable[[], datetime] | None = None) -> None:
        super().__init__(context)
        zone = _time_zone()
        self._clock = clock or (lambda: datetime.now(zone))
        self._timers: dict[str, Timer] = {}
        self._loops: list[asyncio.Task[None]] = []

    def add(self, function: Function) -> None:
        """Take in a timer function; StartError for a malformed schedule."""
        trigger = function.trigger
        try:
            schedule = parse_schedule(trigger.text("schedule"))
        except ValueError as error:
            raise StartError(f"The schedule of the timer function {function.name} is malformed: {error}.") from None
        use_monitor = trigger.properties.get("useMonitor")
        self._timers[function.id] = Timer(
            function=function,
            schedule=schedule,
            run_on_startup=trigger.properties.get("runOnStartup") is True,
            use_monitor=use_monitor if isinstance(use_monitor, bool) else None,
        )

    async def start(self) -> None:
        """Start the clock of each timer."""
        self._loops = [
            asyncio.create_task(self._run(timer), name=f"timer {timer.function.name}")
            for timer in self._timers.values()
        ]

    async def stop(self) -> None:
        """Fire no more; invocations that run go on."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    def run_now(self, function: Function, value: str) -> None:
        """Run a timer function at once, beside its schedule, as the real host does."""
        self._fire(self._timers[function.id], past_due=False, reason="This function was programmatically called")

    async def _run(self, timer: Timer) -> None:
        if timer.run_on_startup:
            await self._complete(self._fire(timer, past_due=False, reason="Timer fired at start"))
        since = self._clock()
        while True:
            due = await self._wait(timer, since)
            if due is None:
                _log.warning("The schedule of the timer %s names no moment: it never fires.", timer.function.name)
                return
            late = self._clock() - due > _LATE
            await self._complete(self._fire(timer, past_due=late, reason=f"Timer fired at {due.isoformat()}"))
            now = self._clock()
            # What fell due while the function ran is skipped (webjobs-sdk-extensions, TimerListener). A small step
            # back of the clock must not fire the same moment twice; a large one is followed.
            since = now if now > due or due - now > _STEP_BACK else due

    async def _wait(self, timer: Timer, since: datetime) -> datetime | None:
        """Sleep until the first moment of the schedule after `since`, and return that moment."""
        due = timer.schedule.after(since)
        seen = since
        while due is not None:
            now = self._clock()
            if seen - now > _STEP_BACK:
                due = timer.schedule.after(now)
                if due is None:
                    break
            seen = now
            remaining = (due - now).total_seconds()
            if remaining <= 0:
                return due
            await asyncio.sleep(min(remaining, _LONGEST_SLEEP))
        return None

    def _fire(self, timer: Timer, *, past_due: bool, reason: str) -> asyncio.Task[object]:
        now = self._clock()
        data = self.context.invoker.protos.TypedData(json=json.dumps(self._payload(timer, now, past_due=past_due)))
        timer.last = now
        return self.context.invoker.spawn(timer.function, data, reason=reason)

    async def _complete(self, invocation: asyncio.Task[object]) -> None:
        # Shielded: stopping the timer leaves the invocation running.
        await asyncio.shield(asyncio.wait([invocation]))

    def _payload(self, timer: Timer, now: datetime, *, past_due: bool) -> dict[str, object]:
        """Return TimerInfo as the host serializes it; a schedule is monitored from one minute's spacing on."""
        upcoming = timer.schedule.after(now)
        following = timer.schedule.after(upcoming) if upcoming else None
        spacing = following - upcoming if upcoming and following else _MONITORED_FROM
        monitored = spacing >= _MONITORED_FROM if timer.use_monitor is None else timer.use_monitor
        status: dict[str, str] | None = None
        if monitored:
            never = datetime.min.replace(tzinfo=UTC)
            last = timer.last or never
            status = {
                "Last": last.isoformat(),
                "LastUpdated": last.isoformat(),
                "Next": (upcoming or never).isoformat(),
            }
        return {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}


def _time_zone() -> tzinfo:
    name = os.environ.get("WEBSITE_TIME_ZONE")
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise StartError(f"WEBSITE_TIME_ZONE names {name!r}, which is not a time zone.") from None
