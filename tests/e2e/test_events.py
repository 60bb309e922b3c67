"""Every type of event in both schemas, in whatever condition it comes: what it ends with, and what is never done.

All cases run side by side, each on a resource of its own, while the cloud's own events are held back; those come late,
after everything, and may change nothing.
"""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.emulator import Emulator
from tests.support.event_cases import NAMES, Case, End, Name, Stage
from tests.support.leaks import find_leaks
from tests.support.outside import EVENTS, running
from tests.support.reactions import events, instances, settled

_AT_ONCE = 8
each_case = pytest.mark.parametrize("name", NAMES, ids=" ".join)
_ORCHESTRATORS = ("rotate_key", "regenerate_key", "repair_secrets")


@dataclass(frozen=True, slots=True, repr=False)
class Seen:
    """The cloud and the app at one moment."""

    instances: list[dict[str, Any]]
    requests: list[dict[str, Any]]
    secrets: dict[str, list[dict[str, Any]]]
    keys: dict[str, set[str]]
    delivered: dict[str, tuple[str, int]]
    log: str

    @classmethod
    def of(cls, emulator: Emulator) -> "Seen":
        """Look."""
        return cls(
            instances(emulator),
            emulator.call_control("GET", "requests"),
            {each["name"]: each["versions"] for each in emulator.call_control("GET", "secrets")},
            {each["resourceId"]: set(each["keys"].values()) for each in emulator.call_control("GET", "resources")},
            {each["id"]: (each["status"], each["attempts"]) for each in events(emulator, "in")},
            emulator.output,
        )

    def about(self, case: Case) -> list[dict[str, Any]]:
        """Return what ARM and the data plane were asked about a case's resource."""
        return [entry for entry in self.requests if entry["resourceId"] == case.resource_id]

    def end(self, case: Case) -> End:
        """Return what a case has come to."""
        mine = [each for each in self.instances if each["name"] in _ORCHESTRATORS]
        ran = [
            f"{each['name']} {each['output'].get('error', {}).get('code', each['output']['status'])}"
            for each in mine
            if each["input"]["resourceId"].lower() == case.resource_id.lower()
        ]
        regenerated = [each for each in self.about(case) if each["operation"] == "regenerateKey" and each["effect"]]
        versions = sum(len(self.secrets[name]) for name in case.secrets)
        lines = [line for line in self.log.splitlines() if any(id_ in line for id_ in case.ids)]
        told = (
            case.end.told
            if all(any(case.end.told in each and id_ in each for each in lines) for id_ in case.ids)
            else ""
        )
        return End(tuple(sorted(ran)), len(regenerated) - case.regenerated_outside, versions - case.versions, told)


@dataclass(frozen=True, slots=True, repr=False)
class Played:
    """All cases, as they were after their own events, and after the cloud's own ones had come too."""

    emulator: Emulator
    cases: dict[Name, Case]
    then: Seen
    late: Seen


@pytest.fixture(scope="module")
def trap() -> Iterator[socket.socket]:
    """A server that no event may lead the app to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening


@pytest.fixture(scope="module")
def played(trap: socket.socket) -> Iterator[Played]:
    """Set all cases up, deliver their events in their order, and let everything come to rest; then release the rest."""
    with running(EVENTS) as emulator:
        emulator.call_control("PUT", "events/delivery", {"held": True})
        stage = Stage(emulator, f"https://127.0.0.1:{trap.getsockname()[1]}")
        cases = {name: stage.case(*name) for name in NAMES}
        distinct = {event["id"]: event for case in cases.values() for event in case.events}
        emulator.call_control("POST", "events", list(distinct.values()))

        def deliver(case: Case) -> None:
            for event in case.events:
                emulator.call_control("POST", f"events/{event['id']}/redeliver")

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(deliver, cases.values()))
        settled(emulator, 60)
        then = Seen.of(emulator)
        emulator.call_control("PUT", "events/delivery", {"held": False})
        settled(emulator, 60)
        yield Played(emulator, cases, then, Seen.of(emulator))


@each_case
def test_an_event_ends_as_it_should(played: Played, name: Name) -> None:
    """What is started and changed, once; what is said of it; and the event is accepted at each of its deliveries."""
    case = played.cases[name]
    assert played.then.end(case) == case.end
    deliveries = [event["id"] for event in case.events]
    for id_ in case.ids:
        assert played.then.delivered[id_] == ("Delivered", deliveries.count(id_))


@each_case
def test_what_starts_nothing_asks_nothing_of_arm(played: Played, name: Name) -> None:
    """Refused, stale, foreign and malformed events cost no call about their resource; all others do."""
    case = played.cases[name]
    asked = [
        entry for entry in played.then.about(case) if entry["operation"] != "regenerateKey" or case.end.regenerated
    ]
    assert bool(asked) is bool(case.end.ran)


def test_consumers_hold_a_live_key(played: Played) -> None:
    """Whatever came, each secret publishes a key that lives; but where nobody knows which key belongs in it."""
    dead = [
        name
        for name, case in played.cases.items()
        for secret in case.secrets
        if _published(played.late, secret) not in played.late.keys[case.resource_id]
    ]
    expected = [name for name in NAMES if name[0] == "ResourceActionSuccess" and name[2].startswith("tags ")]
    assert dead == expected


def test_what_the_cloud_tells_late_changes_nothing(played: Played) -> None:
    """Hundreds of events about what the app itself has done, after everything: it looks, and there is no loop."""
    before = {each["id"] for each in played.then.instances}
    later = [each for each in played.late.instances if each["id"] not in before]
    assert {each["name"] for each in later} <= {"repair_secrets", "announce_outcome"}
    assert {each["status"] for each in later} == {"Completed"}
    for case in played.cases.values():
        assert played.late.secrets.keys() == played.then.secrets.keys()
        assert [played.late.secrets[name] for name in case.secrets] == [
            played.then.secrets[name] for name in case.secrets
        ]
        assert played.late.keys[case.resource_id] == played.then.keys[case.resource_id]
    assert {status for status, _ in played.late.delivered.values()} == {"Delivered"}
    assert {attempts for _, attempts in played.late.delivered.values()} <= {1, 2, 3}


def test_no_event_leads_the_app_anywhere(played: Played, trap: socket.socket) -> None:
    """Nobody has called the server whose URL stands in events."""
    assert played.cases
    with pytest.raises(BlockingIOError):
        trap.accept()


def test_nothing_of_all_this_holds_a_key(played: Played) -> None:
    """No key, nor a part of one, in the log, in what Durable stores, or in what goes out; some events held one."""
    emulator = played.emulator
    keys = [key for each in emulator.call_control("GET", "resources") for key in each["issuedKeys"]]
    planted = json.dumps([event for case in played.cases.values() for event in case.events])
    assert len(find_leaks(planted, keys)) > 0
    for text in (
        emulator.output,
        json.dumps(emulator.call_control("GET", "durable")),
        json.dumps(events(emulator, "out")),
    ):
        assert find_leaks(text, keys) == []


def test_what_has_come_of_it_is_told_once(played: Played) -> None:
    """Each orchestration that did something has one event that goes out; a look without need has none."""
    told = [each["id"] for each in events(played.emulator, "out")]
    assert len(told) == len(set(told))
    silent = [each for each in played.late.instances if each["name"] in _ORCHESTRATORS and each["id"] not in told]
    assert {each["name"] for each in silent} == {"repair_secrets"}
    assert {each["output"]["stage"] for each in silent} == {"Settled"}


def _published(seen: Seen, secret: str) -> str:
    return seen.secrets[secret][-1]["value"].partition("accesskey=")[2]
