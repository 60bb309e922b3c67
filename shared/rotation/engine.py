"""The durable engine as the endpoints need it: start, find again, decide, and ask the guard."""

from datetime import datetime
from typing import Protocol

from shared.rotation.model import Json
from shared.rotation.status import Instance


class Engine(Protocol):
    """What starting and watching an orchestration needs."""

    async def start(self, orchestrator: str, instance_id: str, request: Json) -> bool:
        """Start an orchestration; False where one with that id is there already, running or ended."""
        ...

    async def find(self, instance_id: str) -> Instance | None:
        """Return an orchestration, or None where there is none with that id."""
        ...

    async def decide(self, revocation_id: str, decision: str) -> bool:
        """Send a decision to a revocation; False where it has ended or never was."""
        ...

    async def guard(self, key: str) -> Json:
        """Return the guard's state."""
        ...

    async def expire(self, key: str, holder: str) -> None:
        """Take the claim of a holder that has ended without a word."""
        ...

    async def purge(self, created_before: datetime) -> int:
        """Forget the orchestrations that have ended and were started before a time, in UTC; return how many.

        Entities stay. What is left when the engine runs out of time is for the next call.
        """
        ...
