"""A small durable engine in memory: it drives the real orchestrators, and the guard, one action after another.

It records what an orchestrator asks for and what came back, so that a run can be replayed, and everything that
Durable Functions would store, so that it can be searched.
"""

import itertools
import json
import math
from collections.abc import Awaitable, Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from durabletask.task import CancellableTask, Task

from shared.rotation import guard, requests
from shared.rotation.announcing import announce_outcome
from shared.rotation.entity import RotationGuard
from shared.rotation.model import Json
from shared.rotation.revocation import revoke_key
from shared.rotation.workflow import regenerate_key, repair_secrets, rotate_key
from tests.support.rotation import World
from tests.support.vault import RESOURCE

RESOURCE_ID, GUARD_KEY = str(RESOURCE), guard.guard_key(RESOURCE)

# the number of an action that no test comes to
_END = 100_000
ORCHESTRATORS: dict[str, Callable[[Any, Json], Generator[Any, Any, Json]]] = {
    each.__name__: each for each in (rotate_key, regenerate_key, repair_secrets, revoke_key, announce_outcome)
}


@dataclass(slots=True)
class Action:
    """Something that an orchestrator asked for: `kind` is activity, entity, signal, timer, event or send."""

    kind: str
    name: str
    input: Any
    asked: int = field(default_factory=itertools.count().__next__)
    task: CancellableTask[Any] = field(default_factory=CancellableTask[Any], repr=False)

    def to_json(self) -> Json:
        """Return what a history keeps of it."""
        return {"kind": self.kind, "name": self.name, "input": self.input}


@dataclass(slots=True)
class Completion:
    """When an action was completed, and with what."""

    action: int
    at: str
    result: Any

    def to_json(self) -> Json:
        """Return it as a history keeps it."""
        return {"action": self.action, "at": self.at, "result": self.result}


class Run:
    """An orchestration; the `Context` that its orchestrator is given."""

    is_replaying = False

    def __init__(self, instance_id: str, name: str, request: Json, now: datetime) -> None:
        self.instance_id = instance_id
        self.name = name
        self.input = copied(request)
        self.current_utc_datetime = now.replace(tzinfo=None)
        self.started_at = self.current_utc_datetime
        self.actions: list[Action] = []
        self.completions: list[Completion] = []
        self.statuses: list[Any] = []
        self.output: Json | None = None
        self.state = "RUNNING"
        self._generator = ORCHESTRATORS[name](self, copied(request))
        self._waits_for: Task[Any] | None = None

    @property
    def ended(self) -> bool:
        """Whether there is an output, or it was terminated."""
        return self.state != "RUNNING"

    def call_activity(self, activity: str, *, input: Any = None) -> Any:  # noqa: A002  # the engine's name
        """Ask for an activity."""
        return self._ask("activity", activity, input)

    def call_entity(self, entity: Any, operation: str, input: Any = None) -> Any:  # noqa: A002  # the engine's name
        """Ask for an operation of an entity."""
        return self._ask("entity", f"{entity.key}.{operation}", input)

    def signal_entity(self, entity_id: Any, operation_name: str, input: Any = None) -> None:  # noqa: A002  # as above
        """Ask for an operation of an entity without waiting for it."""
        self._ask("signal", f"{entity_id.key}.{operation_name}", input)

    def create_timer(self, fire_at: Any) -> Any:
        """Ask for a timer."""
        at = fire_at if isinstance(fire_at, datetime) else self.current_utc_datetime + fire_at
        assert at.tzinfo is None, "the engine's times have no zone"
        return self._ask("timer", "", at.isoformat())

    def wait_for_external_event(self, name: str) -> Any:
        """Ask for an event."""
        return self._ask("event", name, None)

    def send_event(self, instance_id: str, event_name: str, *, data: Any = None) -> None:
        """Send an event; nothing comes back."""
        self._ask("send", instance_id, {"event": event_name, "data": data})

    def set_custom_status(self, custom_status: Any) -> None:
        """Keep the status; Durable Functions ends an orchestration whose status takes more than 16 KB of UTF-16."""
        assert len(json.dumps(custom_status)) <= 8192
        self.statuses.append(copied(custom_status))

    def _ask(self, kind: str, name: str, value: Any) -> Any:
        self.actions.append(Action(kind, name, copied(value)))
        return self.actions[-1].task

    def open(self) -> Iterator[Action]:
        """Give the actions that have no result yet."""
        return (each for each in self.actions if not each.task.is_complete)

    def advance(self) -> None:
        """Run the orchestrator until it waits for something that is not there."""
        while not self.ended and (self._waits_for is None or self._waits_for.is_complete):
            try:
                if self._waits_for is None:
                    self._waits_for = next(self._generator)
                else:
                    self._waits_for = self._resume(self._waits_for)
            except StopIteration as end:
                self.output = copied(end.value)
                self.state = "COMPLETED"

    def _resume(self, done: Task[Any]) -> Task[Any]:
        try:
            result = done.get_result()
        except Exception as error:  # noqa: BLE001  # whatever a task failed with goes into the orchestrator
            return self._generator.throw(error)
        return self._generator.send(result)

    def complete(self, action: Action, result: Any, now: datetime) -> None:
        """Give an action its result and go on."""
        self.current_utc_datetime = now.replace(tzinfo=None)
        at = self.current_utc_datetime.isoformat()
        index = next(i for i, each in enumerate(self.actions) if each is action)
        self.completions.append(Completion(index, at, copied(result)))
        action.task.complete(copied(result))
        self.advance()

    def fail(self, action: Action, error: Exception, now: datetime) -> None:
        """Let an action fail and go on; such a run is not replayed."""
        self.current_utc_datetime = now.replace(tzinfo=None)
        action.task.fail(str(error), error)
        self.advance()

    def history(self) -> Json:
        """Return all that a replay needs, as JSON."""
        return {
            "instanceId": self.instance_id,
            "orchestrator": self.name,
            "input": self.input,
            "startedAt": self.started_at.isoformat(),
            "actions": [action.to_json() for action in self.actions],
            "completions": [each.to_json() for each in self.completions],
            "output": self.output,
        }


def replay(history: Json) -> Run:
    """Run an orchestrator again on what a history holds, up to its last completion."""
    now = datetime.fromisoformat(history["startedAt"])
    run = Run(history["instanceId"], history["orchestrator"], history["input"], now)
    run.advance()
    for each in history["completions"]:
        assert each["action"] < len(run.actions), "the history completes what the orchestrator did not ask for"
        run.complete(run.actions[int(each["action"])], each["result"], datetime.fromisoformat(each["at"]))
    return run


class Guard(RotationGuard):
    """The real guard on a state in memory."""

    def __init__(self, durable: "Durable", key: str) -> None:
        super().__init__()
        self._durable, self._key = durable, key

    def get_state(self, intended_type: Any = None, default: Any = None) -> Any:
        """Return the state."""
        del intended_type
        return copied(self._durable.guards.get(self._key, default))

    def set_state(self, state: Any) -> None:
        """Keep the state."""
        self._durable.guards[self._key] = copied(state)

    def schedule_new_orchestration(
        self,
        orchestration_name: str,
        input: Any | None = None,  # noqa: A002  # the engine's name
        instance_id: str | None = None,
    ) -> str:
        """Start an orchestration."""
        assert instance_id is not None
        self._durable.start(orchestration_name, instance_id, input)
        return instance_id


type Hook = Callable[[Run, Action], Awaitable[None]]


class Durable:
    """Orchestrations and guards of one world. Between any two actions `after` is asked, and the world is checked.

    `rerun` names activities that run twice: the first result is lost, the second one counts. `late` names some whose
    first result counts and which run once more so many actions later, or at the end of all (None).
    """

    def __init__(self, world: World, *, after: Hook | None = None) -> None:
        self.world = world
        self.after = after
        self.rerun: set[str] = set()
        self.late: dict[str, int | None] = {}
        self.runs: dict[str, Run] = {}
        self.guards: dict[str, Json] = {}
        self.results: list[Any] = []
        self.failures: tuple[type[Exception], ...] = ()
        self.check = world.require_live
        self.actions_done = 0
        self._later: list[tuple[int, str, Json]] = []

    def start(self, name: str, instance_id: str, request: Any) -> Run:
        """Start an orchestration; its id must be new."""
        assert instance_id not in self.runs
        run = Run(instance_id, name, request, self.world.clock.now)
        self.runs[instance_id] = run
        run.advance()
        return run

    def terminate(self, instance_id: str) -> None:
        """End an orchestration from outside: nothing in it hears of it."""
        self.runs[instance_id].state = "TERMINATED"

    def decide(self, instance_id: str, decision: str) -> None:
        """Raise the event `decision`; as in Azure it goes nowhere where nobody waits for it any more."""
        run = self.runs[instance_id]
        waiting = [] if run.ended else [each for each in run.open() if each.kind == "event"]
        for action in waiting:
            run.complete(action, decision, self.world.clock.now)

    async def run(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Do everything that can be done, moving the clock to the next timer where nothing else is left."""
        while not until():
            todo = next(self._todo(), None)
            if todo is not None:
                await self._do(*todo)
                continue
            timers = [(each.input, run, each) for run in self._running() for each in run.open() if each.kind == "timer"]
            if not timers:
                break
            at, run, action = min(timers, key=lambda each: each[0])
            self.world.clock.now = max(self.world.clock.now, datetime.fromisoformat(at).replace(tzinfo=UTC))
            await self._done(run, action, None)
        else:
            return
        await self.run_late(_END)

    async def run_late(self, number: float = math.inf) -> None:
        """Run once more what was to run after so many actions, or all that is left to run."""
        for each in [each for each in self._later if each[0] <= number]:
            self._later.remove(each)
            self.results.append(await self.world.step(each[1], copied(each[2])))
            self.check()

    async def rotate(self, instance_id: str = "r1", *, hold: bool = False, **asked: Any) -> Json:
        """Start a rotation and return its output; with `hold` the clock does not pass the grace period."""
        run = self.start("rotate_key", instance_id, rotation(**asked))
        await self.run(until=(lambda: run.ended) if hold else lambda: False)
        assert run.output is not None, run.state
        return run.output

    def pending(self) -> Json | None:
        """Return the key in grace as the guard knows it."""
        return next(iter(self.guards.values()))["pending"]

    def holder(self) -> Json | None:
        """Return who holds the resource."""
        return next(iter(self.guards.values()))["holder"]

    def written(self) -> str:
        """Return all that the engine would store, as text."""
        stored = [[run.history(), run.statuses] for run in self.runs.values()]
        return json.dumps([stored, self.guards, self.results])

    def _running(self) -> list[Run]:
        return [run for run in self.runs.values() if not run.ended]

    def _todo(self) -> Iterator[tuple[Run, Action]]:
        """Give what can be done at once, what was asked for first first; what an ended orchestration has sent, too."""
        found = [
            (run, action)
            for run in self.runs.values()
            for action in run.open()
            if action.kind in ("send", "signal") or (action.kind in ("activity", "entity") and not run.ended)
        ]
        return iter(sorted(found, key=lambda each: each[1].asked))

    async def _do(self, run: Run, action: Action) -> None:
        match action.kind:
            case "activity":
                try:
                    result = await self._activity(action.name, action.input)
                except self.failures as error:
                    run.fail(action, error, self.world.clock.now)
                else:
                    await self._done(run, action, result)
            case "entity" | "signal":
                key, _, operation = action.name.partition(".")
                result = getattr(Guard(self, key), operation)(copied(action.input))
                if action.kind == "entity":
                    await self._done(run, action, result)
                else:
                    action.task.complete(None)
            case _:
                action.task.complete(None)
                if action.name in self.runs:
                    self.decide(action.name, action.input["data"])

    async def _activity(self, name: str, request: Json) -> Json:
        result = await self.world.step(name, copied(request))
        self.results.append(result)
        self.check()
        if name in self.rerun:
            result = await self.world.step(name, copied(request))
            self.results.append(result)
        if name in self.late:
            later = self.late[name]
            number = _END if later is None else self.actions_done + later
            self._later.append((number, name, copied(request)))
        return result

    async def _done(self, run: Run, action: Action, result: Any) -> None:
        self.actions_done += 1
        run.complete(action, result, self.world.clock.now)
        self.check()
        await self.run_late(self.actions_done)
        if self.after is not None:
            await self.after(run, action)


def copied(value: Any) -> Any:
    """Return a value as it comes back from JSON: what is not JSON fails here as it would in Azure."""
    return json.loads(json.dumps(value))


def rotation(
    *,
    active_key: str | None = None,
    grace: timedelta = timedelta(hours=1),
    revoke: bool = True,
    supersede: bool = False,
    instead_of: str | None = None,
    secret: tuple[str, str] | None = None,
    waits: bool = False,
) -> Json:
    """Return an input of `rotate_key`."""
    because = {"secret": {"name": secret[0], "version": secret[1]}} if secret else {}
    return because | {
        "resourceId": RESOURCE_ID,
        "guardKey": GUARD_KEY,
        "activeKey": active_key,
        "graceSeconds": grace.total_seconds(),
        "revoke": revoke,
        "supersede": supersede,
        "reason": None,
        "source": "test",
        "waits": waits,
        "insteadOf": instead_of,
    }


def repair(
    *,
    converge: bool = False,
    owed: Json | None = None,
    grace: timedelta = timedelta(hours=1),
    waits: bool = True,
) -> Json:
    """Return an input of `repair_secrets`."""
    request = requests.repair_input(RESOURCE, grace=grace, source="test", converge=converge, owed=owed)
    return request | {"waits": waits}


def regeneration(
    key_type: str,
    *,
    force: bool = False,
    if_match: list[str] | None = None,
    source: str = "test",
    key_vault: bool = True,
) -> Json:
    """Return an input of `regenerate_key`."""
    return {
        "resourceId": RESOURCE_ID,
        "guardKey": GUARD_KEY,
        "keyType": key_type,
        "ifMatch": if_match,
        "force": force,
        "source": source,
        "keyVault": key_vault,
    }
