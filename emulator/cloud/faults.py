"""Faults on demand: an ordered list of rules, of which the first that matches a request is applied."""

from dataclasses import dataclass
from typing import Literal, overload

WHOLE_SERVICE = "*"
# The services of the cloud that answer requests; `durable`, which runs activities, is not one of them.
RequestService = Literal["arm", "identity", "communication", "keyvault", "eventgrid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFault:
    """Answer with this status and an error of that code; `after`: once the request has had its effect."""

    status: int
    code: str | None = None
    message: str | None = None
    details: list[object] | None = None
    additional_info: list[object] | None = None
    # The value of the Retry-After header: seconds or an HTTP date.
    retry_after: str | None = None
    after: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DelayFault:
    """Wait so many seconds before the effect, or `after` it and before the answer."""

    seconds: float
    after: bool = False


@dataclass(frozen=True, slots=True)
class DisconnectFault:
    """Drop the connection in place of an answer, before or after the effect."""

    when: Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class BodyFault:
    """Answer as ever, with half of the JSON text, or with JSON that has none of the fields expected."""

    kind: Literal["truncated", "invalid"]


@dataclass(frozen=True, slots=True)
class ExpiredTokenFault:
    """Issue a token that looks valid to its holder and that every service refuses as expired."""


@dataclass(frozen=True, slots=True)
class ConnectionFault:
    """For a whole service: no connection ("refuse"), or an untrusted certificate ("tls")."""

    kind: Literal["refuse", "tls"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RerunFault:
    """Run an activity a second time, as after a worker's death.

    "now": the first result is lost, the second one counts. "late": the first result counts; the activity runs again
    `delay_seconds` later, and that result is lost.
    """

    when: Literal["now", "late"]
    # None for "now".
    delay_seconds: float | None = None

    def as_json(self) -> dict[str, object]:
        """Return the fault as a rule words it."""
        if self.delay_seconds is None:
            return {"rerun": self.when}
        return {"rerun": self.when, "delaySeconds": self.delay_seconds}


@dataclass(frozen=True, slots=True)
class DuplicateFault:
    """Deliver an event `count` times more, all at once: Event Grid delivers at least once."""

    count: int


RequestFault = StatusFault | DelayFault | DisconnectFault | BodyFault | ExpiredTokenFault
Fault = RequestFault | ConnectionFault | RerunFault | DuplicateFault


@dataclass(slots=True, kw_only=True)
class Rule:
    """One rule. `times` counts down at each use; None: for ever. `skip` counts down before that."""

    service: str
    operation: str
    # Lower-cased; None: every resource.
    resource_key: str | None
    times: int | None
    # How many requests that match go by first, to the rules after this one.
    skip: int = 0
    fault: Fault
    # As it was put, for showing it again.
    source: dict[str, object]

    def matches(self, service: str, operation: str, resource_key: str | None) -> bool:
        """Say whether the rule is for such a request and not used up."""
        return (
            self.times != 0
            and self.service == service
            and self.operation in (WHOLE_SERVICE, operation)
            and self.resource_key in (None, resource_key)
        )

    def use(self) -> None:
        """Count one use."""
        if self.times is not None:
            self.times -= 1

    def applies(self) -> bool:
        """Count a request that matches, and say whether the rule is applied to it."""
        if self.skip:
            self.skip -= 1
            return False
        self.use()
        return True

    def as_json(self) -> dict[str, object]:
        """Return the rule as it was put, with the `times` that are left and the requests yet to `skip`."""
        left: dict[str, object] = {} if self.times is None else {"times": self.times}
        if "skip" in self.source:
            left["skip"] = self.skip
        return {**self.source, **left}


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []

    def replace(self, rules: list[Rule]) -> None:
        """Put these rules in place of all others."""
        self._rules = rules

    def rules(self) -> list[Rule]:
        """Return the rules that are not used up, in their order."""
        return [rule for rule in self._rules if rule.times != 0]

    @overload
    def take(self, service: RequestService, operation: str, resource_key: str | None = None) -> RequestFault | None: ...

    @overload
    def take(self, service: Literal["durable"], operation: str) -> RerunFault | None: ...

    def take(self, service: str, operation: str, resource_key: str | None = None) -> RequestFault | RerunFault | None:
        """Return the fault for a request, or for an activity by its function's name, and count it as used.

        None: the request is served, the activity runs as ever.
        """
        for rule in self._rules:
            if isinstance(rule.fault, ConnectionFault | DuplicateFault):
                continue
            if rule.matches(service, operation, resource_key) and rule.applies():
                return rule.fault
        return None

    def take_duplicate(self) -> DuplicateFault | None:
        """Return the fault for the delivery of one event, and count it as used."""
        for rule in self._rules:
            if isinstance(rule.fault, DuplicateFault) and rule.times != 0 and rule.applies():
                return rule.fault
        return None

    def connection_rule(self, service: str) -> Rule | None:
        """Return the rule for connections to a service, unused: whoever applies it counts."""
        for rule in self._rules:
            if isinstance(rule.fault, ConnectionFault) and rule.matches(service, WHOLE_SERVICE, None):
                return rule
        return None
