"""What may become of keys and secrets, as plain rules, held against every change of the cloud in memory.

What others do from outside may break consumers; what the app does may not. In all of it "publishes" means: the key's
text stands in the value of an enabled current version of a secret that is tagged with the resource.

- The app sets a secret only to a key that works at that moment, and disables no version that is the current one.
- The app regenerates a key that a secret publishes only where somebody forces it. One that was tagged within the minute
  after an orchestration has listed the vault is not among the secrets that it knows; a repair finds that one.
- A key that the app has made a secret leave is in grace: until the request's grace period is over, the app regenerates
  it only where somebody forces that, decides it, or supersedes it. The grace begins when the orchestration has the
  guard note it, right before the secrets change: an outage between the two is part of it. What is left by hand is not
  known to be in grace, and what is put back by hand has a new one when it is left again.
  A step of an orchestration that an outage has kept for longer than its claim lasts, or that is no more, cannot be
  called back: it takes no key that is published, but may take one that another orchestration has put in grace since.
- One orchestration regenerates at most once, however often its steps run.
- A rotation because of a secret's version does nothing if another version was current when it looked.
- A rotation that has succeeded has looked after its last change, and then every secret published the new key; after a
  regeneration that says that it is delivered, none published the dead one.
- Whatever has ended by itself holds nothing, and a revocation that has ended has left no grace behind.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.errors import AppError
from shared.key_vault_errors import KeyVaultUnavailable
from shared.parameters import KeyType
from shared.published_secret import PublishedSecret
from shared.redaction import AccessKey, Secret
from shared.resource_id import ResourceId
from shared.rotation import guard
from shared.rotation.model import Json
from tests.support.interleaving import Interleaved
from tests.support.orchestration import GUARD_KEY, Run
from tests.support.rotation import Cloud, MemoryVault
from tests.support.vault import RESOURCE


class WatchedCloud(Cloud):
    """A `Cloud` that tells before the app's regenerations which key will die."""

    def __init__(self) -> None:
        super().__init__()
        self.watch: Callable[[str], None] = lambda _: None

    async def regenerate_key(
        self, resource: ResourceId, key_type: KeyType, *, request_id: str, on_send: Callable[[], None]
    ) -> AccessKey:
        """Replace a key."""
        before = self.keys[key_type]

        def sending() -> None:
            self.watch(before)
            on_send()

        return await super().regenerate_key(resource, key_type, request_id=request_id, on_send=sending)


@dataclass(slots=True)
class WatchedVault(MemoryVault):
    """A `MemoryVault` that tells of the app's changes, and whose next calls may fail: `planned` errors by operation
    (`list`, `get`, `set`, `version`, `disable`), in order, one a call; of `lost`, after the effect of a set."""

    watch_set: Callable[[PublishedSecret | None, PublishedSecret], None] | None = None
    watch_disable: Callable[[str, str], None] | None = None
    planned: dict[str, list[AppError]] = field(default_factory=dict[str, list[AppError]])
    lost: list[AppError] = field(default_factory=list[AppError])

    async def set(
        self,
        name: str,
        value: Secret,
        *,
        tags: Mapping[str, str],
        content_type: str | None,
        expires_on: datetime | None,
    ) -> PublishedSecret:
        """Add a version."""
        before = self.versions[name][-1] if name in self.versions else None
        new = await MemoryVault.set(self, name, value, tags=tags, content_type=content_type, expires_on=expires_on)
        if self.watch_set is not None:
            self.watch_set(before, new)
        if self.lost:
            raise self.lost.pop(0)
        return new

    async def version(self, name: str, version: str) -> PublishedSecret | None:
        """Return a version by its id."""
        self._fail("version", name)
        return await MemoryVault.version(self, name, version)

    async def disable(self, name: str, version: str) -> None:
        """Disable a version."""
        self._fail("disable", name)
        if name in self.versions and self.watch_disable is not None:
            self.watch_disable(name, version)
            await MemoryVault.disable(self, name, version)

    def of_resource(self) -> list[PublishedSecret]:
        """Return the current enabled versions that are tagged with the resource."""
        return [each for each in self._currents() if each.resource_id == RESOURCE]

    def _fail(self, operation: str, name: str) -> None:
        if self.planned.get(operation):
            raise self.planned[operation].pop(0)
        MemoryVault._fail(self, operation, name)


def silent() -> KeyVaultUnavailable:
    """Return the error of a Key Vault that says nothing."""
    return KeyVaultUnavailable("Key Vault did not answer.", doubtful=True)


@dataclass(slots=True)
class Look:
    """What an orchestration saw last: which version of each secret, and what it published; `changed` since."""

    versions: dict[str, str]
    fingerprints: set[str]
    changed: bool = False


class Model:
    """The rules, on one world. An AssertionError says which was broken."""

    def __init__(self, durable: Interleaved, cloud: WatchedCloud, vault: WatchedVault) -> None:
        self.durable, self.cloud, self.vault = durable, cloud, vault
        # until when each key that the app has made a secret leave is in grace
        self.in_grace: dict[str, datetime] = {}
        self.regenerations: Counter[str] = Counter()
        self.looks: dict[str, Look] = {}
        self._judged: set[str] = set()
        self._broken: list[str] = []
        cloud.watch = self.regenerating
        vault.watch_set, vault.watch_disable = self.set, self.disabling
        durable.on_activity = self.acted
        durable.on_decision = self.decided

    def regenerating(self, key: str) -> None:
        """Judge a regeneration that is about to happen."""
        run = self._acting()
        forced = run.name == "regenerate_key" and run.input["force"]
        acting = self.durable.acting or {}
        known = acting.get("names")
        holders = [
            each.name
            for each in self.vault.of_resource()
            if key in each.value.reveal() and (known is None or each.name in known)
        ]
        self._require(forced or not holders, f"{run.name} regenerates a key that {holders} publish")
        self.regenerations[run.instance_id] += 1
        self._require(self.regenerations[run.instance_id] == 1, f"{run.name} regenerates twice")
        if self.vault.clock.now < self.in_grace.get(key, self.vault.clock.now):
            superseded = run.name == "rotate_key" and run.input["supersede"]
            decided = self.durable.decisions.get(run.instance_id) in ("revoke", "superseded")
            allowed = forced or superseded or decided or self.durable.belated
            self._require(allowed, f"{run.name} regenerates a key in grace")
        self._require_current(run)

    def set(self, before: PublishedSecret | None, new: PublishedSecret) -> None:
        """Judge a secret that was set by the app."""
        run = self._acting()
        self._require(self.cloud.live(new.key.reveal()), f"{run.name} publishes a dead key")
        if run.instance_id in self.looks:
            self.looks[run.instance_id].changed = True
        left = before.key.reveal() if before is not None and before.enabled else ""
        if self.cloud.live(left) and before is not None and before.key != new.key:
            since = self.durable.noted.get(run.instance_id, self.vault.clock.now)
            until = since + timedelta(seconds=run.input.get("graceSeconds", 0))
            # to supersede is to give the key that has leaked the time that the request says, and no more
            before_this = until if run.input.get("supersede") else self.in_grace.get(left, until)
            self.in_grace[left] = max(until, before_this)

    def set_by_hand(self, value: str) -> None:
        """Take notice of what somebody else lets a secret publish: the grace of a key that is in use again is over."""
        for key in [key for key in self.in_grace if key in value]:
            del self.in_grace[key]

    def decided(self, run: Run, decision: str) -> None:
        """Take notice that somebody ends a grace period: it is over, also where the revocation fails after that."""
        if decision == "revoke":
            for key in [key for key in self.in_grace if Secret(key).fingerprint == run.input["fingerprint"]]:
                del self.in_grace[key]

    def disabling(self, name: str, version: str) -> None:
        """Judge a version that the app is about to disable."""
        self._require(self.vault.versions[name][-1].version != version, "the app disables what consumers read")

    def acted(self, run: Run | None, name: str, result: Json) -> None:
        """Take notice of an activity that has run; `run` is what has waited for it, if anything has."""
        self.require_rules()
        if run is not None and name == "inspect_resource" and "ok" in result:
            secrets = result["ok"]["secrets"]
            self.looks[run.instance_id] = Look(
                {each["name"]: each["version"] for each in secrets}, {each["fingerprint"] for each in secrets}
            )

    def require_rules(self) -> None:
        """Fail if a rule was broken since."""
        assert not self._broken, self._broken[0]

    def require_truth(self) -> None:
        """Judge the outputs of what has ended since the last time."""
        for id_, run in self.durable.runs.items():
            if id_ in self._judged or run.output is None:
                continue
            self._judged.add(id_)
            self._judge(id_, run, run.output)

    def _judge(self, id_: str, run: Run, output: Json) -> None:
        state = self.durable.guards.get(GUARD_KEY, guard.empty())
        assert state["holder"] is None or state["holder"]["id"] != id_, f"{run.name} has ended and holds the resource"
        pending = state["pending"]
        ended = pending is None or pending["revocationId"] != id_
        assert ended, "a revocation has ended, and its key is noted as in grace"
        if run.name == "rotate_key" and output["status"] == "Succeeded":
            look = self.looks[id_]
            assert not look.changed, "a rotation says that it succeeded, and has not looked"
            assert look.fingerprints == {output["fingerprints"]["new"]}, "a rotation succeeded in vain"
        delivery = output["answer"]["delivery"]["status"] if "answer" in output else "Failed"
        if run.name == "regenerate_key" and delivery != "Failed":
            look = self.looks[id_]
            assert not look.changed, "a regeneration says that it is delivered, and has not looked"
            assert output["fingerprints"]["old"] not in look.fingerprints, "a regeneration is delivered in vain"

    def _require(self, holds: object, rule: str) -> None:
        # an activity turns whatever is raised in it into an answer, so that this is kept until it has ended
        if not holds:
            self._broken.append(rule)

    def _require_current(self, run: Run) -> None:
        because = run.input.get("secret")
        look = self.looks.get(run.instance_id)
        # what a repair of its own has set is current in its place
        if because is None or look is None or "Repair" in str(run.statuses):
            return
        self._require(look.versions.get(because["name"]) == because["version"], "a rotation acts upon a stale event")

    def _acting(self) -> Run:
        assert self.durable.acting is not None
        return self.durable.runs[self.durable.acting["instanceId"]]
