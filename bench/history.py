"""What the Durable history of an orchestration tells about its time and its size."""

import datetime as dt
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bench.errors import BenchError
from bench.figures import milliseconds


@dataclass(frozen=True, slots=True)
class Orchestration:
    """One orchestration that has ended.

    Attributes:
        id: its instance id.
        name: the orchestrator's.
        seconds: from its start to its end, by the engine's clock.
        steps: activity -> seconds from being scheduled to being completed, of each of its calls, in their order.
        waited: seconds that it waited for durable timers.
        events: how many the history has.
        size: bytes of history, input and output as compact JSON.
    """

    id: str
    name: str
    seconds: float
    steps: Mapping[str, Sequence[float]]
    waited: float
    events: int
    size: int

    @classmethod
    def parse(cls, instance: Mapping[str, Any]) -> Self:
        """Read an instance as the control API shows it; BenchError if it has not ended."""
        history: list[dict[str, Any]] = instance["history"]
        at = {event["type"]: _time(event) for event in history}
        if "ExecutionCompleted" not in at:
            raise BenchError(f"{instance['name']} {instance['id']} has not ended: it is {instance['status']}.")
        scheduled = {event["eventId"]: event for event in history if event["type"] == "TaskScheduled"}
        steps: dict[str, list[float]] = {}
        for event in history:
            if event["type"] == "TaskCompleted":
                start = scheduled[event["taskScheduledId"]]
                steps.setdefault(start["name"], []).append(_time(event) - _time(start))
        timers = {event["eventId"]: event for event in history if event["type"] == "TimerCreated"}
        fired = [event for event in history if event["type"] == "TimerFired"]
        kept = {name: instance[name] for name in ("history", "input", "output")}
        return cls(
            instance["id"],
            instance["name"],
            at["ExecutionCompleted"] - at["ExecutionStarted"],
            steps,
            sum(_time(event) - _time(timers[event["timerId"]]) for event in fired),
            len(history),
            len(json.dumps(kept, separators=(",", ":")).encode()),
        )

    @property
    def between_steps(self) -> float:
        """Seconds in none of its steps and timers: guard, replays, the engine."""
        return self.seconds - self.waited - sum(map(self.seconds_in, self.steps))

    def seconds_in(self, step: str) -> float:
        """Return the seconds in all calls of a step; 0 if it was not taken."""
        return sum(self.steps.get(step, ()))


def median(orchestrations: Sequence[Orchestration], value: Callable[[Orchestration], float]) -> float:
    """Return the median of a value over orchestrations, of which there must be one."""
    return statistics.median(value(each) for each in orchestrations)


def step_rows(orchestrations: Sequence[Orchestration]) -> list[tuple[str, str]]:
    """Return what orchestrations of one kind spend their time on, and its median in milliseconds."""
    first = orchestrations[0]
    rows: list[tuple[str, float]] = []
    for step, calls in first.steps.items():
        times = f", {len(calls)} times" if len(calls) > 1 else ""
        rows.append((f"`{step}`{times}", median(orchestrations, lambda each, step=step: each.seconds_in(step))))
    if first.waited:
        rows.append(("timers", median(orchestrations, lambda each: each.waited)))
    rows.append(("guard, replays, engine", median(orchestrations, lambda each: each.between_steps)))
    rows.append(("all of it", median(orchestrations, lambda each: each.seconds)))
    return [(what, milliseconds(seconds)) for what, seconds in rows]


def _time(event: Mapping[str, Any]) -> float:
    return dt.datetime.fromisoformat(event["timestamp"]).timestamp()
