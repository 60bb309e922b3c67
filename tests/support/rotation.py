"""An Azure in memory for the tests of the rotation: keys, secrets and a data plane that agree, and that count."""

import base64
import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from shared.delivery import Delivery
from shared.errors import AppError
from shared.parameters import KeyType
from shared.proof import prove_alive, prove_dead
from shared.published_secret import PublishedSecret
from shared.redaction import AccessKey, Secret
from shared.regeneration import Regenerator
from shared.resource_id import AllowList, ResourceId, Scope
from shared.rotation import activities, entity
from shared.rotation.activities import Steps
from shared.rotation.model import Json
from tests.support.fakes import FakeSleep
from tests.support.vault import ENDPOINT, RESOURCE, FakeVault, access_key, connected, secret

PRIMARY, SECONDARY = KeyType.PRIMARY, KeyType.SECONDARY
EPOCH = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
GRACE = timedelta(hours=1)


@dataclass(slots=True)
class Clock:
    """A clock that stands until it is moved; every reading of a version's date moves it by a second."""

    now: datetime = EPOCH

    def __call__(self, zone: object = UTC) -> datetime:
        """Return the time, in UTC, whatever zone is asked for."""
        del zone
        return self.now

    def tick(self, by: timedelta = timedelta(seconds=1)) -> None:
        """Move on."""
        self.now += by


@dataclass(slots=True)
class MemoryVault(FakeVault):
    """A `FakeVault` that dates its versions, and tells who holds what."""

    clock: Clock = field(default_factory=Clock)

    async def set(
        self,
        name: str,
        value: Secret,
        *,
        tags: Mapping[str, str],
        content_type: str | None,
        expires_on: datetime | None,
    ) -> PublishedSecret:
        """Add a version, dated a second after whatever was before."""
        new = await FakeVault.set(self, name, value, tags=tags, content_type=content_type, expires_on=expires_on)
        self.clock.tick()
        dated = replace(new, created_on=self.clock.now)
        self.versions[name] = [dated if each.version == new.version else each for each in self.versions[name]]
        return dated

    def put(self, name: str, key: str, *, tag: str = "Primary") -> None:
        """Set a version as somebody else would, by hand."""
        self.clock.tick()
        tags = {"CredentialId": tag, "ProviderAddress": str(RESOURCE)}
        new = secret(connected(key), name=name, tags=tags, created_on=self.clock.now)
        self.versions.setdefault(name, []).append(new)

    def published(self) -> dict[str, str]:
        """Return the key that each of the resource's secrets publishes, by name."""
        current = [versions[-1] for versions in self.versions.values() if versions[-1].enabled]
        return {each.name: each.key.reveal() for each in current if each.resource_id == RESOURCE}

    def enabled(self, name: str) -> list[bool]:
        """Say which versions of a secret are enabled, oldest first."""
        return [each.enabled for each in self.versions[name]]


class Cloud:
    """ARM and the data plane of one resource: two keys, every key ever issued, and how many were regenerated.

    `failures` plays errors: by operation (`list_keys`, `regenerate_key`, `accepts`, `host_name`), in order, one a
    call. `lost` answers of a regeneration are those that had their effect.
    """

    def __init__(self) -> None:
        self.issued: list[str] = []
        self.regenerated: list[KeyType] = []
        self.failures: dict[str, list[AppError]] = {}
        self.lost: list[AppError] = []
        self.keys: dict[KeyType, str] = {}
        for key_type in KeyType:
            self.keys[key_type] = self._new_key()

    def _new_key(self) -> str:
        key = base64.b64encode(hashlib.sha512(f"key {len(self.issued)}".encode()).digest()).decode()
        self.issued.append(key)
        return key

    def rotate_from_outside(self, key_type: KeyType) -> str:
        """Regenerate a key as somebody with another tool does; it does not count as ours."""
        self.keys[key_type] = self._new_key()
        return self.keys[key_type]

    def fingerprint(self, key_type: KeyType) -> str:
        """Return the fingerprint of a key as it is now."""
        return Secret(self.keys[key_type]).fingerprint

    def live(self, key: str) -> bool:
        """Say whether a key works."""
        return key in self.keys.values()

    async def list_keys(self, resource: ResourceId, *, request_id: str) -> Mapping[KeyType, AccessKey]:
        """Return both keys."""
        del resource, request_id
        self._fail("list_keys")
        return {key_type: access_key(key) for key_type, key in self.keys.items()}

    async def regenerate_key(
        self, resource: ResourceId, key_type: KeyType, *, request_id: str, on_send: Callable[[], None]
    ) -> AccessKey:
        """Replace a key."""
        del resource, request_id
        self._fail("regenerate_key")
        on_send()
        self.keys[key_type] = self._new_key()
        self.regenerated.append(key_type)
        if self.lost:
            raise self.lost.pop(0)
        return access_key(self.keys[key_type])

    async def host_name(self, resource: ResourceId, *, request_id: str) -> str:
        """Return the host."""
        del resource, request_id
        self._fail("host_name")
        return ENDPOINT.split("/")[2]

    async def accepts(self, endpoint: str, key: Secret) -> bool:
        """Say what the data plane says."""
        assert endpoint == ENDPOINT
        self._fail("accepts")
        return self.live(key.reveal())

    def _fail(self, operation: str) -> None:
        if self.failures.get(operation):
            raise self.failures[operation].pop(0)


class World:
    """One resource, its secrets and the steps on them; by default one secret, `a`, publishes the primary key."""

    def __init__(
        self, *secrets: str, tag: str = "Primary", cloud: Cloud | None = None, vault: MemoryVault | None = None
    ) -> None:
        self.vault = vault or MemoryVault()
        self.clock = self.vault.clock
        self.cloud = cloud or Cloud()
        for name in secrets:
            self.vault.put(name, self.cloud.keys[PRIMARY], tag=tag)
        self.steps = Steps(
            allowed=AllowList([Scope.parse(str(RESOURCE))]),
            management=self.cloud,
            vault=self.vault,
            data_plane=self.cloud,
            delivery=Delivery(vault=self.vault, grace=GRACE, validity_days=90, now=self.clock),
            regenerator=Regenerator(keys=self.cloud, deadline=30.0, sleep=FakeSleep()),
        )
        # which key consumers have left, and when: whoever reads rarely may hold it until the grace period is over
        self.left: list[tuple[str, datetime]] = []
        self._seen = self.vault.published()

    @property
    def active(self) -> str:
        """The key that every secret publishes."""
        (key,) = set(self.vault.published().values())
        return key

    def require_live(self) -> None:
        """Fail where a secret publishes a dead key."""
        published = self.vault.published()
        assert [name for name, key in published.items() if not self.cloud.live(key)] == []
        for name, key in self._seen.items():
            if published.get(name) != key:
                self.left.append((key, self.clock.now))
        self._seen = published

    def require_grace(self, grace: timedelta = GRACE) -> None:
        """Fail where a key died that was published until less than a grace period ago."""
        assert [at for key, at in self.left if self.clock.now < at + grace and not self.cloud.live(key)] == []

    async def step(self, name: str, request: Json) -> Json:
        """Take a step as an activity does."""

        async def steps() -> Steps:
            return self.steps

        return await activities.answer(steps, name, request)


type Quick = Callable[[World], World]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Quick:
    """Return a function that sets the guard's clock to that of a world; proofs take no time."""
    for prove in (prove_alive, prove_dead):
        monkeypatch.setattr(activities, prove.__name__, functools.partial(prove, sleep=FakeSleep()))

    def with_clock_of(world: World) -> World:
        monkeypatch.setattr(entity, "datetime", SimpleNamespace(now=world.clock))
        return world

    return with_clock_of
