"""What has become of many rotations that were asked for at once, and what of it is not exact (pure)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.history import Orchestration

MIB = 1024 * 1024
_GROWN_BYTES = 2 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What has become of rotations that were asked for at once.

    Attributes:
        seconds: from the first request to the end of the last orchestration, repairs and revocations included.
        statuses: how many rotations ended in which status.
        revocations: how many revocations ended in which status.
        regenerated: keys that ARM regenerated, whatever it answered.
        versions: how many secrets have so many versions.
        calls: to the cloud by service and operation; `refused`: of those to ARM answered with 429.
        writes: that ARM has done, by subscription.
        orchestrations: what ran, as its history tells.
        incomplete: orchestrations that failed or were terminated.
        held: guards that somebody still holds.
        delivered: deliveries of events to the app; `events`: how many there were.
        resident: bytes of the app's process before, at the end, and some seconds later.
    """

    seconds: float
    statuses: Counter[str]
    revocations: Counter[str]
    regenerated: int
    versions: Counter[int]
    calls: Counter[tuple[str, str]]
    refused: int
    writes: Counter[str]
    orchestrations: Sequence[Orchestration]
    incomplete: int
    held: int
    events: int
    delivered: int
    resident: tuple[int, int, int]


def inexact(what: str, size: int, outcome: Outcome, *, revoked: int) -> list[str]:
    """Return what has not come out exactly."""
    found = {
        "rotations Succeeded": (outcome.statuses["Succeeded"], size),
        "revocations Done": (outcome.revocations["Done"], revoked),
        "regenerations": (outcome.regenerated, size + revoked),
        "secrets with two versions": (outcome.versions[2], size),
        "orchestrations that did not complete": (outcome.incomplete, 0),
        "guards held": (outcome.held, 0),
    }
    failures = [f"{what}: {name}: {seen}, not {due}" for name, (seen, due) in found.items() if seen != due]
    grown = outcome.resident[2] - outcome.resident[1]
    if grown > _GROWN_BYTES:
        failures.append(f"{what}: the app grew by {grown / MIB:.1f} MiB after all was over")
    return failures
