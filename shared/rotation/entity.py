"""The guard as a durable entity: its operations are those of guard.py, one after another for each resource."""

from datetime import UTC, datetime

from durabletask.entities import DurableEntity

from shared.rotation import guard
from shared.rotation.model import Json, Pending


class RotationGuard(DurableEntity):
    """One a resource; the key is `guard.guard_key`. Every operation takes and returns JSON."""

    def claim(self, request: Json) -> Json:
        """`{"holder", "insteadOf"?}` -> `{"granted", "holder", "pending"}`."""
        state, answer = guard.claim(
            self._state(), holder=request["holder"], now=datetime.now(UTC), instead_of=request.get("insteadOf")
        )
        self.set_state(state)
        return answer

    def release(self, request: Json) -> None:
        """`{"holder", "outcome"?}`: take the claim back."""
        self.set_state(guard.release(self._state(), holder=request["holder"], outcome=request.get("outcome")))

    def schedule(self, request: Json) -> Json:
        """`{"pending", "revocation", "holder"?}` -> `{"overtakenBy"}`: remember a key in grace, and start what will
        revoke it (null: nothing).

        A holder whose claim has ended and went to another one changes nothing: that one knows better.
        """
        holder: str | None = request.get("holder")
        overtaken_by = guard.overtaken_by(self._state(), holder=holder) if holder is not None else None
        if overtaken_by is not None:
            return {"overtakenBy": overtaken_by}
        pending = Pending.from_json(request["pending"])
        if pending is None:
            raise ValueError("a revocation needs its pending key")
        self.set_state(guard.schedule(self._state(), pending))
        if pending.revocation_id is not None:
            # from here, so that the key in grace and who ends it come into being together
            self.schedule_new_orchestration("revoke_key", request["revocation"], pending.revocation_id)
        return {"overtakenBy": None}

    def announce(self, request: Json) -> None:
        """An announcement: start what will publish it, once."""
        self.schedule_new_orchestration("announce_outcome", request, f"{request['id']}-event")

    def keep(self, request: Json) -> None:
        """`{"revocationId"}`: the key in grace is not to be revoked."""
        self.set_state(guard.keep(self._state(), revocation_id=request["revocationId"]))

    def settle(self, request: Json) -> None:
        """`{"revocationId"}`: the key in grace is revoked, or that has failed."""
        self.set_state(guard.settle(self._state(), revocation_id=request["revocationId"]))

    def _state(self) -> Json:
        return self.get_state(None, None) or guard.empty()
