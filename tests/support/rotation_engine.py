"""A durable engine for the endpoints: instances and guards in memory, and what was asked of it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import grpc

from shared.rotation import guard
from shared.rotation.model import Json
from shared.rotation.status import Instance, run_state
from tests.support.vault import RESOURCE

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def instance(
    id_: str = "r1",
    runtime_status: str = "COMPLETED",
    shown: Json | None = None,
    *,
    name: str = "rotate_key",
    request: Json | None = None,
) -> Instance:
    """Return an orchestration as the engine knows it."""
    return Instance(id_, name, runtime_status, request or {"resourceId": str(RESOURCE)}, shown, NOW, NOW)


def rpc_error() -> grpc.aio.AioRpcError:
    """Return the error of an engine whose host, or storage, is away."""
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing, details="no storage")


@dataclass(slots=True)
class FakeEngine:
    """An `Engine`. What is started runs at once to what `outcomes` says of its orchestrator, else it goes on running.

    `appear` instances are there at the second look: somebody else started them in between. A decision turns the
    revocation into `decided`, if that is set: the outcome of the decision that was first. A `deaf` engine has ended it
    already, a `mute` one shows nothing of it.
    """

    instances: dict[str, Instance] = field(default_factory=dict[str, Instance])
    appear: dict[str, Instance] = field(default_factory=dict[str, Instance])
    outcomes: dict[str, Json] = field(default_factory=dict[str, Json])
    guards: dict[str, Json] = field(default_factory=dict[str, Json])
    started: list[tuple[str, str, Json]] = field(default_factory=list[tuple[str, str, Json]])
    decisions: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    expired: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    decided: str | None = None
    deaf: bool = False
    mute: bool = False
    looks: int = 0
    purged: list[datetime] = field(default_factory=list[datetime])
    purging_fails: Exception | None = None

    def add(self, *instances: Instance) -> "FakeEngine":
        """Add orchestrations and return the engine."""
        self.instances |= {each.id: each for each in instances}
        return self

    async def start(self, orchestrator: str, instance_id: str, request: Json) -> bool:
        """Start one, or find that somebody has."""
        if instance_id in self.appear:
            self.instances[instance_id] = self.appear[instance_id]
        if instance_id in self.instances:
            return False
        self.started.append((orchestrator, instance_id, request))
        outcome = self.outcomes.get(orchestrator)
        status = "RUNNING" if outcome is None else "COMPLETED"
        self.instances[instance_id] = instance(instance_id, status, outcome, name=orchestrator, request=request)
        return True

    async def find(self, instance_id: str) -> Instance | None:
        """Look."""
        self.looks += 1
        return self.instances.get(instance_id)

    async def decide(self, revocation_id: str, decision: str) -> bool:
        """Take a decision, as the orchestration would show it."""
        if self.deaf:
            return False
        self.decisions.append((revocation_id, decision))
        if self.mute:
            return True
        before = self.instances[revocation_id]
        shown = (before.shown or {}) | {"stage": "Revoking", "decision": self.decided or decision}
        self.instances[revocation_id] = replace(before, shown=shown)
        return True

    async def guard(self, key: str) -> Json:
        """Return a guard's state."""
        return self.guards.get(key, guard.empty())

    async def expire(self, key: str, holder: str) -> None:
        """Keep who was to be expired."""
        self.expired.append((key, holder))

    async def purge(self, created_before: datetime) -> int:
        """Forget what has ended and is older."""
        if self.purging_fails is not None:
            raise self.purging_fails
        self.purged.append(created_before)
        old = [
            each.id for each in self.instances.values() if run_state(each).ended and each.created_at < created_before
        ]
        for id_ in old:
            del self.instances[id_]
        return len(old)
