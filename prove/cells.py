"""The cells of the fault matrix, derived from what a healthy run has asked for (pure)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prove.fault_kinds import FaultKind, kinds_of_call, kinds_of_service, kinds_of_step

# Its token is refused once, so that the app holds none: only then does it ask its identity again.
ARM_REFUSES: Mapping[str, Any] = {"service": "arm", "operation": "*", "status": 401, "times": 1}
_VAULT_REFUSES: Mapping[str, Any] = {"service": "keyvault", "operation": "*", "status": 401, "times": 1}


def token_refused(workload: str) -> tuple[Mapping[str, Any], ...]:
    """Return the rules with which a workload asks for tokens.

    A synchronous regenerate ends where ARM refuses its token: there a request before it has met that refusal.
    """
    return (_VAULT_REFUSES,) if "regenerate" in workload else (ARM_REFUSES, _VAULT_REFUSES)


@dataclass(frozen=True, slots=True)
class Call:
    """The nth request of an operation (1: the first), or the nth run of an activity (service `durable`).

    `number` 0 stands for all connections to the service. `changes`: it had an effect when all was well.
    """

    service: str
    operation: str
    number: int
    changes: bool = False

    def __str__(self) -> str:
        return f"{self.service} {self.operation} {self.number}" if self.number else f"{self.service}, connections"


@dataclass(frozen=True, slots=True)
class Cell:
    """One call of one workload with one fault, once or for ever from then on."""

    workload: str
    call: Call
    kind: FaultKind
    for_ever: bool

    def __str__(self) -> str:
        return f"{self.workload} | {self.call} | {self.kind.name} | {'for ever' if self.for_ever else 'once'}"

    def rules(self) -> list[Mapping[str, Any]]:
        """Return the fault rules that make it."""
        rule: dict[str, Any] = {"service": self.call.service, "operation": self.call.operation}
        if self.call.number > 1:
            rule["skip"] = self.call.number - 1
        if not self.for_ever:
            rule["times"] = 1
        refused = token_refused(self.workload) if self.call.service == "identity" else ()
        return [*refused, rule | dict(self.kind.effect)]


def calls(journal: Iterable[Mapping[str, Any]]) -> list[Call]:
    """Return the requests of a healthy run, in order, each numbered within its operation.

    A request to Key Vault without a token is none: it only asks where to get one, and no rule applies to it.
    """
    counted: Counter[tuple[str, str]] = Counter()
    found: list[Call] = []
    for entry in journal:
        key = entry["service"], entry["operation"]
        if key[1] is None or entry["status"] == 401:
            continue
        counted[key] += 1
        found.append(Call(*key, counted[key], bool(entry["effect"])))
    return found


def steps(instances: Iterable[Mapping[str, Any]]) -> list[Call]:
    """Return the activities that the orchestrations of a healthy run took, each numbered within its name."""
    counted: Counter[str] = Counter()
    found: list[Call] = []
    for instance in instances:
        for event in instance["history"]:
            if event["type"] == "TaskScheduled":
                counted[event["name"]] += 1
                found.append(Call("durable", event["name"], counted[event["name"]]))
    return found


def cells(workload: str, called: Sequence[Call], tokens: Sequence[Call], taken: Sequence[Call]) -> Iterator[Cell]:
    """Give the cells of a workload.

    Args:
        workload: its name.
        called: the requests of a healthy run.
        tokens: the requests for tokens of a run that was refused the tokens that it held.
        taken: the activities of a healthy run.
    """
    for call in (*called, *tokens):
        for kind in kinds_of_call(call.service, changes=call.changes):
            yield from _once_and_for_ever(workload, call, kind)
    for service in sorted({call.service for call in (*called, *tokens)}):
        for kind in kinds_of_service(service):
            yield from _once_and_for_ever(workload, Call(service, "*", 0), kind)
    for call in taken:
        for kind in kinds_of_step():
            yield from _once_and_for_ever(workload, call, kind)


def _once_and_for_ever(workload: str, call: Call, kind: FaultKind) -> Iterator[Cell]:
    yield Cell(workload, call, kind, for_ever=False)
    if kind.endless:
        yield Cell(workload, call, kind, for_ever=True)
