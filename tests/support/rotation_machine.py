"""Everything that can happen to a resource, in an order and with arguments that hypothesis chooses.

After each step the rules of rotation_model.py hold, and: no key, nor 12 characters of one, stands in anything that
the durable engine stores, in an announcement or in a log record; and the same request or event starts nothing twice.
At the end faults cease, people put right what only people can, and the timer runs: then nobody holds the resource,
every secret publishes the same live key, no revocation is owed, and a further rotation succeeds.
"""

import asyncio
import functools
import json
import logging
import re
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from shared import composition
from shared.conflicts import RotationInProgress
from shared.errors import AppError, ArmRejected, NoVerdict, RegenerationOutcome, UpstreamFailed, UpstreamUnreachable
from shared.event_envelope import Event
from shared.key_vault_errors import KeyVaultForbidden
from shared.parameters import KeyType
from shared.proof import prove_alive, prove_dead
from shared.redaction import Secret
from shared.resource_id import AllowList, Scope
from shared.rotation import activities, entity, guard, reactions, requests
from shared.rotation.findings import Summary
from shared.rotation.model import Json, Pending
from shared.rotation.parameters import RotationRequest
from shared.rotation.reconcile import Reconciler, Watched
from shared.settings import parse_settings
from tests.support.durable_bridge import EngineOf
from tests.support.fakes import FakeSleep
from tests.support.interleaving import CHANGES, Interleaved
from tests.support.orchestration import GUARD_KEY, replay
from tests.support.rotation import World
from tests.support.rotation_model import Model, WatchedCloud, WatchedVault, silent
from tests.support.vault import RESOURCE, connected, secret

VAULT_URL = "https://vault.example"
GRACE = timedelta(days=2)
_WINDOW = 12
_LONGEST_WORK = 40
_STEPS = (*CHANGES, *CHANGES[:2], "prove_alive", "inspect_resource", "claim", "schedule", "release")
_MEDDLING = ("set", "regenerate", "terminate", "leave", "outage", "now", "late", "dies")
_RUNS = re.compile(r"[A-Za-z0-9+/=]{12,}")
_REGENERATE = "Microsoft.Communication/communicationServices/regenerateKey/action"
_SLOTS = ("Primary", "Secondary")

_throttled = functools.partial(ArmRejected, 429, "TooManyRequests", "Later.", headers={"Retry-After": "120"})
_refused = functools.partial(ArmRejected, 409, "Conflict", "Not now.")
_failed = functools.partial(UpstreamFailed, "ARM failed.", outcome=RegenerationOutcome.UNKNOWN)
_cut = functools.partial(
    UpstreamUnreachable, "The connection was lost.", sent=True, outcome=RegenerationOutcome.UNKNOWN
)
_unheard = functools.partial(UpstreamUnreachable, "No connection.", sent=False)
_mute = functools.partial(NoVerdict, "No answer.")
_forbidden = functools.partial(KeyVaultForbidden, "Denied.")
_ARM_FAULTS: dict[str, Any] = {
    "list_keys": (_throttled, _failed, _refused),
    "regenerate_key": (_throttled, _failed, _refused, _unheard),
    "accepts": (_mute,),
}
_VAULT_FAULTS: dict[str, Any] = dict.fromkeys(("list", "get", "set", "version", "disable"), (silent, _forbidden))
_FAULTS = [
    (where, operation, number)
    for where, faults in (("arm", _ARM_FAULTS), ("vault", _VAULT_FAULTS))
    for operation in faults
    for number in range(len(faults[operation]))
] + [("arm", "lost answer", 0), ("vault", "lost answer", 0)]

slots = st.sampled_from(_SLOTS)
graces = st.sampled_from([timedelta(0), timedelta(minutes=10), timedelta(hours=1), GRACE])
numbers = st.integers(0, 7)


@dataclass(frozen=True, slots=True)
class Chance:
    """What others do right before a step: `then`, to the secret `name` or the key in `slot`, where it is about one."""

    step: str
    then: str
    name: str
    slot: str


chances = st.builds(
    Chance, step=st.sampled_from(_STEPS), then=st.sampled_from(_MEDDLING), name=st.sampled_from("ab"), slot=slots
)


def _event(id_: str, type_: str, source: str, subject: str, data: Any) -> Event:
    return Event(id=id_, type=type_, source=source, subject=subject, data=data)


class _Records(logging.Handler):
    """Keeps what is logged, formatted, with its tracebacks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.texts.append(self.format(record))


class Machine(RuleBasedStateMachine):
    """The state machine. `tally` counts what was tried, over all of its runs."""

    tally: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._patch = pytest.MonkeyPatch()
        self.tally["examples"] += 1
        cloud, vault = WatchedCloud(), WatchedVault()
        self.world = World(cloud=cloud, vault=vault)
        self.durable = Interleaved(self.world)
        self.model = Model(self.durable, cloud, vault)
        self.cloud, self.vault, self.clock = cloud, vault, self.world.clock
        self.engine = EngineOf(self.durable)
        self.events: list[Event] = []
        # what each event or request has started
        self.begun: dict[str, set[str]] = {}
        self.asked: list[tuple[str, str, Json, bool]] = []
        self.windows: set[str] = set()
        self._keys_known = 0
        self._scanned: Counter[str] = Counter()
        self.records = _Records()
        self._use_the_app()

    def _use_the_app(self) -> None:
        """Put the app's clocks, pauses, settings and log into this world."""
        for prove in (prove_alive, prove_dead):
            self._patch.setattr(activities, prove.__name__, functools.partial(prove, sleep=FakeSleep()))
        self._patch.setattr(entity, "datetime", SimpleNamespace(now=self.clock))
        configured = parse_settings(
            {
                "COMMUNICATION_SERVICE_ID": str(RESOURCE),
                "KEY_VAULT_URL": VAULT_URL,
                "EVENT_GRID_TOPIC_ENDPOINT": "https://topic.westeurope-1.eventgrid.azure.net/api/events",
            }
        )

        async def key_vault() -> WatchedVault:
            return self.vault

        self._patch.setattr(reactions, "settings", lambda: configured)
        self._patch.setattr(reactions, "utc_now", self.clock)
        self._patch.setattr(composition, "key_vault", key_vault)
        root = logging.getLogger()
        self._patch.setattr(root, "level", logging.DEBUG)
        root.addHandler(self.records)
        self.reconciler = Reconciler(
            engine=self.engine,
            watched=Watched(
                url=VAULT_URL,
                vault=self.vault,
                keys=self.cloud,
                allowed=AllowList([Scope.parse(str(RESOURCE))]),
                grace=GRACE,
            ),
            announce=True,
            retention=timedelta(days=90),
            now=self.clock,
        )

    @initialize(names=st.sampled_from(["a", "ab", "ab", ""]))
    def begin(self, names: str) -> None:
        """One secret, two, or none."""
        for name in names:
            self.vault.put(name, self.cloud.keys[KeyType.PRIMARY])

    # what the app is asked

    @rule(
        active=st.sampled_from([None, None, *_SLOTS]),
        grace=graces,
        revoke=st.sampled_from([True, True, False]),
        supersede=st.sampled_from([False, False, True]),
        waits=st.booleans(),
    )
    def rotate(self, active: str | None, grace: timedelta, revoke: bool, supersede: bool, waits: bool) -> None:
        """POST /api/rotations, or an event that asks for it."""
        asked = RotationRequest(
            active_key=KeyType(active) if active else None, grace_period=grace, revoke=revoke, supersede=supersede
        )
        self._ask("rotate_key", requests.rotation_input(asked, RESOURCE, default_grace=GRACE, source="http"), waits)

    @rule(
        slot=slots,
        force=st.booleans(),
        match=st.sampled_from([None, "now", "old"]),
        source=st.sampled_from(["http", "event"]),
    )
    def regenerate(self, slot: str, force: bool, match: str | None, source: str) -> None:
        """POST …/regenerateKey."""
        known = {None: None, "now": self.cloud.fingerprint(KeyType(slot)), "old": "sha256:0123456789abcdef"}[match]
        request = requests.regeneration_input(
            RESOURCE, KeyType(slot), if_match=frozenset({known}) if known else None, force=force, source=source
        )
        self._ask("regenerate_key", request, source == "event")

    @precondition(lambda self: bool(self.asked))
    @rule(number=numbers)
    def repeat(self, number: int) -> None:
        """The same request once more."""
        self._start(*self.asked[-1 - number % len(self.asked)])

    @precondition(lambda self: any(run.name == "revoke_key" and not run.ended for run in self.durable.runs.values()))
    @rule(number=numbers, decision=st.sampled_from(["revoke", "cancel"]))
    def decide(self, number: int, decision: str) -> None:
        """Somebody ends a grace period, or calls its end off."""
        waiting = [run for run in self.durable.runs.values() if run.name == "revoke_key" and not run.ended]
        self._do(self.engine.decide(waiting[number % len(waiting)].instance_id, decision))

    @rule(number=numbers, older=st.sampled_from([0, 0, 0, 1, 2]), expired=st.booleans())
    def secret_expires(self, number: int, older: int, expired: bool) -> None:
        """Key Vault tells of a version, the current one or one before."""
        if not self.vault.versions:
            return
        name = sorted(self.vault.versions)[number % len(self.vault.versions)]
        versions = self.vault.versions[name]
        told = versions[-1 - older % len(versions)]
        kind = "SecretExpired" if expired else "SecretNearExpiry"
        data = {"Id": f"{VAULT_URL}/secrets/{name}/{told.version}", "ObjectType": "Secret"}
        before = set(self.durable.runs)
        self._tell(_event(f"{kind} {told.version}", f"Microsoft.KeyVault.{kind}", "/vault", name, data))
        if told.version != versions[-1].version:
            assert set(self.durable.runs) == before, "a stale event has started something"

    @rule()
    def arm_tells(self) -> None:
        """ARM tells that somebody has regenerated a key, be it the app itself."""
        data = {"resourceUri": str(RESOURCE), "operationName": _REGENERATE, "status": "Succeeded"}
        type_ = "Microsoft.Resources.ResourceActionSuccess"
        self._tell(_event(f"arm {len(self.events)}", type_, "/subscriptions/s", str(RESOURCE), data))

    @rule(
        type_=st.sampled_from(["RotateRequested", "RegenerateRequested"]),
        data=st.sampled_from(
            [
                *({}, None, "", {"keyType": "Primary"}, {"keyType": "secondary", "force": True}),
                *({"gracePeriod": "PT10M"}, {"supersede": True, "reason": "leaked"}),
                *({"resourceId": "/subscriptions/x"}, {"gracePeriod": 1}),
            ]
        ),
    )
    def publisher_asks(self, type_: str, data: Any) -> None:
        """Somebody publishes a request, well-formed or not."""
        self._tell(_event(f"asked {len(self.events)}", f"CommunicationKey.{type_}", "/topics/t", "", data))

    @precondition(lambda self: bool(self.events))
    @rule(number=numbers)
    def redeliver(self, number: int) -> None:
        """Event Grid delivers at least once."""
        self._tell(self.events[-1 - number % len(self.events)], again=True)

    @rule()
    def timer(self) -> None:
        """The timer runs."""
        self.tally["timer runs"] += 1
        self._do(self._reconcile())

    # what others do

    @rule(slot=slots)
    def regenerate_outside(self, slot: str) -> None:
        """Somebody regenerates a key with a tool of their own."""
        self.tally["outside"] += 1
        self.cloud.rotate_from_outside(KeyType(slot))

    @rule(
        name=st.sampled_from("ab"),
        value=st.sampled_from(["Primary", "Secondary", "old", "garbage", "structured"]),
        tag=st.sampled_from([*_SLOTS, ""]),
        raw=st.booleans(),
        soon=st.booleans(),
    )
    def set_by_hand(self, name: str, value: str, tag: str, raw: bool, soon: bool) -> None:
        """Somebody sets a secret: to either key, to one of before, to anything; with a right tag or a wrong one."""
        self.tally["outside"] += 1
        key = self.cloud.keys.get(KeyType(value), "") if value in _SLOTS else self.cloud.issued[-3:][0]
        text = {"garbage": "nothing of use", "structured": json.dumps({"key": key})}.get(
            value, key if raw else connected(key)
        )
        self._put(name, text, tag, soon=soon)

    @rule(number=numbers, what=st.sampled_from(["retag", "untag", "disable", "enable", "delete"]), tag=slots)
    def meddle(self, number: int, what: str, tag: str) -> None:
        """Somebody tags, disables, enables or deletes a secret."""
        if not self.vault.versions:
            return
        self.tally["outside"] += 1
        name = sorted(self.vault.versions)[number % len(self.vault.versions)]
        current = self.vault.versions[name][-1]
        self.model.set_by_hand(current.value.reveal())
        match what:
            case "delete":
                del self.vault.versions[name]
            case "disable" | "enable":
                self.vault.versions[name][-1] = replace(current, enabled=what == "enable")
            case _:
                tags = {"CredentialId": tag, "ProviderAddress": str(RESOURCE)} if what == "retag" else {}
                self.vault.versions[name][-1] = replace(current, tags=tags)

    @precondition(lambda self: any(not run.ended for run in self.durable.runs.values()))
    @rule(number=numbers, lingers=st.booleans())
    def terminate(self, number: int, lingers: bool) -> None:
        """Somebody terminates an orchestration."""
        self.tally["terminations"] += 1
        running = [run.instance_id for run in self.durable.runs.values() if not run.ended]
        self.durable.kill(running[-1 - number % len(running)], lingers=lingers)

    @rule(fault=st.sampled_from(_FAULTS), times=st.sampled_from([1, 1, 2, 5, 13]))
    def fail(self, fault: tuple[str, str, int], times: int) -> None:
        """The next calls of a kind fail."""
        self.tally["faults"] += times
        where, operation, number = fault
        for _ in range(times):
            if operation == "lost answer":
                self.cloud.lost.append(_cut()) if where == "arm" else self.vault.lost.append(silent())
            elif where == "arm":
                self.cloud.failures.setdefault(operation, []).append(_ARM_FAULTS[operation][number]())
            else:
                self.vault.planned.setdefault(operation, []).append(_VAULT_FAULTS[operation][number]())

    @rule(mishaps=st.lists(st.sampled_from(["now", "late", "dies", "none"]), min_size=1, max_size=4))
    def befall(self, mishaps: list[str]) -> None:
        """The next activities run twice, or their worker dies."""
        self.tally["mishaps"] += len(mishaps)
        self.durable.mishaps.extend(mishaps)

    # how things go on

    @precondition(lambda self: bool(self.durable.ready()))
    @rule(picks=st.lists(numbers, min_size=2, max_size=24))
    def work(self, picks: list[int]) -> None:
        """One action after another, of whichever orchestration."""
        self._work(picks)

    @precondition(lambda self: bool(self.durable.ready()))
    @rule(picks=st.lists(st.integers(0, 2), min_size=1, max_size=6))
    def work_a_little(self, picks: list[int]) -> None:
        """A few actions."""
        self._work(picks)

    @precondition(lambda self: bool(self.durable.ready()))
    @rule(step=st.sampled_from(_STEPS))
    def work_up_to(self, step: str) -> None:
        """One action after another, until a step is about to be taken: then others have their chance."""
        self._work_up_to(step)

    @precondition(lambda self: bool(self.durable.ready()))
    @rule(chance=chances)
    def meddle_in_the_midst(self, chance: Chance) -> None:
        """Others take their chance right before a step of whatever runs."""
        self._take(chance)

    @rule(grace=graces, supersede=st.booleans(), chance=chances)
    def meddle_with_a_rotation(self, grace: timedelta, supersede: bool, chance: Chance) -> None:
        """Others take their chance in the midst of a rotation."""
        self.rotate(None, grace, True, supersede, True)
        self._take(chance)

    @rule(slot=slots, force=st.booleans(), chance=chances)
    def meddle_with_a_regeneration(self, slot: str, force: bool, chance: Chance) -> None:
        """Others take their chance in the midst of a regeneration."""
        self.regenerate(slot, force, None, "event")
        self._take(chance)

    @rule(number=numbers, chance=chances)
    def meddle_with_an_expiry(self, number: int, chance: Chance) -> None:
        """Others take their chance in the midst of a rotation that an event has asked for."""
        self.secret_expires(number, 0, False)
        self._take(chance)

    @rule(lasts=st.sampled_from([timedelta(minutes=5), timedelta(hours=2), timedelta(days=1), timedelta(days=3)]))
    def go_on(self, lasts: timedelta) -> None:
        """Everything happens in its time, for a while."""
        self._do(self.durable.rest(self.clock.now + lasts))

    @rule(lasts=st.sampled_from([timedelta(seconds=1), timedelta(minutes=20), timedelta(hours=3), timedelta(days=2)]))
    def outage(self, lasts: timedelta) -> None:
        """Nothing happens, for a while."""
        self.durable.outage(lasts)

    # what holds

    @invariant()
    def nothing_tells_a_key(self) -> None:
        """I1, for everything that was written since the last step."""
        self.tally["steps"] += 1
        for key in self.cloud.issued[self._keys_known :]:
            self.windows |= {key[at : at + _WINDOW] for at in range(len(key) - _WINDOW + 1)}
        self._keys_known = len(self.cloud.issued)
        for text in self._written():
            for found in _RUNS.findall(text):
                leaks = [at for at in range(len(found) - _WINDOW + 1) if found[at : at + _WINDOW] in self.windows]
                assert not leaks, f"a key is told: {text[:200]}"

    @invariant()
    def what_has_ended_tells_the_truth(self) -> None:
        """Succeeded is said of what has succeeded."""
        self.model.require_truth()

    def teardown(self) -> None:
        """Let everything come to rest, and see whether all is well."""
        try:
            self._settle()
        finally:
            self.tally["actions"] += self.durable.actions_done
            self.tally["orchestrations"] += len(self.durable.runs)
            self.tally["regenerations"] += len(self.cloud.regenerated)
            logging.getLogger().removeHandler(self.records)
            self._patch.undo()
            self._runner.close()

    def _settle(self) -> None:
        for planned in (self.cloud.failures, self.vault.planned):
            planned.clear()
        self.cloud.lost.clear()
        self.vault.lost.clear()
        self.durable.mishaps.clear()
        self._do(self.durable.rest())
        self._put_right()
        # the end of every grace, of those, too, whose revocation was terminated
        self.clock.tick(timedelta(days=4))
        self._until_peace()
        self._require_order()
        if self.vault.of_resource():
            self._rotate_once_more()
        self.nothing_tells_a_key()
        self.model.require_truth()
        for run in list(self.durable.runs.values()):
            if all(each.task.is_complete != each.task.is_failed for each in run.actions if each.task.is_complete):
                again = replay(run.history())
                assert again.output == run.output, f"{run.name} does not replay"
                assert len(again.actions) == len(run.actions), f"{run.name} does not replay"

    def _put_right(self) -> None:
        """Do what only people can: a secret in a format of its own, or of nobody knows which key, is set anew."""
        for each in self.vault.of_resource():
            if each.fingerprint not in self._live() and (each.key_type is None or each.value.reveal().startswith("{")):
                self._put(each.name, "nothing of use", "Primary", soon=False)

    def _until_peace(self) -> None:
        found: list[Summary] = []
        while [each.sound == each.resources for each in found[-2:]] != [True, True]:
            assert len(found) < 40, f"there is no peace: {found[-3:]}"
            found.append(self._do(self.reconciler.run()))
            self._do(self.durable.rest())
            self.clock.tick(timedelta(hours=6))

    def _require_order(self) -> None:
        published = {each.fingerprint for each in self.vault.of_resource()}
        assert published <= self._live(), "a secret publishes a dead key for ever"
        assert len(published) <= 1, "secrets publish different keys for ever"
        state = self.durable.guards.get(GUARD_KEY)
        if state is None:
            return
        assert guard.holder_of(state, self.clock.now) is None, "somebody holds the resource for ever"
        pending = Pending.from_json(state["pending"])
        if pending is not None and pending.to_be_revoked and published:
            assert pending.fingerprint not in self._live() - published, "a revocation is owed for ever"

    def _rotate_once_more(self) -> None:
        asked = RotationRequest(grace_period=timedelta(0))
        old = {each.fingerprint for each in self.vault.of_resource()}
        # a key that is left alive on purpose is in grace as long as any other
        self.clock.tick(timedelta(days=3))
        self._ask("rotate_key", requests.rotation_input(asked, RESOURCE, default_grace=GRACE, source="http"), False)
        id_ = self.asked[-1][1]
        self._do(self.durable.rest())
        output = self.durable.runs[id_].output
        assert output is not None
        assert output["status"] == "Succeeded", output.get("error")
        assert not old & self._live(), "the old key lives on"
        self._require_order()

    # how it is done

    def _take(self, chance: Chance) -> None:
        self.tally["in the midst"] += 1
        self._work_up_to(chance.step)
        match chance.then:
            case "set":
                self._put(chance.name, connected(self.cloud.keys[KeyType(chance.slot)]), chance.slot, soon=False)
            case "regenerate":
                self.cloud.rotate_from_outside(KeyType(chance.slot))
            case "terminate" | "leave":
                ready = self.durable.ready()
                if ready and not ready[0][0].ended:
                    self.durable.kill(ready[0][0].instance_id, lingers=chance.then == "leave")
            case "outage":
                self.durable.outage(timedelta(hours=2))
            case _:
                self.durable.mishaps.appendleft(chance.then)
                self._do(self.durable.act(0))

    def _work_up_to(self, step: str) -> None:
        for _ in range(_LONGEST_WORK):
            ready = self.durable.ready()
            if not ready or ready[0][1].name.endswith(step):
                break
            self._do(self.durable.act(0))

    def _work(self, picks: list[int]) -> None:
        for pick in picks:
            self.tally["choices"] += len(self.durable.ready()) > 1
            if not self._do(self.durable.act(pick)):
                break

    def _do[T](self, what: Awaitable[T]) -> T:
        async def task() -> T:
            return await what

        return self._runner.run(task())

    def _live(self) -> set[str]:
        return {Secret(key).fingerprint for key in self.cloud.keys.values()}

    def _put(self, name: str, text: str, tag: str, *, soon: bool) -> None:
        self.clock.tick()
        tags = {"CredentialId": tag, "ProviderAddress": str(RESOURCE)}
        expires_on = self.clock.now + timedelta(days=10) if soon else None
        new = secret(text, name=name, tags=tags, created_on=self.clock.now, expires_on=expires_on)
        self.vault.versions.setdefault(name, []).append(new)
        self.model.set_by_hand(text)

    def _ask(self, orchestrator: str, request: Json, waits: bool) -> None:
        id_ = requests.instance_id("http", RESOURCE, str(len(self.asked)))
        self.asked.append((orchestrator, id_, request, waits))
        self._start(orchestrator, id_, request, waits)

    def _start(self, orchestrator: str, id_: str, request: Json, waits: bool) -> None:
        known = id_ in self.durable.runs
        start = requests.start(
            self.engine, orchestrator, request, id_=id_, now=self.clock.now, waits=waits, announce=True
        )
        try:
            new = self._do(start)
        except RotationInProgress:
            assert not known, "a repeated request is told that somebody holds the resource"
            assert not waits, "what waits is refused at the start"
            return
        assert new is not known, "a request starts something twice"
        self.tally["requests"] += 1

    def _tell(self, event: Event, *, again: bool = False) -> None:
        self.tally["events"] += 1
        if not again:
            self.events.append(event)
        before = set(self.durable.runs)
        try:
            self._do(reactions.react(event, self.engine))
        except AppError:
            # Event Grid comes again
            return
        started = set(self.durable.runs) - before
        known = self.begun.setdefault(event.id, set())
        assert len(started) <= 1
        assert not (started and known & before), "an event starts something twice"
        known |= started

    async def _reconcile(self) -> None:
        try:
            await self.reconciler.run()
        except AppError:
            # the vault could not be listed; the next run is the next chance
            return

    def _written(self) -> list[str]:
        """Return what was written since the last time."""
        texts = [json.dumps(self.durable.guards)]
        for id_, run in self.durable.runs.items():
            for what, kept in (("a", run.actions), ("c", run.completions), ("s", run.statuses)):
                known = self._scanned[f"{what} {id_}"]
                texts += [json.dumps(each if what == "s" else each.to_json()) for each in kept[known:]]  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType, reportAttributeAccessIssue]  # three kinds of records
                self._scanned[f"{what} {id_}"] = len(kept)
            if run.output is not None and not self._scanned[f"o {id_}"]:
                self._scanned[f"o {id_}"] = 1
                texts.append(json.dumps(run.output))
        for what, kept in (("results", self.durable.results), ("records", self.records.texts)):
            texts += [json.dumps(each) for each in kept[self._scanned[what] :]]
            self._scanned[what] = len(kept)
        return texts
