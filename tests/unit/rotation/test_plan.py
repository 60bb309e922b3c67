"""The plan: the table of decisions row by row, and its invariant over every combination there is."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.conflicts import ActiveKeyUnknown, GracePending, KeyInUse, SecretsDisagreed, StaleEvent
from shared.parameters import KeyType
from shared.rotation.model import Found, Pending, SecretView
from shared.rotation.plan import Converge, Plan, Refuse, Repair, Rotate, Settled, Wanted, decide, refusal

PRIMARY, SECONDARY = KeyType.PRIMARY, KeyType.SECONDARY
KEYS = {PRIMARY: "sha256:p", SECONDARY: "sha256:s"}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER, EARLIER = NOW + timedelta(hours=1), NOW - timedelta(seconds=1)
PUBLISHES = ("sha256:p", "sha256:s", "sha256:dead")


def view(
    name: str, publishes: str, tag: KeyType | None = PRIMARY, created_on: str = "2026-01-01T00:00:00Z"
) -> SecretView:
    """Return a secret that publishes a fingerprint."""
    return SecretView(f"https://v/secrets/{name}/1", name, "1", publishes, tag, created_on)


def pending(key_type: KeyType, fingerprint: str | None = None, at: datetime = LATER) -> Pending:
    """Return a key in grace."""
    return Pending(key_type, fingerprint or KEYS[key_type], at, "r1-revoke")


@dataclass(frozen=True, slots=True)
class Case:
    """One combination of everything that a decision depends on."""

    found: Found
    wanted: Wanted
    pending: Pending | None

    @property
    def plan(self) -> Plan:
        """What is decided."""
        return decide(self.found, self.wanted, self.pending, NOW)

    @property
    def published(self) -> set[str]:
        """The fingerprints that secrets publish."""
        return {secret.fingerprint for secret in self.found.secrets}


def secrets() -> Iterator[list[SecretView]]:
    """Give no secret, and one or two with whatever values, tags and order of creation."""
    one = list(itertools.product(PUBLISHES, (PRIMARY, SECONDARY, None)))
    yield []
    for value, tag in one:
        yield [view("a", value, tag)]
    for (value, tag), (value2, tag2), newer in itertools.product(one, one, ("2025", "2026", "2027", "")):
        yield [view("a", value, tag), view("b", value2, tag2, newer)]


def cases() -> Iterator[Case]:
    """Give every combination."""
    in_grace = [
        pending(key_type, fingerprint, at)
        for key_type in KeyType
        for fingerprint in (None, "sha256:gone")
        for at in (LATER, NOW, EARLIER)
    ]
    wishes = [
        Wanted(rotate=rotate, active_key=active_key, supersede=supersede)
        for rotate in (True, False)
        for active_key in (None, PRIMARY, SECONDARY)
        for supersede in (False, True)
    ]
    for views, wanted, grace in itertools.product(secrets(), wishes, [None, *in_grace]):
        yield Case(Found(KEYS, views), wanted, grace)


def test_a_plan_never_regenerates_a_published_key() -> None:
    """I2 over all combinations: no plan takes a key that a secret publishes, whatever was asked for."""
    count = 0
    for case in cases():
        count += 1
        plan = case.plan
        if isinstance(plan, Rotate):
            assert plan.expected not in case.published, case
            assert plan.expected == KEYS[plan.replace]
            assert plan.old == KEYS[plan.active]
    assert count > 50_000


def test_a_key_in_grace_is_regenerated_only_where_it_was_superseded() -> None:
    """I2 over all combinations: the previously published key lives on through its grace, unless there was a leak."""
    for case in cases():
        plan, grace = case.plan, case.pending
        if isinstance(plan, Rotate) and grace is not None and plan.expected == grace.fingerprint and grace.at > NOW:
            assert case.wanted.supersede, case


def test_only_a_live_key_is_published() -> None:
    """Whatever a plan publishes is one of the resource's two keys, and goes only where it should."""
    for case in cases():
        match case.plan:
            case Repair(names, key_type, fingerprint):
                assert KEYS[key_type] == fingerprint
                dead = {secret.name for secret in case.found.secrets if secret.fingerprint not in KEYS.values()}
                assert names
                assert set(names) <= dead, case
            case Converge(key_type, fingerprint, old):
                assert (KEYS[key_type], KEYS[key_type.other]) == (fingerprint, old)
                assert case.published == set(KEYS.values())
            case _:
                pass


def test_every_combination_comes_to_an_end() -> None:
    """Repairs and convergences, done as planned, lead to a rotation, a refusal or rest after at most three rounds."""
    for case in cases():
        found, plan = list(case.found.secrets), case.plan
        for _ in range(4):
            if isinstance(plan, Repair):
                found = [view(s.name, plan.fingerprint, plan.key_type) if s.name in plan.names else s for s in found]
            elif isinstance(plan, Converge):
                found = [view(s.name, plan.fingerprint, plan.key_type) for s in found]
            plan = decide(Found(KEYS, found), case.wanted, case.pending, NOW)
        assert isinstance(plan, (Rotate, Refuse, Settled)), case


def test_rest_is_wanted_or_a_reason_is_given() -> None:
    """`Settled` is the answer only where no rotation was asked for; a rotation that is not done has an error."""
    for case in cases():
        match case.plan:
            case Settled():
                assert not case.wanted.rotate
            case Refuse(error):
                assert error.status == 409
                assert not error.retriable
            case _:
                pass


def test_one_live_key_everywhere_is_rotated() -> None:
    """All secrets publish the same live key: the other one is regenerated."""
    found = Found(KEYS, [view("a", "sha256:s"), view("b", "sha256:s", None)])
    assert decide(found, Wanted(), None, NOW) == Rotate(PRIMARY, "sha256:p", "sha256:s", adopts=False)


def test_no_secret_is_adopted_with_the_callers_word() -> None:
    """No secret, and the request names the key in use: the other one is regenerated, a secret is created."""
    found = Found(KEYS, [])
    assert decide(found, Wanted(active_key=PRIMARY), None, NOW) == Rotate(
        SECONDARY, "sha256:s", "sha256:p", adopts=True
    )


def test_no_secret_and_no_word_is_refused() -> None:
    """Nobody says which key is in use."""
    plan = decide(Found(KEYS, []), Wanted(), None, NOW)
    assert isinstance(plan, Refuse)
    assert isinstance(plan.error, ActiveKeyUnknown)


@pytest.mark.parametrize("tag", KeyType)
def test_a_dead_secret_gets_the_key_of_its_slot(tag: KeyType) -> None:
    """The tag says which slot a secret follows when its value says nothing."""
    assert decide(Found(KEYS, [view("a", "x", tag)]), Wanted(), None, NOW) == Repair(["a"], tag, KEYS[tag])


def test_a_dead_secret_without_a_tag_follows_the_others() -> None:
    """What the resource's other secrets publish is what an untagged one should."""
    found = Found(KEYS, [view("a", "x", None), view("b", "sha256:s")])
    assert decide(found, Wanted(), None, NOW) == Repair(["a"], SECONDARY, "sha256:s")


def test_the_tag_of_a_dead_secret_counts_more_than_the_others() -> None:
    """It gets the live key of its own slot, whatever the resource's other secrets publish or the caller says."""
    found = Found(KEYS, [view("a", "x", PRIMARY), view("b", "sha256:s")])
    assert decide(found, Wanted(active_key=SECONDARY), None, NOW) == Repair(["a"], PRIMARY, "sha256:p")


def test_a_dead_secret_without_a_tag_follows_the_callers_word() -> None:
    """With no other secret the request decides; without a word nobody knows."""
    found = Found(KEYS, [view("a", "x", None)])
    assert decide(found, Wanted(active_key=SECONDARY), None, NOW) == Repair(["a"], SECONDARY, "sha256:s")
    plan = decide(found, Wanted(), None, NOW)
    assert isinstance(plan, Refuse)
    assert isinstance(plan.error, ActiveKeyUnknown)


def test_dead_secrets_of_different_slots_are_repaired_one_slot_at_a_time() -> None:
    """The secrets of one slot come together, the others at the next decision."""
    found = Found(KEYS, [view("a", "x"), view("b", "y", SECONDARY), view("c", "z")])
    assert decide(found, Wanted(), None, NOW) == Repair(["a", "c"], PRIMARY, "sha256:p")


@pytest.mark.parametrize(("newer", "key_type"), [("2027", SECONDARY), ("2025", PRIMARY)])
def test_disagreeing_secrets_converge_on_the_newer_key(newer: str, key_type: KeyType) -> None:
    """Of two live keys the one that was published last wins; the other one is then in grace."""
    found = Found(KEYS, [view("a", "sha256:p"), view("b", "sha256:s", SECONDARY, newer)])
    assert decide(found, Wanted(supersede=True), None, NOW) == Converge(key_type, KEYS[key_type], KEYS[key_type.other])


def test_the_other_key_in_grace_refuses_with_its_time() -> None:
    """GracePending says until when, and by which rotation's id the grace can be ended."""
    plan = decide(Found(KEYS, [view("a", "sha256:s")]), Wanted(), pending(PRIMARY), NOW)
    assert isinstance(plan, Refuse)
    assert isinstance(plan.error, GracePending)
    assert (plan.error.at, plan.error.rotation) == ("2026-01-01T01:00:00Z", "r1")


def test_a_grace_that_nobody_ends_early_names_no_rotation() -> None:
    """Where the old key is left to live, there is no id under which it could be revoked."""
    kept = replace(pending(PRIMARY), revocation_id=None)
    plan = decide(Found(KEYS, [view("a", "sha256:s")]), Wanted(), kept, NOW)
    assert isinstance(plan, Refuse)
    assert isinstance(plan.error, GracePending)
    assert plan.error.rotation is None


@pytest.mark.parametrize(
    "grace",
    [
        pytest.param(None, id="none"),
        pytest.param(pending(PRIMARY, at=NOW), id="over"),
        pytest.param(pending(PRIMARY, "sha256:before"), id="regenerated since"),
    ],
)
def test_a_grace_that_is_over_hinders_nothing(grace: Pending | None) -> None:
    """Once the time has come, or the key is another one, the slot is free."""
    assert isinstance(decide(Found(KEYS, [view("a", "sha256:s")]), Wanted(), grace, NOW), Rotate)


def test_superseding_ends_a_grace() -> None:
    """After a leak the key in grace is taken at once."""
    plan = decide(Found(KEYS, [view("a", "sha256:s")]), Wanted(supersede=True), pending(PRIMARY), NOW)
    assert plan == Rotate(PRIMARY, "sha256:p", "sha256:s", adopts=False)


def test_a_word_against_the_secrets_is_refused() -> None:
    """activeKey contradicts what is published: nothing is touched, and the property and the published key are named."""
    plan = decide(Found(KEYS, [view("a", "sha256:s")]), Wanted(active_key=PRIMARY), None, NOW)
    assert isinstance(plan, Refuse)
    assert isinstance(plan.error, SecretsDisagreed)
    assert plan.error.target == "activeKey"
    assert "publish the Secondary key" in plan.error.message


def test_a_published_key_is_in_use() -> None:
    """A single regeneration is refused with the secrets, before anything is said of a grace."""
    error = refusal(PRIMARY, "sha256:p", ["https://v/secrets/a/1"], pending(PRIMARY), NOW)
    assert isinstance(error, KeyInUse)


@pytest.mark.parametrize(
    ("grace", "refused"),
    [
        (None, False),
        (pending(PRIMARY), True),
        (pending(PRIMARY, at=NOW), False),
        (pending(PRIMARY, "sha256:before"), False),
        (pending(SECONDARY), False),
    ],
)
def test_a_key_in_grace_is_not_regenerated_alone(grace: Pending | None, refused: bool) -> None:
    """A single regeneration is refused for the key in grace, and for no other."""
    error = refusal(PRIMARY, "sha256:p", [], grace, NOW)
    assert isinstance(error, GracePending) is refused
    if error is not None:
        assert error.additional_info[0]["info"] == {"at": "2026-01-01T01:00:00Z", "id": "r1"}


@pytest.mark.parametrize("secret", [("a", "2"), ("b", "1")])
@pytest.mark.parametrize("publishes", PUBLISHES)
def test_a_version_that_is_not_the_current_one_is_stale(publishes: str, secret: tuple[str, str]) -> None:
    """Whatever else is found, an event about another version has nothing to do."""
    plan = decide(Found(KEYS, [view("a", publishes)]), Wanted(secret=secret), None, NOW)
    assert isinstance(plan, Refuse)
    assert isinstance(plan.error, StaleEvent)


def test_the_current_version_is_rotated() -> None:
    """An event about the current version of one of the secrets rotates."""
    found = Found(KEYS, [view("a", "sha256:p"), view("b", "sha256:p")])
    assert isinstance(decide(found, Wanted(secret=("b", "1")), None, NOW), Rotate)


def test_the_name_of_a_secret_may_be_spelled_otherwise() -> None:
    """Key Vault's names are the same in any case: the current version is current however the event spells its name."""
    plan = decide(Found(KEYS, [view("a", "sha256:p")]), Wanted(secret=("A", "1")), None, NOW)
    assert isinstance(plan, Rotate)
