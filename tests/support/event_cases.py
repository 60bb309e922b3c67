"""The cases of the matrix of events: what is set up for each, what is delivered, and what it is to come to.

Each case has a resource and secrets of its own, so that all can run side by side on one emulator.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.emulator import Emulator
from tests.support.events import (
    SCHEMAS,
    Json,
    Schema,
    key_regenerated,
    regenerate_requested,
    rotate_requested,
    secret_near_expiry,
)
from tests.support.fakes import LEGACY_KEY
from tests.support.reactions import regenerate_outside

_SUBSCRIPTION = "/subscriptions/11112222-3333-4444-5555-666677778888"
_PROVIDER = "providers/Microsoft.Communication/communicationServices"
ALLOWED = f"{_SUBSCRIPTION}/resourceGroups/Allowed"
_OTHERS = f"{_SUBSCRIPTION}/resourceGroups/Others"

# the timer, which would mend what is to stay broken, does not run in the midst of a test
SETTINGS: Mapping[str, str] = {"ALLOWED_COMMUNICATION_SERVICES": ALLOWED, "RECONCILE_SCHEDULE": "0 0 0 1 1 *"}

EXPIRING = ("SecretNearExpiry", "SecretExpired")
_ANY_TYPE = (
    "once",
    "three times",
    "out of order",
    "malformed",
    "foreign URL",
    "not allowed",
    "tags missing",
    "tags hostile",
    "oddly written",
)
CONDITIONS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(EXPIRING, (*_ANY_TYPE, "stale version")),
    "ResourceActionSuccess": (*_ANY_TYPE, "the other key"),
    "RegenerateRequested": _ANY_TYPE,
    "RotateRequested": _ANY_TYPE,
}
type Name = tuple[str, Schema, str]
NAMES: tuple[Name, ...] = tuple(
    (type_, schema, condition)
    for type_, conditions in CONDITIONS.items()
    for condition in conditions
    for schema in SCHEMAS
)


@dataclass(frozen=True, slots=True)
class End:
    """What a case comes to.

    Attributes:
        ran: the orchestrations about its resource, each its name and its status, or the code of its error; sorted.
        regenerated: how many keys of the resource the app has regenerated.
        published: how many versions of its secrets the app has set.
        told: a phrase that the log holds beside the events' ids, or empty.
    """

    ran: tuple[str, ...] = ()
    regenerated: int = 0
    published: int = 0
    told: str = ""


_NOTHING = End()
_ROTATED = End(("rotate_key Succeeded",), 1, 1)
_REPAIRED = End(("repair_secrets Succeeded",), 0, 1)
_REGENERATED = End(("regenerate_key Succeeded",), 1, 0)
_MALFORMED = End(told="cannot be read and is dropped")
_REFUSED = End(told='"outcome": "Refused"')
# what a type comes to unless ENDS says otherwise
_USUAL = dict.fromkeys(EXPIRING, _ROTATED) | {
    "ResourceActionSuccess": _REPAIRED,
    "RegenerateRequested": _REGENERATED,
    "RotateRequested": _ROTATED,
}
_ENDS: Mapping[tuple[str, str], End] = {
    **{(type_, "malformed"): _MALFORMED for type_ in CONDITIONS},
    **{(type_, "not allowed"): _REFUSED for type_ in CONDITIONS},
    **{(type_, "stale version"): End(told="is ignored: another version") for type_ in EXPIRING},
    **{(type_, "foreign URL"): End(told="its vault is not the app's") for type_ in EXPIRING},
    **{(type_, "tags missing"): End(told="tags name no") for type_ in EXPIRING},
    **{(type_, "tags hostile"): End(told="tags name no") for type_ in EXPIRING},
    ("ResourceActionSuccess", "not allowed"): End(told="may not touch"),
    ("ResourceActionSuccess", "out of order"): End(("repair_secrets Succeeded",) * 2, 0, 1),
    ("ResourceActionSuccess", "the other key"): End(("repair_secrets Succeeded",)),
    ("ResourceActionSuccess", "tags missing"): End(("repair_secrets Succeeded",)),
    ("ResourceActionSuccess", "tags hostile"): End(("repair_secrets ActiveKeyUnknown",)),
    ("RegenerateRequested", "out of order"): End(("regenerate_key Succeeded",) * 2, 2, 0),
    ("RotateRequested", "out of order"): End(("rotate_key GracePending", "rotate_key Succeeded"), 1, 1),
    ("RotateRequested", "tags missing"): End(("rotate_key ActiveKeyUnknown",)),
}

# ProviderAddress as nobody but an attacker writes it; the resource's own id stands in the place of {}
_HOSTILE_ADDRESSES = (
    "https://evil.example{}",
    "{}/../Others",
    "{}?api-version=2023-03-31",
    "{}/regenerateKey",
    "{}#fragment",
    " / ",
    "\u202e{}",
    "x" * 256,
)
_HOSTILE_SLOT = "Tertiary\u202e"


@dataclass(slots=True)
class Case:
    """A case that has been set up: `events` are delivered in their order, one that stands there twice twice."""

    name: Name
    resource_id: str
    secrets: list[str]
    keys: dict[str, str]
    events: list[Json] = field(default_factory=list[Json])
    versions: int = 0
    regenerated_outside: int = 0

    @property
    def end(self) -> End:
        """What it is to come to."""
        type_, _, condition = self.name
        return _ENDS.get((type_, condition), _USUAL[type_])

    @property
    def ids(self) -> set[str]:
        """The ids of its events."""
        return {event["id"] for event in self.events}


class Stage:
    """Sets cases up on an emulator; `trap` is the origin of a server that nobody may ever call."""

    def __init__(self, emulator: Emulator, trap: str) -> None:
        self._emulator = emulator
        self._trap = trap
        self._vault: str = emulator.call_control("GET", "endpoints")["keyVault"]
        self._numbers = itertools.count(1)

    def case(self, type_: str, schema: Schema, condition: str) -> Case:
        """Make a case: its resource, its secrets, what has happened to them, and the events to be delivered."""
        number = next(self._numbers)
        group = _OTHERS if condition == "not allowed" else ALLOWED
        made = self._emulator.call_control("POST", "resources", {"resourceId": f"{group}/{_PROVIDER}/Case-{number}"})
        case = Case((type_, schema, condition), made["resourceId"], [f"Case-{number}"], made["keys"])
        for name, tags in self._tagged(case):
            case.secrets = [*case.secrets[: case.versions], name]
            self._set(case, name, tags, f"endpoint=https://{made['hostName']}/;accesskey={made['keys']['primary']}")
        case.events = list(self._events(case))
        return case

    def _tagged(self, case: Case) -> Iterator[tuple[str, dict[str, str]]]:
        """Give the secrets of a case, each with its tags."""
        type_, _, condition = case.name
        tags = {"CredentialId": "Primary", "ProviderAddress": case.resource_id, "ValidityPeriodDays": "90"}
        if condition == "tags missing":
            yield case.secrets[0], {}
        elif condition == "tags hostile" and type_ in EXPIRING:
            for number, address in enumerate(_HOSTILE_ADDRESSES):
                yield f"{case.secrets[0]}-{number}", tags | {"ProviderAddress": address.format(case.resource_id)[:256]}
        elif condition == "tags hostile":
            yield case.secrets[0], tags | {"CredentialId": _HOSTILE_SLOT, "ValidityPeriodDays": "-1e9"}
        else:
            yield case.secrets[0], tags

    def _set(self, case: Case, name: str, tags: dict[str, str], value: str) -> None:
        body = {"name": name, "value": value, "tags": tags, "expiresOn": "2999-01-01T00:00:00Z"}
        self._emulator.call_control("POST", "secrets", body)
        case.versions += 1

    def _events(self, case: Case) -> Iterator[Json]:
        match case.name[0]:
            case "ResourceActionSuccess":
                return self._of_arm(case)
            case "RegenerateRequested" | "RotateRequested":
                return self._of_requests(case)
            case _:
                return self._of_key_vault(case)

    def _of_key_vault(self, case: Case) -> Iterator[Json]:
        type_, schema, condition = case.name
        secrets = {each["name"]: each for each in self._emulator.call_control("GET", "secrets")}
        current = secrets[case.secrets[0]]["versions"][-1]

        def event(
            name: str = case.secrets[0], version: str = current["version"], vault: str = self._vault, **more: Any
        ) -> Json:
            expired = more.pop("expired", type_ == "SecretExpired")
            return secret_near_expiry(vault, name, version, schema=schema, expired=expired, **more)

        match condition:
            case "out of order" | "stale version":
                self._set(case, case.secrets[0], current["tags"], current["value"])
                secrets = {each["name"]: each for each in self._emulator.call_control("GET", "secrets")}
                newer = secrets[case.secrets[0]]["versions"][-1]["version"]
                if condition == "out of order":
                    yield event(version=newer)
                    yield event(version=newer, expired=type_ != "SecretExpired")
                yield event()
            case "malformed":
                for data in ({}, {"Id": LEGACY_KEY}, {"Id": [self._vault]}, {"Id": self._vault + "/secrets/x"}, "{", 1):
                    yield event() | {"data": data}
                yield event() | {"data": event()["data"] | {"Version": "0" * 32}}
            case "foreign URL":
                for vault in (
                    self._trap,
                    "https://localhost",
                    "https://localhost.evil.example",
                    "https://vault.azure.net",
                ):
                    yield event(vault=vault)
            case "tags hostile":
                for name in case.secrets:
                    yield event(name, secrets[name]["versions"][-1]["version"])
            case _:
                told = event(odd=condition == "oddly written")
                yield from [told] * (3 if condition == "three times" else 1)

    def _of_arm(self, case: Case) -> Iterator[Json]:
        _, schema, condition = case.name

        def event(resource_id: str = case.resource_id) -> Json:
            return key_regenerated(resource_id, schema=schema)

        if condition not in ("malformed", "not allowed"):
            key_types = {"the other key": ["Secondary"], "out of order": ["Primary", "Primary"]}.get(condition)
            for key_type in key_types or ["Primary"]:
                case.keys[key_type.lower()] = regenerate_outside(self._emulator, key_type, case.resource_id)
                case.regenerated_outside += 1
        match condition:
            case "three times":
                yield from [event()] * 3
            case "out of order":
                first, second = event(), event()
                yield from (second, first, second)
            case "malformed":
                for uri in ("/subscriptions/x", 1, True, f"{case.resource_id}/../Others", self._trap):
                    yield event() | {"data": event()["data"] | {"resourceUri": uri}}
                yield event() | {"data": {"resourceUri": case.resource_id}}
            case "foreign URL":
                told = event()
                told["data"]["httpRequest"] = {"method": "POST", "url": self._trap + case.resource_id}
                told["data"]["claims"] |= {"iss": self._trap, "aud": self._trap}
                yield told
            case "oddly written":
                told = event(case.resource_id.replace("resourceGroups", "resourcegroups"))
                yield told | {"data": {f" {name.upper()}": value for name, value in told["data"].items()}}
            case _:
                yield event()

    def _of_requests(self, case: Case) -> Iterator[Json]:
        type_, schema, condition = case.name
        of_type = regenerate_requested if type_ == "RegenerateRequested" else rotate_requested
        data: Json = {"resourceId": case.resource_id}
        # a key in what people write is scrubbed; the leak test looks for it
        data |= {"keyType": "secondary"} if type_ == "RegenerateRequested" else {"reason": "of " + case.keys["primary"]}

        def event(**more: Any) -> Json:
            return of_type(data | more, schema=schema)

        match condition:
            case "three times":
                yield from [event()] * 3
            case "out of order":
                first, second = event(), event()
                yield from (second, first, second)
            case "malformed":
                for wrong in ({"keyType": LEGACY_KEY}, {"unknown": 1}, {"resourceId": self._trap}, {"force": "true"}):
                    yield event(**wrong)
                yield of_type([data], schema=schema)
            case "foreign URL":
                yield event() | {"source" if schema == "cloudevents" else "topic": self._trap, "subject": self._trap}
            case "oddly written":
                yield of_type({f"{name.lower()} ": f" {value}\t" for name, value in data.items()}, schema=schema)
            case _:
                yield event()
