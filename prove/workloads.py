"""What is done to the app in a cell: a rotation with its revocation, a regenerate, a repair."""

from bench.errors import BenchError
from prove.cells import ARM_REFUSES
from prove.client import Answer
from prove.lane import Json, Lane, wait_until
from prove.seen import DIRECT, Seen

GRACE_SECONDS = 2
_STARTED_WITHIN = 15.0
_ENDED = ("Succeeded", "Failed", "Canceled")


class Workload:
    """One run. `begin` starts it, `ended` looks whether it has ended, `tell` fills in what it tells of itself."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self._told: Json = {}
        self._id = ""

    def prepare(self, *, without_token: bool) -> None:
        """Make ready what there must be before any fault; `without_token`: the app shall have to ask for tokens."""

    def begin(self) -> None:
        """Start it."""
        raise NotImplementedError

    def ended(self) -> bool:
        """Say whether it has ended, and what follows from it too."""
        answer = self.lane.ask("GET", f"/api/rotations/{self._id}")
        if answer.status != 200:
            raise BenchError(f"a status: {answer.text}")
        self._told = answer.json
        return self._told["status"] in _ENDED and self._told["revocation"]["status"] != "Scheduled"

    def tell(self, seen: Seen) -> None:
        """Fill in what it tells of itself."""
        seen.told = self._told


class Rotation(Workload):
    """A rotation and, after its grace period, the revocation."""

    def begin(self) -> None:
        """POST it."""
        answer = self.lane.ask("POST", "/api/rotations", {"gracePeriod": f"PT{GRACE_SECONDS}S"})
        if answer.status != 202:
            raise BenchError(f"a rotation: {answer.text}")
        self._id = answer.json["id"]


class Regeneration(Workload):
    """A synchronous regenerate of the key that nobody uses; it may go on in the background, and is followed there."""

    _path, _key_type = "/api/regenerateKey", "Secondary"

    def prepare(self, *, without_token: bool) -> None:
        """Let ARM refuse the token of a request before, if it is to be without one."""
        if without_token:
            self.lane.faults(dict(ARM_REFUSES))
            self.lane.ask("POST", self._path, {"keyType": self._key_type})
            self.lane.rest()
            self.lane.control("DELETE", "durable")
            self.lane.control("DELETE", "requests")

    def begin(self) -> None:
        """POST it and wait for its answer."""
        self._answer: Answer = self.lane.ask("POST", self._path, {"keyType": self._key_type})

    def ended(self) -> bool:
        """Follow Location, if the answer was 202."""
        if self._answer.status == 202:
            location = self._answer.headers["location"]
            self._answer = self.lane.ask("GET", "/" + location.split("/", 3)[3])
        return self._answer.status != 202

    def tell(self, seen: Seen) -> None:
        """Fill in status and body."""
        seen.status, seen.told = self._answer.status, self._answer.json or {}


class ForcedRegeneration(Regeneration):
    """A regenerate of the published key, which is published at once."""

    _path, _key_type = "/api/regenerateKey?force=true", "Primary"


class Repair(Workload):
    """Somebody regenerates the published key at ARM; the event of that is delivered."""

    def prepare(self, *, without_token: bool) -> None:
        """Regenerate the published key outside; what follows is counted from there."""
        self.lane.regenerate_outside(self.lane.resource()["resourceId"], "Primary")
        self.lane.control("DELETE", "requests")

    def begin(self) -> None:
        """Deliver the event and find what it has started."""
        self.lane.deliver_regeneration()
        if not wait_until(self._found, _STARTED_WITHIN):
            raise BenchError("ARM's event has started nothing.")

    def _found(self) -> bool:
        ids = [each["id"] for each in self.lane.durable()["instances"] if each["name"] == "repair_secrets"]
        self._id = ids[0] if ids else ""
        return bool(ids)


WORKLOADS: dict[str, type[Workload]] = {
    "rotation": Rotation,
    "regenerate": Regeneration,
    "forced regenerate": ForcedRegeneration,
    DIRECT: Regeneration,
    "repair": Repair,
}
