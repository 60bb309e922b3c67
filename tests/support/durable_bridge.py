"""The app's `Engine` on orchestrations in memory: the real orchestrators run behind it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.rotation import guard
from shared.rotation.model import Json
from shared.rotation.status import Instance
from tests.support.orchestration import Durable, Guard


@dataclass(slots=True)
class EngineOf:
    """An `Engine` on orchestrations in memory."""

    durable: Durable

    async def start(self, orchestrator: str, instance_id: str, request: Json) -> bool:
        """Start one, or find that it is there."""
        if instance_id in self.durable.runs:
            return False
        self.durable.start(orchestrator, instance_id, request)
        return True

    async def find(self, instance_id: str) -> Instance | None:
        """Look."""
        run = self.durable.runs.get(instance_id)
        if run is None:
            return None
        shown = run.output or (run.statuses[-1] if run.statuses else None)
        times = (each.replace(tzinfo=UTC) for each in (run.started_at, run.current_utc_datetime))
        return Instance(run.instance_id, run.name, run.state, run.input, shown, *times)

    async def decide(self, revocation_id: str, decision: str) -> bool:
        """Raise the event `decision`; as in Azure nobody hears it who has ended."""
        if revocation_id not in self.durable.runs or self.durable.runs[revocation_id].ended:
            return False
        self.durable.decide(revocation_id, decision)
        return True

    async def guard(self, key: str) -> Json:
        """Return a guard's state."""
        return self.durable.guards.get(key, guard.empty())

    async def expire(self, key: str, holder: str) -> None:
        """Take a claim."""
        Guard(self.durable, key).release({"holder": holder})

    async def purge(self, created_before: datetime) -> int:
        """Forget what has ended and is older."""
        old = [
            id_
            for id_, run in self.durable.runs.items()
            if run.ended and run.started_at.replace(tzinfo=UTC) < created_before
        ]
        for id_ in old:
            del self.durable.runs[id_]
        return len(old)
