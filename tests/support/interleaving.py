"""Several orchestrations of one world, advanced one action at a time, in whatever order somebody else chooses."""

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from durabletask.task import TaskFailedError

from shared.rotation.model import Json, utc_time
from tests.support.orchestration import GUARD_KEY, Action, Durable, Run, copied
from tests.support.rotation import World

# what changes keys or secrets, and is the holder's alone
CHANGES = ("regenerate_key_once", "publish_key", "disable_superseded")
# three of them end a claim
_LONG = timedelta(minutes=20)


class Interleaved(Durable):
    """`Durable`, without an order of its own.

    `mishaps` befall the next activities, one each: `now` (the result is lost, it runs again), `late` (the result
    counts, and it runs once more whenever that is chosen), `dies` (it has its effect, and the engine tells of a
    failure), `none`. `acting` is the input of the activity that runs now; it is `belated` where an outage came
    in between since the claim, or nobody waits for it any more.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.check = lambda: None
        self.mishaps: deque[str] = deque()
        self.acting: Json | None = None
        self.belated = False
        self.lingering: list[tuple[str, Json]] = []
        self.decisions: dict[str, str] = {}
        # when each orchestration has last had a key noted as in grace
        self.noted: dict[str, datetime] = {}
        # orchestrations that an outage has kept from going on: their claims may have ended unseen
        self.starved: set[str] = set()
        self.on_activity: Callable[[Run | None, str, Json], None] = _unwatched
        self.on_decision: Callable[[Run, str], None] = _unheard

    def ready(self) -> list[tuple[Run, Action]]:
        """Return what can be done now, what was asked for first first."""
        now = self.world.clock.now.replace(tzinfo=None)
        found = list(self._todo())
        found += [
            (run, each)
            for run in self._running()
            for each in run.open()
            if each.kind == "timer" and datetime.fromisoformat(each.input) <= now
        ]
        return sorted(found, key=lambda each: each[1].asked)

    async def act(self, number: int) -> bool:
        """Do one of the things that can be done, counted round and round; False where there is nothing.

        At the end of what can be done stands what is left running of the past.
        """
        ready = self.ready()
        if not ready and not self.lingering:
            return False
        chosen = number % (len(ready) + len(self.lingering))
        if chosen < len(ready):
            await self._act(*ready[chosen])
        else:
            await self._linger(self.lingering[chosen - len(ready)])
        return True

    async def rest(self, until: datetime | None = None) -> None:
        """Do everything in its time until nothing is left to do, or until a time, which it then is."""
        for _ in range(20_000):
            if await self.act(0):
                continue
            timers = [each.input for run in self._running() for each in run.open() if each.kind == "timer"]
            at = min((datetime.fromisoformat(each).replace(tzinfo=UTC) for each in timers), default=None)
            if at is None or (until is not None and at > until):
                break
            self.world.clock.now = max(self.world.clock.now, at)
        else:
            raise AssertionError("there is no rest: something goes round in circles")
        if until is not None:
            self.world.clock.now = max(self.world.clock.now, until)

    def outage(self, lasts: timedelta) -> None:
        """Let time pass in which nothing runs."""
        if lasts < _LONG:
            self.world.clock.tick(lasts)
            return
        over = (self.world.clock.now + lasts).replace(tzinfo=None)
        for run in self._running():
            waits = any(each.kind != "event" for each in run.open() if each.kind != "timer")
            if waits or any(each.kind == "timer" and datetime.fromisoformat(each.input) < over for each in run.open()):
                self.starved.add(run.instance_id)
        self.world.clock.tick(lasts)

    def kill(self, instance_id: str, *, lingers: bool) -> None:
        """Terminate an orchestration; an activity that it waits for may run on, unheard."""
        run = self.runs[instance_id]
        self.terminate(instance_id)
        if lingers:
            self.lingering += [(each.name, copied(each.input)) for each in run.open() if each.kind == "activity"]

    def decide(self, instance_id: str, decision: str) -> None:
        """Raise the event `decision`, and remember the first one that was heard."""
        run = self.runs[instance_id]
        heard = not run.ended and any(each.kind == "event" for each in run.open())
        if heard and self.decisions.setdefault(instance_id, decision) == decision:
            self.on_decision(run, decision)
        super().decide(instance_id, decision)

    async def _act(self, run: Run, action: Action) -> None:
        if action.kind == "timer":
            await self._done(run, action, None)
        elif action.kind != "activity":
            if action.name.endswith(".schedule"):
                self.noted[run.instance_id] = self.world.clock.now
            await self._do(run, action)
        elif action.name == "publish_event":
            await self._done(run, action, {"ok": {"status": "Published"}})
        else:
            self._require_claim(run, action)
            self.belated = run.instance_id in self.starved
            mishap = self.mishaps.popleft() if self.mishaps else "none"
            result = await self._take(run, action.name, action.input)
            if mishap == "now":
                result = await self._take(run, action.name, action.input)
            elif mishap == "late":
                self.lingering.append((action.name, copied(action.input)))
            if mishap == "dies":
                error = TaskFailedError("the worker died", ValueError("the worker died"))
                run.fail(action, error, self.world.clock.now)
            else:
                await self._done(run, action, result)

    async def _linger(self, left: tuple[str, Json]) -> None:
        self.lingering.remove(left)
        self.belated = True
        await self._take(None, *left)

    async def _take(self, run: Run | None, name: str, request: Any) -> Json:
        self.acting = request
        try:
            result = await self.world.step(name, copied(request))
        finally:
            self.acting = None
        self.results.append(result)
        self.on_activity(run, name, result)
        return result

    def _require_claim(self, run: Run, action: Action) -> None:
        """Fail where a change begins that is not the holder's."""
        if action.name not in CHANGES or run.instance_id in self.starved:
            return
        held = self.guards[GUARD_KEY]["holder"]
        assert held is not None, f"{run.name} changes something, and nobody holds the resource"
        assert held["id"] == run.instance_id, f"{run.name} changes something while somebody else holds the resource"
        assert self.world.clock.now < utc_time(held["until"]), f"the claim of {run.name} has ended"


def _unwatched(run: Run | None, name: str, result: Json) -> None:
    del run, name, result


def _unheard(run: Run, decision: str) -> None:
    del run, decision
