"""The timer's run: what it starts and under which id, what it leaves alone, what a failure costs, and its one line."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.errors import AppError, UpstreamFailed, UpstreamResponseInvalid
from shared.key_vault_errors import KeyVaultForbidden, KeyVaultUnavailable
from shared.parameters import KeyType
from shared.published_secret import PublishedSecret
from shared.redaction import AccessKey
from shared.resource_id import AllowList, ResourceId, Scope
from shared.rotation import guard, reconcile, requests
from shared.rotation.findings import Summary
from shared.rotation.model import Json, Pending
from shared.rotation.reconcile import Reconciler, Watched
from shared.settings import parse_settings
from tests.support.rotation import EPOCH, PRIMARY, SECONDARY, Clock, Cloud, MemoryVault, World
from tests.support.rotation_engine import FakeEngine, instance
from tests.support.telemetry import Telemetry, attributes, is_failed
from tests.support.vault import OTHER, RESOURCE, connected

URL = "https://vault.example"
KEY = guard.guard_key(RESOURCE)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GRACE = 2 * DAY


@dataclass(slots=True)
class Keys:
    """The keys of every resource, by one cloud each; counts who is asked about at once."""

    clouds: dict[ResourceId, Cloud]
    failures: dict[ResourceId, Exception] = field(default_factory=dict[ResourceId, Exception])
    asked: list[ResourceId] = field(default_factory=list[ResourceId])
    at_once: int = 0
    most_at_once: int = 0

    async def list_keys(self, resource: ResourceId, *, request_id: str) -> Mapping[KeyType, AccessKey]:
        """Return both keys after a turn of the loop."""
        self.asked.append(resource)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        if resource in self.failures:
            raise self.failures[resource]
        return await self.clouds[resource].list_keys(resource, request_id=request_id)

    async def regenerate_key(self, resource: ResourceId, key_type: KeyType, **_options: object) -> AccessKey:
        """Never: the timer changes nothing itself."""
        raise AssertionError(f"{key_type} of {resource} was regenerated")


@dataclass(slots=True, kw_only=True)
class SlowKeys(Keys):
    """An ARM that takes ten seconds for each answer."""

    clock: Clock

    async def list_keys(self, resource: ResourceId, *, request_id: str) -> Mapping[KeyType, AccessKey]:
        """Return both keys, later."""
        self.clock.now += timedelta(seconds=10)
        return await Keys.list_keys(self, resource, request_id=request_id)


@dataclass(slots=True)
class StaleVault(MemoryVault):
    """A vault whose listing is from before."""

    listed: Mapping[str, ResourceId] = field(default_factory=dict[str, ResourceId])

    async def tagged(self) -> Mapping[str, ResourceId]:
        """Return the old listing."""
        return self.listed


class Bench:
    """A resource whose secret `a` publishes its primary key, and all that a run needs."""

    def __init__(self, *secrets: str, allowed: tuple[ResourceId, ...] = (RESOURCE,)) -> None:
        self.world = World(*(secrets or ("a",)))
        self.vault = self.world.vault
        self.cloud = self.world.cloud
        self.keys = Keys({RESOURCE: self.cloud})
        self.engine = FakeEngine()
        self.reconciler = Reconciler(
            engine=self.engine,
            watched=Watched(
                url=URL,
                vault=self.vault,
                keys=self.keys,
                allowed=AllowList([Scope.parse(str(each)) for each in allowed]),
                grace=GRACE,
            ),
            announce=False,
            retention=90 * DAY,
            now=self.world.clock,
        )

    async def run(self) -> Summary:
        """Run once."""
        return await self.reconciler.run()

    def secret(self, name: str = "a") -> PublishedSecret:
        """Return the current version of a secret."""
        return self.vault.versions[name][-1]

    def expire(self, name: str = "a", left: timedelta = DAY) -> PublishedSecret:
        """Let a secret expire soon."""
        due = replace(self.secret(name), expires_on=self.world.clock.now + left)
        self.vault.versions[name][-1] = due
        return due

    def another(self, name: str, owner: ResourceId = OTHER, key: str | None = None) -> None:
        """Add a secret of another resource, with a cloud of its own."""
        cloud = self.keys.clouds.setdefault(owner, Cloud())
        self.vault.put(name, cloud.keys[PRIMARY] if key is None else key)
        tagged = replace(self.secret(name), tags={"CredentialId": "Primary", "ProviderAddress": str(owner)})
        self.vault.versions[name][-1] = tagged

    def ended(self, id_: str, status: str = "COMPLETED", view: Json | None = None) -> None:
        """Let what was started end now."""
        shown = {"status": "Failed"} if view is None else view
        known = self.engine.instances[id_]
        self.engine.instances[id_] = replace(known, runtime_status=status, shown=shown, updated_at=self.world.clock.now)


def others(count: int) -> list[ResourceId]:
    """Return resources."""
    return [ResourceId(RESOURCE.subscription_id, "Others", f"other-{number}") for number in range(count)]


def lines(caplog: pytest.LogCaptureFixture, prefix: str = "reconcile ") -> list[Json]:
    """Return the JSON of the lines of one kind."""
    return [
        json.loads(record.getMessage().removeprefix(prefix))
        for record in caplog.records
        if record.getMessage().startswith(prefix + "{")
    ]


async def test_where_all_is_well_nothing_is_started(caplog: pytest.LogCaptureFixture) -> None:
    """One listing, one look at the resource, one line."""
    caplog.set_level(logging.INFO)
    bench = Bench("a", "b")
    summary = await bench.run()
    assert bench.engine.started == []
    assert (bench.vault.listings, bench.keys.asked) == (1, [RESOURCE])
    assert (summary.secrets, summary.resources, summary.sound) == (2, 1, 1)
    assert lines(caplog) == [summary.to_json()]
    assert len(caplog.records) == 1


async def test_a_secret_whose_event_got_lost_is_rotated(caplog: pytest.LogCaptureFixture) -> None:
    """Under the id that its event would have given it, so that a late one finds it."""
    caplog.set_level(logging.INFO)
    bench = Bench()
    due = bench.expire()
    summary = await bench.run()
    ((orchestrator, id_, request),) = bench.engine.started
    assert orchestrator == "rotate_key"
    assert id_ == requests.secret_instance_id(URL, "a", due.version)
    assert request["secret"] == {"name": "a", "version": due.version}
    assert (request["source"], request["graceSeconds"], request["waits"], request["announce"]) == (
        "timer",
        GRACE.total_seconds(),
        True,
        False,
    )
    assert (summary.rotations, summary.repairs) == (1, 0)
    assert lines(caplog, "audit ") == [
        {
            "action": "RotateKey",
            "outcome": "Accepted",
            "resourceId": str(RESOURCE),
            "instanceId": id_,
            "caller": {"kind": "Timer"},
        }
    ]


async def test_a_rotation_that_the_event_has_started_is_found() -> None:
    """Running, it is left to itself."""
    bench = Bench()
    due = bench.expire()
    id_ = requests.secret_instance_id(URL, "a", due.version)
    bench.engine.add(instance(id_, "RUNNING"))
    summary = await bench.run()
    assert (bench.engine.started, summary.running) == ([], 1)


async def test_a_rotation_that_comes_up_at_the_same_moment_is_found(caplog: pytest.LogCaptureFixture) -> None:
    """Between the look and the start, asked for in other words: it is the same rotation."""
    caplog.set_level(logging.INFO)
    bench = Bench()
    due = bench.expire()
    id_ = requests.secret_instance_id(URL, "a", due.version)
    bench.engine.appear[id_] = instance(id_, "RUNNING", request={"digest": "another"})
    summary = await bench.run()
    assert (bench.engine.started, summary.running, summary.failed) == ([], 1, 0)
    assert lines(caplog, "audit ") == []


async def test_a_dead_secret_is_repaired(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody has regenerated the published key, and ARM's event got lost."""
    caplog.set_level(logging.INFO)
    bench = Bench("a", "b")
    bench.cloud.rotate_from_outside(PRIMARY)
    bench.expire("b")
    summary = await bench.run()
    ((orchestrator, id_, request),) = bench.engine.started
    assert orchestrator == "repair_secrets"
    assert (request["converge"], request["owed"], request["source"], request["waits"]) == (False, None, "timer", True)
    assert (summary.rotations, summary.repairs) == (0, 1)
    assert [(line["action"], line["instanceId"]) for line in lines(caplog, "audit ")] == [("RepairSecrets", id_)]


async def test_disagreeing_secrets_are_converged_after_the_grace() -> None:
    """Not before it is over."""
    bench = Bench("a", "b")
    bench.vault.put("b", bench.cloud.keys[SECONDARY], tag="Secondary")
    pending = Pending(PRIMARY, bench.cloud.fingerprint(PRIMARY), EPOCH + HOUR, None)
    bench.engine.guards[KEY] = guard.schedule(guard.empty(), pending)
    assert (await bench.run()).waiting == 1
    assert bench.engine.started == []
    bench.world.clock.tick(HOUR)
    assert (await bench.run()).repairs == 1
    assert bench.engine.started[0][2]["converge"]


@pytest.mark.parametrize("status", ["TERMINATED", "FAILED", None])
async def test_a_revocation_that_never_ran_is_taken_up(status: str | None) -> None:
    """The key whose grace has long been over is handed to a repair, with what it superseded."""
    bench = Bench()
    at = EPOCH - DAY
    pending = Pending(SECONDARY, bench.cloud.fingerprint(SECONDARY), at, "r1-revoke")
    bench.engine.guards[KEY] = guard.schedule(guard.empty(), pending)
    owed: Json = {
        "resourceId": str(RESOURCE),
        "guardKey": KEY,
        "keyType": "Secondary",
        "fingerprint": pending.fingerprint,
        "at": "2025-12-31T12:00:00Z",
        "superseded": ["https://vault.example/secrets/a/1"] if status else [],
    }
    if status:
        bench.engine.add(instance("r1-revoke", status, name="revoke_key", request=owed))
    await bench.run()
    ((orchestrator, _, request),) = bench.engine.started
    assert orchestrator == "repair_secrets"
    assert request["owed"] == owed


async def test_a_revocation_that_is_about_to_begin_is_left_to_itself() -> None:
    """Its time has come, and it lives."""
    bench = Bench()
    pending = Pending(SECONDARY, bench.cloud.fingerprint(SECONDARY), EPOCH - DAY, "r1-revoke")
    bench.engine.guards[KEY] = guard.schedule(guard.empty(), pending)
    bench.engine.add(instance("r1-revoke", "RUNNING", name="revoke_key"))
    assert (await bench.run()).sound == 1
    assert bench.engine.started == []


async def test_a_repair_that_failed_is_tried_again_ever_more_seldom() -> None:
    """At the next run, then after 1, 2, 4 … hours; each attempt has an id of its own."""
    bench = Bench()
    bench.cloud.rotate_from_outside(PRIMARY)
    started: list[int] = []
    for run in range(24):
        before = len(bench.engine.started)
        summary = await bench.run()
        if len(bench.engine.started) > before:
            started.append(run)
            bench.ended(bench.engine.started[-1][1])
        else:
            assert summary.later == 1
        bench.world.clock.tick(HOUR)
    assert started == [0, 1, 2, 4, 8, 16]
    assert len({id_ for _, id_, _ in bench.engine.started}) == 6


async def test_an_attempt_that_runs_is_not_joined_by_another() -> None:
    """However long it takes."""
    bench = Bench()
    bench.cloud.rotate_from_outside(PRIMARY)
    await bench.run()
    bench.world.clock.tick(7 * DAY)
    assert (await bench.run()).running == 1
    assert len(bench.engine.started) == 1


async def test_what_has_changed_since_is_tried_at_once() -> None:
    """A pause is about one state of affairs."""
    bench = Bench()
    bench.cloud.rotate_from_outside(PRIMARY)
    for _ in range(2):
        await bench.run()
        bench.ended(bench.engine.started[-1][1])
    assert (await bench.run()).later == 1
    bench.cloud.rotate_from_outside(PRIMARY)
    assert (await bench.run()).repairs == 1


async def test_a_rotation_that_was_refused_is_tried_under_a_further_id() -> None:
    """An event that came during a grace period has used up the first one."""
    bench = Bench()
    due = bench.expire()
    first, second = (requests.secret_instance_id(URL, "a", due.version, attempt) for attempt in (0, 1))
    bench.engine.add(instance(first, "COMPLETED", {"status": "Canceled"}))
    assert (await bench.run()).rotations == 1
    assert [id_ for _, id_, _ in bench.engine.started] == [second]


def hold(bench: Bench, holder: str = "r1") -> None:
    """Let somebody hold the resource."""
    bench.engine.guards[KEY] = guard.claim(guard.empty(), holder=holder, now=bench.world.clock.now)[0]


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "SUSPENDED"])
async def test_a_resource_that_somebody_holds_is_left_to_them(status: str) -> None:
    """It costs no call to Azure beyond the listing."""
    bench = Bench()
    bench.cloud.rotate_from_outside(PRIMARY)
    hold(bench)
    bench.engine.add(instance("r1", status))
    summary = await bench.run()
    assert (summary.held, bench.engine.started, bench.keys.asked, bench.engine.expired) == (1, [], [], [])


@pytest.mark.parametrize("status", ["TERMINATED", "FAILED", "COMPLETED", None])
@pytest.mark.parametrize("wrong", [True, False])
async def test_a_claim_whose_holder_has_ended_is_taken(status: str | None, wrong: bool) -> None:
    """Whether or not there is something to be started, which then claims in its place."""
    bench = Bench()
    if wrong:
        bench.cloud.rotate_from_outside(PRIMARY)
    hold(bench)
    if status is not None:
        bench.engine.add(instance("r1", status))
    summary = await bench.run()
    assert set(bench.engine.expired) == {(KEY, "r1")}
    assert summary.released == 1
    assert [request["insteadOf"] for _, _, request in bench.engine.started] == (["r1"] if wrong else [])


async def test_a_claim_that_is_over_is_nobodys() -> None:
    """It hinders nobody, so nobody is asked about it."""
    bench = Bench()
    hold(bench)
    bench.engine.add(instance("r1", "RUNNING"))
    bench.world.clock.tick(guard.CLAIM)
    summary = await bench.run()
    assert (summary.held, summary.released, summary.sound, bench.engine.expired) == (0, 0, 1, [])


async def test_nobody_is_asked_about_a_resource_that_is_not_allowed() -> None:
    """Its secrets are in the listing, and that is all."""
    bench = Bench()
    bench.another("foreign", key="no key at all")
    bench.vault.failures["get", "foreign"] = KeyVaultForbidden("must not be read")
    summary = await bench.run()
    assert (summary.secrets, summary.resources, summary.not_allowed, summary.sound, summary.failed) == (2, 2, 1, 1, 0)
    assert bench.keys.asked == [RESOURCE]
    assert bench.engine.looks == 0


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UpstreamFailed("ARM failed with PROVIDER-TEXT"), "UpstreamError"),
        (UpstreamResponseInvalid("nonsense, PROVIDER-TEXT"), "UpstreamResponseInvalid"),
        (RuntimeError("boom"), "unexpectedly"),
    ],
)
async def test_one_that_cannot_be_looked_at_hinders_no_other(
    error: Exception, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted and logged, by code."""
    caplog.set_level(logging.INFO)
    bench = Bench(allowed=(RESOURCE, OTHER))
    bench.another("foreign", key="no key at all")
    bench.keys.failures[RESOURCE] = error
    bench.expire()
    summary = await bench.run()
    assert (summary.failed, summary.repairs) == (1, 1)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert str(RESOURCE) in record.getMessage()
    assert told in record.getMessage()
    assert "PROVIDER-TEXT" not in caplog.text


async def test_a_secret_that_cannot_be_read_fails_its_resource() -> None:
    """What it publishes is not known, so nothing is started."""
    bench = Bench("a", "b")
    bench.expire("a")
    bench.vault.failures["get", "b"] = KeyVaultUnavailable("silent", doubtful=False)
    assert (await bench.run()).failed == 1
    assert bench.engine.started == []


async def test_half_an_answer_of_listkeys_is_none() -> None:
    """With one key alone, a secret that publishes the other one would pass for dead."""
    bench = Bench()
    del bench.cloud.keys[PRIMARY]
    assert (await bench.run()).failed == 1
    assert bench.engine.started == []


@pytest.mark.parametrize("change", ["disabled", "gone", "moved"])
async def test_what_has_changed_since_the_listing_is_left_out(change: str) -> None:
    """A secret that was disabled, deleted or tagged with another resource meanwhile says nothing of this one."""
    bench = Bench("a", "b")
    bench.expire("b")
    listed = await bench.vault.tagged()
    if change == "disabled":
        await bench.vault.disable("b", bench.secret("b").version)
    elif change == "gone":
        del bench.vault.versions["b"]
    else:
        bench.vault.versions["b"][-1] = replace(bench.secret("b"), tags={"ProviderAddress": str(OTHER)})
    stale = StaleVault(versions=bench.vault.versions, clock=bench.world.clock, listed=listed)
    assert bench.reconciler.watched is not None
    watched = replace(bench.reconciler.watched, vault=stale)
    assert (await replace(bench.reconciler, watched=watched).run()).sound == 1


async def test_many_resources_are_looked_at_eight_at_once() -> None:
    """Each of them once, with one listing for all."""
    many = others(30)
    bench = Bench(allowed=(RESOURCE, *many))
    for number, owner in enumerate(many):
        bench.another(f"s{number}", owner, key="no key at all" if number % 3 == 0 else None)
    summary = await bench.run()
    assert (summary.resources, summary.repairs, summary.sound) == (31, 10, 21)
    assert sorted(map(str, bench.keys.asked)) == sorted(map(str, (RESOURCE, *many)))
    assert (bench.keys.most_at_once, bench.vault.listings) == (8, 1)


async def test_what_there_is_no_time_for_is_left_to_another_run(caplog: pytest.LogCaptureFixture) -> None:
    """No look begins after three minutes; the run ends well and says how many are left, not the same ones each time."""
    many = others(30)
    bench = Bench(allowed=(RESOURCE, *many))
    for number, owner in enumerate(many):
        bench.another(f"s{number}", owner)
    slow = SlowKeys(bench.keys.clouds, clock=bench.world.clock)
    assert bench.reconciler.watched is not None
    slowly = replace(bench.reconciler, watched=replace(bench.reconciler.watched, keys=slow))
    first = await slowly.run()
    # the looks of eight at once may begin before the time is over, and end after it
    assert (first.resources, first.failed) == (31, 0)
    assert 18 <= first.sound <= 18 + 8
    assert (first.left, first.purged) == (31 - first.sound, 0)
    assert f"no time was left for {first.left} of 31 resources" in caplog.text
    seen = set(slow.asked)
    slow.asked.clear()
    await slowly.run()
    assert set(slow.asked) != seen


async def test_spellings_of_one_resource_are_one_resource() -> None:
    """Tags come in any case, and one start is enough."""
    bench = Bench("a")
    loud = ResourceId(RESOURCE.subscription_id, RESOURCE.resource_group.upper(), RESOURCE.name.upper())
    bench.another("loud", loud, key="no key at all")
    bench.expire("a")
    summary = await bench.run()
    assert (summary.resources, summary.repairs, summary.rotations) == (1, 1, 0)


async def test_ended_orchestrations_are_forgotten_after_their_time() -> None:
    """Those that were started before the retention time, and only once they have ended."""
    bench = Bench()
    now = bench.world.clock.now
    old, young = now - 90 * DAY - timedelta(seconds=1), now - 90 * DAY
    bench.engine.add(
        replace(instance("old"), created_at=old),
        replace(instance("old but running", "RUNNING"), created_at=old),
        replace(instance("young"), created_at=young),
    )
    assert (await bench.run()).purged == 1
    assert bench.engine.purged == [now - 90 * DAY]
    assert set(bench.engine.instances) == {"old but running", "young"}


@pytest.mark.parametrize("error", [TimeoutError(), RuntimeError("boom")])
async def test_a_purge_that_fails_costs_nothing_else(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and left to the next run."""
    caplog.set_level(logging.INFO)
    bench = Bench()
    bench.expire()
    bench.engine.purging_fails = error
    summary = await bench.run()
    assert (summary.rotations, summary.purged) == (1, None)
    assert [line["purged"] for line in lines(caplog)] == [None]
    assert any("could not be purged" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize(
    "error", [KeyVaultForbidden("denied, PROVIDER-TEXT"), KeyVaultUnavailable("silent, PROVIDER-TEXT", doubtful=False)]
)
async def test_a_listing_that_fails_fails_the_run_after_the_purge(
    error: AppError, caplog: pytest.LogCaptureFixture
) -> None:
    """The run counts as failed, with its line all the same."""
    caplog.set_level(logging.INFO)
    bench = Bench()
    bench.vault.failures["list", ""] = error
    with pytest.raises(type(error)):
        await bench.run()
    assert len(bench.engine.purged) == 1
    assert [(line["secrets"], line["resources"], line["purged"]) for line in lines(caplog)] == [(None, 0, 0)]
    assert error.code in caplog.text
    assert "PROVIDER-TEXT" not in caplog.text


async def test_without_a_vault_there_is_but_the_purge() -> None:
    """An app that regenerates alone has nothing to look for."""
    bench = Bench()
    summary = await replace(bench.reconciler, watched=None).run()
    assert (summary.secrets, summary.resources, summary.purged) == (None, 0, 0)
    assert (bench.vault.listings, bench.keys.asked) == (0, [])


async def test_no_key_is_told() -> None:
    """Neither in what is started nor in a line of the log."""
    bench = Bench("a", "b")
    bench.cloud.rotate_from_outside(PRIMARY)
    bench.vault.put("b", connected(bench.cloud.keys[SECONDARY]), tag="Secondary")
    summary = await bench.run()
    told = json.dumps([summary.to_json(), bench.engine.started])
    assert not [key for key in bench.cloud.issued if key in told]


async def test_the_process_settings_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Vault, allow-list, grace, topic and retention are those of the app; clients are made where a vault is set."""
    bench = Bench()
    due = bench.expire()

    async def client(part: object) -> object:
        return part

    monkeypatch.setattr(reconcile.composition, "key_vault", lambda: client(bench.vault))
    monkeypatch.setattr(reconcile.composition, "management", lambda: client(bench.keys))
    monkeypatch.setattr(reconcile, "utc_now", bench.world.clock)
    variables = {
        "COMMUNICATION_SERVICE_ID": str(RESOURCE),
        "KEY_VAULT_URL": URL,
        "ROTATION_GRACE_PERIOD": "PT1H",
        "ROTATION_RETENTION_DAYS": "31",
        "EVENT_GRID_TOPIC_ENDPOINT": "https://t.example/api/events",
    }
    monkeypatch.setattr(reconcile, "settings", lambda: parse_settings(variables))
    assert (await reconcile.reconcile(bench.engine)).rotations == 1
    ((_, id_, request),) = bench.engine.started
    assert id_ == requests.secret_instance_id(URL, "a", due.version)
    assert (request["graceSeconds"], request["announce"]) == (3600.0, True)
    assert bench.engine.purged == [bench.world.clock.now - 31 * DAY]
    del variables["KEY_VAULT_URL"]
    assert (await reconcile.reconcile(bench.engine)).secrets is None
    assert bench.vault.listings == 1


async def test_a_run_records_the_age_of_what_is_published(telemetry: Telemetry) -> None:
    """For each resource and slot, from the secrets that it reads anyway; a key that nobody publishes has no age."""
    bench = Bench("a", "b")
    first = bench.secret("a").created_on
    assert first is not None
    bench.world.clock.tick(40 * DAY)
    await bench.run()
    age = (bench.world.clock.now - first).total_seconds()
    assert telemetry.metrics()["acs.key.age"] == [({"acs.resource_id": str(RESOURCE), "acs.key_type": "Primary"}, age)]
    # once a run: what nobody has looked at since is not told again
    assert "acs.key.age" not in telemetry.metrics()


async def test_a_run_is_one_span_with_its_sums(telemetry: Telemetry) -> None:
    """How many resources it has looked at, and what it has started."""
    bench = Bench()
    bench.expire()
    await bench.run()
    assert attributes(telemetry.only("reconcile")) == {
        "acs.reconcile.resources": 1,
        "acs.reconcile.rotations": 1,
        "acs.reconcile.repairs": 0,
        "acs.reconcile.failed": 0,
    }


async def test_a_run_without_a_listing_has_failed(telemetry: Telemetry) -> None:
    """Its span says with which error."""
    bench = Bench()
    bench.vault.failures["list", ""] = KeyVaultForbidden("m")
    with pytest.raises(KeyVaultForbidden):
        await bench.run()
    assert is_failed(telemetry.only("reconcile"))
    assert attributes(telemetry.only("reconcile"))["error.type"] == "KeyVaultForbidden"


@pytest.mark.parametrize(
    ("after", "revoked", "recorded"),
    [(timedelta(minutes=4), True, False), (3 * HOUR, True, True), (3 * HOUR, False, False)],
    ids=["about to begin", "overdue", "left alive on purpose"],
)
async def test_a_run_records_the_revocation_that_is_overdue(
    telemetry: Telemetry, after: timedelta, *, revoked: bool, recorded: bool
) -> None:
    """A key that is alive past its grace is told each time that it is seen, with how long it should be dead."""
    bench = Bench()
    id_ = "r1-revoke" if revoked else None
    pending = Pending(SECONDARY, bench.cloud.fingerprint(SECONDARY), bench.world.clock.now, id_)
    bench.engine.guards[KEY] = guard.empty() | {"pending": pending.to_json()}
    bench.world.clock.tick(after)
    await bench.run()
    told = ({"acs.resource_id": str(RESOURCE), "acs.key_type": "Secondary"}, after.total_seconds())
    assert telemetry.metrics().get("acs.revocation.overdue") == ([told] if recorded else None)
