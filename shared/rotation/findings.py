"""What a run of the timer has found and done, as the operator reads it (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Self

from shared.rotation.model import Json


class Finding(StrEnum):
    """What has become of one resource in a run."""

    SOUND = auto()
    ROTATION = auto()
    REPAIR = auto()
    HELD = auto()
    WAITING = auto()
    RUNNING = auto()
    LATER = auto()
    NOT_ALLOWED = auto()
    FAILED = auto()
    LEFT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a run has found and done.

    Attributes:
        secrets: enabled secrets that are tagged with a resource; None where they could not be listed, or nobody
            listed any, since the app has no Key Vault.
        resources: how many resources those name, and of these:
        rotations: a rotation was started.
        repairs: a repair was started.
        sound: nothing was to be done.
        held: an orchestration holds it, which settles its own matters.
        waiting: something is to be done once a grace period is over.
        running: what is to be done was started before, and runs.
        later: it was tried in vain, and will be tried again.
        not_allowed: outside the allow-list; nothing was asked of Azure.
        failed: could not be looked at, or nothing could be started.
        left: for another run, for want of time.
        released: claims of holders that had ended without a word.
        purged: ended orchestrations that were forgotten, or None where that failed.
    """

    secrets: int | None
    resources: int
    rotations: int
    repairs: int
    sound: int
    held: int
    waiting: int
    running: int
    later: int
    not_allowed: int
    failed: int
    left: int
    released: int
    purged: int | None

    @classmethod
    def of(cls, findings: Iterable[Finding], *, secrets: int | None, released: int, purged: int | None) -> Self:
        """Return the summary of a run with one finding a resource."""
        found = list(findings)
        return cls(
            secrets=secrets,
            resources=len(found),
            rotations=found.count(Finding.ROTATION),
            repairs=found.count(Finding.REPAIR),
            sound=found.count(Finding.SOUND),
            held=found.count(Finding.HELD),
            waiting=found.count(Finding.WAITING),
            running=found.count(Finding.RUNNING),
            later=found.count(Finding.LATER),
            not_allowed=found.count(Finding.NOT_ALLOWED),
            failed=found.count(Finding.FAILED),
            left=found.count(Finding.LEFT),
            released=released,
            purged=purged,
        )

    def to_json(self) -> Json:
        """Return the summary as JSON, what was started first."""
        return {
            "started": {"rotations": self.rotations, "repairs": self.repairs},
            "secrets": self.secrets,
            "resources": self.resources,
            "sound": self.sound,
            "held": self.held,
            "waiting": self.waiting,
            "running": self.running,
            "later": self.later,
            "notAllowed": self.not_allowed,
            "failed": self.failed,
            "left": self.left,
            "released": self.released,
            "purged": self.purged,
        }
