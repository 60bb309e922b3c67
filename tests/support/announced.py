"""What the real orchestrators announce, in memory: a story for everything that can become of a resource's key."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from shared.errors import ArmRejected, NoVerdict
from shared.key_vault_errors import KeyVaultForbidden, KeyVaultUnavailable
from shared.redaction import AccessKey, Secret
from shared.regeneration import Regenerated
from shared.rotation import announcements
from shared.rotation.model import Json, utc_text
from tests.support.orchestration import Durable, Run, regeneration, repair, rotation
from tests.support.rotation import GRACE, PRIMARY, SECONDARY, Quick, World
from tests.support.vault import RESOURCE

_DENIED = ArmRejected(403, "AuthorizationFailed", "The client does not have authorization.")


def told(run: Run, **request: object) -> Json | None:
    """Return the announcement of an orchestration that has ended; `request` says what else its input had."""
    assert run.output is not None, run.state
    at = utc_text(run.current_utc_datetime)
    return announcements.outcome(run.name, run.instance_id, run.input | request, run.output, at)


@dataclass(slots=True)
class Story:
    """A world, and what came of the last orchestration in it."""

    world: World
    durable: Durable = field(init=False)

    def __post_init__(self) -> None:
        self.durable = Durable(self.world)
        self.durable.check = lambda: None

    async def rotate(self, instance_id: str = "r1", **asked: Any) -> Run:
        """Rotate, up to the end of the rotation itself."""
        run = self.durable.start("rotate_key", instance_id, rotation(**asked))
        await self.durable.run(until=lambda: run.ended)
        return run

    async def regenerate(self, key_type: str, **asked: Any) -> Run:
        """Regenerate a key under the guard."""
        run = self.durable.start("regenerate_key", "g1", regeneration(key_type, **asked))
        await self.durable.run(until=lambda: run.ended)
        return run

    async def repair(self, **asked: Any) -> Run:
        """Repair the secrets."""
        run = self.durable.start("repair_secrets", "e1", repair(**asked))
        await self.durable.run(until=lambda: run.ended)
        return run

    async def revoked(self) -> Run:
        """Let the grace period of a rotation end, and what comes of it."""
        await self.durable.run()
        return self.durable.runs["r1-revoke"]


async def _rotated(story: Story) -> Json | None:
    return told(await story.rotate(), reason="quarterly")


async def _kept(story: Story) -> Json | None:
    return told(await story.rotate(revoke=False))


async def _adopted(story: Story) -> Json | None:
    story.world.vault.versions.clear()
    return told(await story.rotate(active_key="Primary"))


async def _rotation_failed_at_once(story: Story) -> Json | None:
    story.world.cloud.failures["regenerate_key"] = [_DENIED]
    return told(await story.rotate())


async def _rotation_failed_after_regenerating(story: Story) -> Json | None:
    story.world.vault.failures["set", "b"] = KeyVaultForbidden("Key Vault denies it.", target="b")
    return told(await story.rotate())


async def _rotation_refused(story: Story) -> Json | None:
    await story.rotate("r0")
    return told(await story.rotate())


async def _secrets_disagreed(story: Story) -> Json | None:
    story.world.vault.put("a", story.world.cloud.keys[SECONDARY])
    return told(await story.rotate())


async def _regenerated(story: Story) -> Json | None:
    return told(await story.regenerate("Secondary"))


async def _regenerated_and_published(story: Story) -> Json | None:
    return told(await story.regenerate("Primary", force=True))


async def _regenerated_and_not_published(story: Story) -> Json | None:
    story.world.vault.failures["set", "a"] = KeyVaultForbidden("Key Vault denies it.", target="a")
    return told(await story.regenerate("Primary", force=True))


async def _regeneration_refused(story: Story) -> Json | None:
    return told(await story.regenerate("Primary"))


async def _regeneration_failed(story: Story) -> Json | None:
    story.world.cloud.failures["regenerate_key"] = [_DENIED]
    return told(await story.regenerate("Secondary"))


async def _regenerated_without_vault(story: Story) -> Json | None:
    story.world.vault.versions.clear()
    return told(await story.regenerate("Secondary", key_vault=False))


async def _regenerated_directly(story: Story) -> Json | None:
    key = story.world.cloud.keys[PRIMARY]
    answer = Regenerated(
        resource=RESOURCE,
        key_type=PRIMARY,
        key=AccessKey(Secret(key), Secret(f"endpoint=https://h/;accesskey={key}")),
        at=story.world.clock.now,
    ).to_json()
    return announcements.regenerated(answer, "6b1f9a3e-0000-4000-8000-000000000000")


async def _repaired(story: Story) -> Json | None:
    story.world.cloud.rotate_from_outside(PRIMARY)
    return told(await story.repair())


async def _converged(story: Story) -> Json | None:
    story.world.vault.put("a", story.world.cloud.keys[SECONDARY])
    return told(await story.repair(converge=True))


async def _repair_failed(story: Story) -> Json | None:
    story.world.cloud.failures["accepts"] = [NoVerdict("The data plane does not answer.")] * 999
    story.world.cloud.rotate_from_outside(PRIMARY)
    return told(await story.repair())


async def _revoked(story: Story) -> Json | None:
    await story.rotate()
    return told(await story.revoked())


async def _revoked_without_proof(story: Story) -> Json | None:
    await story.rotate()
    for name in story.world.vault.versions:
        del story.world.vault.versions[name][:-1]
    return told(await story.revoked())


async def _revocation_failed(story: Story) -> Json | None:
    await story.rotate()
    story.world.clock.tick(GRACE)
    story.world.vault.failures["list", ""] = KeyVaultUnavailable("Key Vault throttles this app.", doubtful=False)
    return told(await story.revoked())


# the type of its event -> its name -> the story
STORIES: dict[str, dict[str, Callable[[Story], Awaitable[Json | None]]]] = {
    "Rotated": {"a rotation": _rotated, "without revocation": _kept, "of an adopted key": _adopted},
    "RotationFailed": {
        "before anything changed": _rotation_failed_at_once,
        "after the new key was made": _rotation_failed_after_regenerating,
        "of a regeneration": _regeneration_failed,
        "of a repair": _repair_failed,
    },
    "RotationCanceled": {
        "in grace": _rotation_refused,
        "that converged": _secrets_disagreed,
        "of a regeneration": _regeneration_refused,
    },
    "Regenerated": {
        "of a key that nobody publishes": _regenerated,
        "by force": _regenerated_and_published,
        "that could not be published": _regenerated_and_not_published,
        "that an event asked for, without a Key Vault": _regenerated_without_vault,
        "directly": _regenerated_directly,
    },
    "Repaired": {"after a regeneration from outside": _repaired, "of secrets that disagreed": _converged},
    "Revoked": {"with proof": _revoked, "without proof": _revoked_without_proof},
    "RevocationFailed": {"at Key Vault": _revocation_failed},
}
TELLINGS = [(type_, name) for type_, named in STORIES.items() for name in named]


async def tell(quick: Quick, type_: str, name: str) -> tuple[Json, World]:
    """Play a story on a resource with two secrets; return its announcement and the world."""
    story = Story(quick(World("a", "b")))
    announced = await STORIES[type_][name](story)
    assert announced is not None
    return announced, story.world
