"""A run of a workflow definition, as Azure Logic Apps would make it; an action or a function that is not known raises.

Statuses and what runs after them: https://learn.microsoft.com/azure/logic-apps/error-exception-handling; loops:
https://learn.microsoft.com/azure/logic-apps/logic-apps-control-flow-loops.
"""

import operator
import time
import uuid
from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

from tests.support.logic_apps.expressions import ExpressionError, evaluate
from tests.support.logic_apps.http_action import HttpActions, seconds

Json = dict[str, Any]
_FAILED = ("Failed", "TimedOut")
_UNITS = {"Second": 1, "Minute": 60}


class Terminated(Exception):
    """A Terminate action: the run ends with its status."""


@dataclass(frozen=True, slots=True)
class Record:
    """What became of an action, once: its status and its outputs."""

    name: str
    status: str
    outputs: Any


@dataclass(slots=True)
class Scope:
    """The actions that an expression may speak of: name -> record; and the items of the loops around it."""

    records: MutableMapping[str, Record]
    items: Mapping[str, Any] = field(default_factory=dict[str, Any])


class Run:
    """One run; `status` and `history` tell what came of it."""

    def __init__(self, definition: Json, parameters: Json, http: HttpActions, trigger_body: Any = None) -> None:
        self._http = http
        self._trigger_body = trigger_body
        declared: Json = definition["parameters"]
        assert set(parameters) <= set(declared), "a value for a parameter that is not declared"
        self._parameters = {
            name: parameters[name] if name in parameters else each["defaultValue"] for name, each in declared.items()
        }
        self.name = uuid.uuid4().hex
        self.history: list[Record] = []
        try:
            self.status = self._block(definition["actions"], Scope({}))
        except Terminated as terminated:
            self.status = str(terminated)

    def statuses(self, name: str) -> list[str]:
        """Return what became of an action, each time that it had its turn."""
        return [record.status for record in self.history if record.name == name]

    def _block(self, actions: Json, scope: Scope) -> str:
        """Run actions in their order, and return the status of the whole."""
        left = dict(actions)
        while left:
            name = next(name for name, each in left.items() if all(after not in left for after in each["runAfter"]))
            self._turn(name, left.pop(name), scope)
        followed = {after for each in actions.values() for after in each["runAfter"]}
        leaves = [name for name in actions if name not in followed]
        return "Failed" if any(_has_failed(name, actions, scope) for name in leaves) else "Succeeded"

    def _turn(self, name: str, action: Json, scope: Scope) -> None:
        runs = all(scope.records[after].status in statuses for after, statuses in action["runAfter"].items())
        status, outputs = self._act(name, action, scope) if runs else ("Skipped", None)
        record = Record(name, status, outputs)
        scope.records[name] = record
        self.history.append(record)

    def _act(self, name: str, action: Json, scope: Scope) -> tuple[str, Any]:
        try:
            match action["type"]:
                case "Compose":
                    return "Succeeded", self._evaluate(action["inputs"], scope)
                case "Http":
                    polls = action.get("operationOptions") != "DisableAsyncPattern"
                    return self._http.run(self._evaluate(action["inputs"], scope), polls=polls)
                case "Wait":
                    interval: Json = action["inputs"]["interval"]
                    self._http.wait(interval["count"] * _UNITS[interval["unit"]])
                    return "Succeeded", None
                case "Scope":
                    return self._block(action["actions"], scope), None
                case "If":
                    holds = self._evaluate(action["expression"], scope)
                    return self._block(action["actions"] if holds else action["else"]["actions"], scope), None
                case "Until":
                    return self._until(action, scope), None
                case "Foreach":
                    return self._foreach(name, action, scope), None
                case "Terminate":
                    raise Terminated(action["inputs"]["runStatus"])
                case other:
                    raise NotImplementedError(f"an action of type {other}")
        except ExpressionError as error:
            return "Failed", {"error": str(error)} if action["type"] != "Http" else None

    def _until(self, action: Json, scope: Scope) -> str:
        """Repeat until the expression holds: the last iteration's status, or Failed where a limit came first.

        Only with `FailWhenLimitsReached`: without it a loop that has come to its limit counts as succeeded.
        """
        started, limit = time.monotonic(), action["limit"]
        for _ in range(limit["count"]):
            status = self._block(action["actions"], scope)
            if self._evaluate(action["expression"], scope):
                return status
            passed = time.monotonic() - started
            if self._http.pace and passed > seconds(limit["timeout"]) * self._http.pace:
                break
        return "Failed" if action.get("operationOptions") == "FailWhenLimitsReached" else "Succeeded"

    def _foreach(self, name: str, action: Json, scope: Scope) -> str:
        """Run the actions for each item, some at once; what an iteration does is not seen outside of it."""

        def iterate(item: Any) -> str:
            inner = Scope(ChainMap({}, cast("dict[str, Record]", scope.records)), {**scope.items, name: item})
            return self._block(action["actions"], inner)

        items = self._evaluate(action["foreach"], scope)
        with ThreadPoolExecutor(action["runtimeConfiguration"]["concurrency"]["repetitions"]) as pool:
            statuses = list(pool.map(iterate, items))
        return "Failed" if "Failed" in statuses else "Succeeded"

    def _evaluate(self, value: Any, scope: Scope) -> Any:
        def outputs(name: str) -> Any:
            return scope.records[name].outputs if name in scope.records else None

        def body(name: str) -> Any:
            found = outputs(name)
            return cast("Json", found)["body"] if isinstance(found, dict) else None

        functions: dict[str, Callable[..., Any]] = {
            "parameters": self._parameters.__getitem__,
            "triggerBody": lambda: self._trigger_body,
            "workflow": lambda: {"run": {"name": self.name}},
            "outputs": outputs,
            "body": body,
            "items": scope.items.__getitem__,
            "guid": lambda: str(uuid.uuid4()),
            "concat": _concat,
            "equals": operator.eq,
            "not": operator.not_,
        }
        return evaluate(value, functions)


def _concat(*texts: Any) -> str:
    return "".join("" if text is None else str(text) for text in texts)


def _has_failed(name: str, actions: Json, scope: Scope) -> bool:
    """Whether a branch that ends with this action has failed; one that was skipped is what came before it."""
    status = scope.records[name].status
    if status != "Skipped":
        return status in _FAILED
    return any(_has_failed(after, actions, scope) for after in actions[name]["runAfter"])
