"""Requests that the API's description allows, and ones that it does not, through the running app.

schemathesis makes them from the document that the app itself serves; always the same ones for the same number.
"""

import importlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import Failure, FailureGroup

from prove.leaks import LeakIndex

MODES = {"valid": schemathesis.GenerationMode.POSITIVE, "invalid": schemathesis.GenerationMode.NEGATIVE}
# What the app refuses by itself, before anything is asked of Azure.
REFUSALS = frozenset(
    {
        *("InvalidRequest", "MissingApiVersionParameter", "InvalidApiVersionParameter", "RequestEntityTooLarge"),
        *("UnsupportedMediaType", "ResourceNotAllowed", "RoleRequired", "NotFound", "RequestIdReused"),
        "RevocationDecided",
    }
)
# What the host answers by itself to what no function is for, without a body.
_HOSTS_OWN = frozenset({400, 404, 405, 413})
_TOO_MANY = 400
_FAILED = 500
# schemathesis leaves the types of its checks and operations open
_checks: Any = importlib.import_module("schemathesis.specs.openapi.checks")
_CHECKS: list[Any] = [
    _checks.status_code_conformance,
    _checks.content_type_conformance,
    _checks.response_headers_conformance,
    _checks.response_schema_conformance,
    _checks.negative_data_rejection,
]
_CONFORMANCE = _CHECKS[:-1]
# of hypothesis: what is drawn here may be large, slow, and thrown away
EVERY_HEALTH_CHECK = (
    HealthCheck.data_too_large,
    HealthCheck.filter_too_much,
    HealthCheck.large_base_example,
    HealthCheck.too_slow,
)
_BESIDE_THE_PATTERN = {"gracePeriod"}
_LONG_ENOUGH_TO_TELL = 12
_REST_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A running app on the emulated Azure: its origin, the URL of the control API, and whether it has a Key Vault."""

    app: str
    control: str
    key_vault: bool


@dataclass(slots=True)
class Fuzzed:
    """What came of it.

    Attributes:
        statuses: how often an operation gave a status, by (operation, mode, status).
        refused: how many requests were refused, each without any call to Azure.
        findings: every way in which a request was not answered as it should be, once.
        texts: all that was answered.
    """

    statuses: Counter[tuple[str, str, int]] = field(default_factory=Counter[tuple[str, str, int]])
    refused: int = 0
    findings: list[str] = field(default_factory=list[str])
    texts: list[str] = field(default_factory=list[str])

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return self.statuses.total()

    def found(self, label: str, what: str) -> None:
        """Write a finding down, unless it is known."""
        finding = f"{label}: {what}"
        if finding not in self.findings:
            self.findings.append(finding)


def fuzz(target: Target, *, examples: int, progress: Callable[[str], None] = lambda _: None) -> Fuzzed:
    """Send `examples` valid and as many invalid requests to each operation, and look at each answer."""
    fuzzed = Fuzzed()
    with requests.Session() as session:
        cloud = _Cloud(session, target)
        cloud.hold_events()
        api = session.get(f"{target.app}/api/openapi.json", timeout=60).json()
        schema: Any = schemathesis.openapi.from_dict(api)
        for mode in ("invalid", "valid"):
            for result in schema.get_all_operations():
                operation: Any = result.ok()
                for pinned in _pinned(operation, cloud):
                    name = f"{operation.definition.raw['operationId']}{' (a known one)' if pinned else ''}"
                    progress(f"{mode} requests to {name}")
                    strategy = operation.as_strategy(generation_mode=MODES[mode], path_parameters=pinned)
                    _run(strategy, examples, lambda case, name=name, mode=mode: _try(case, name, mode, cloud, fuzzed))
        index = LeakIndex(cloud.issued_keys())
        for leak in dict.fromkeys(leak for text in fuzzed.texts for leak in index.find(text)):
            fuzzed.found("an answer", leak)
    return fuzzed


def _run(strategy: Any, examples: int, body: Callable[[Any], None]) -> None:
    @settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=EVERY_HEALTH_CHECK,
    )
    @given(case=strategy)
    def run(case: Any) -> None:
        body(case)

    run()


def _pinned(operation: Any, cloud: "_Cloud") -> Iterator[dict[str, str] | None]:
    """Give None for paths as they come, and the parameters of a path that leads to something."""
    yield None
    if "{communicationServiceName}" in operation.path:
        parts = cloud.resource_id().split("/")
        yield {"subscriptionId": parts[2], "resourceGroupName": parts[4], "communicationServiceName": parts[8]}
    elif "{id}" in operation.path and cloud.key_vault:
        yield {"id": cloud.rotation()}


def _try(case: Any, name: str, mode: str, cloud: "_Cloud", fuzzed: Fuzzed) -> None:
    """Send one request and write down whatever is not as it should be."""
    body: Any = case.body
    if cloud.key_vault and isinstance(body, dict) and "gracePeriod" in body and mode == "valid":
        # a grace period that ends soon would let a revocation run beside the requests that follow
        case.body = cast("dict[str, Any]", body) | {"gracePeriod": "P1D"}
    cloud.forget()
    reply = case.call(base_url=f"{cloud.target.app}/api", session=cloud.session, timeout=60)
    response: requests.Response = reply._response if hasattr(reply, "_response") else reply  # noqa: SLF001
    status: int = reply.status_code
    text = response.text
    label = f"{name}, {mode}, {status}"
    fuzzed.statuses[name, mode, status] += 1
    fuzzed.texts.append(f"{text}\n{dict(response.headers)}")
    if "x-ms-request-id" not in response.headers:
        if status not in _HOSTS_OWN or text:
            fuzzed.found(label, "the host had to answer for the app")
        return
    try:
        case.validate_response(reply, checks=_CONFORMANCE if _means_a_flag(case.query) else _CHECKS)
    except* Failure as failures:
        for failure in _leaves(failures):
            fuzzed.found(label, f"{failure.title}: {str(failure)[:600]}")
    error: dict[str, Any] = response.json().get("error", {}) if status >= _TOO_MANY else {}
    _look_at_error(error, status, label, cloud, fuzzed, changes=case.method.upper() == "POST")
    if mode == "valid" and status == _TOO_MANY and not _targets(error) <= _BESIDE_THE_PATTERN:
        fuzzed.found(label, f"a valid request is refused because of {_targets(error)}")
    if error and any(sent in text for sent in _texts(body)):
        fuzzed.found(label, "what was sent is in the error")


def _look_at_error(
    error: dict[str, Any], status: int, label: str, cloud: "_Cloud", fuzzed: Fuzzed, *, changes: bool
) -> None:
    if error.get("code") in REFUSALS:
        fuzzed.refused += 1
        if asked := cloud.asked():
            fuzzed.found(label, f"refused with {error['code']} after calls to Azure: {asked}")
    elif changes:
        cloud.rest()
    # no fault is set, so nothing but a missing Key Vault is a reason
    if status >= _FAILED and not (error.get("code") == "NotConfigured" and not cloud.key_vault):
        fuzzed.found(label, f"{error.get('code')} without a fault")


def _means_a_flag(query: dict[str, Any] | None) -> bool:
    """Say whether `force` is written in another way than the description's, and means something all the same.

    The host drops a query parameter without a value, and the app takes true and false in any case.
    """
    return str((query or {}).get("force", "no")).lower() in ("", "true", "false")


def _leaves(group: BaseException) -> Iterator[Failure]:
    if isinstance(group, BaseExceptionGroup):
        for each in cast("BaseExceptionGroup[BaseException]", group).exceptions:
            yield from _leaves(each)
    elif isinstance(group, FailureGroup):
        yield from group.exceptions
    elif isinstance(group, Failure):
        yield group


def _targets(error: dict[str, Any]) -> set[str]:
    return {detail.get("target") for detail in error.get("details", ())}


def _texts(value: Any) -> Iterator[str]:
    """Give every text in what was sent that is long enough to be known again."""
    if isinstance(value, str) and len(value) >= _LONG_ENOUGH_TO_TELL and value.strip().isprintable():
        yield value
    elif isinstance(value, dict):
        for each in cast("dict[str, Any]", value).values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _texts(each)


def _is_at_work(instance: dict[str, Any]) -> bool:
    shown: dict[str, Any] = instance["customStatus"] or {}
    waits = instance["name"] == "revoke_key" and "stage" not in shown
    return instance["status"] in ("Pending", "Running") and not waits


class _Cloud:
    """What the emulated Azure was asked, and waiting until nothing goes on in the app."""

    def __init__(self, session: requests.Session, target: Target) -> None:
        self.session = session
        self.target = target
        self.key_vault = target.key_vault

    def hold_events(self) -> None:
        """Keep what happens in the cloud from starting anything."""
        self._call("PUT", "events/delivery", {"held": True})

    def forget(self) -> None:
        """Let `asked` tell what comes from now on."""
        self._call("DELETE", "requests")

    def asked(self) -> list[str]:
        """Return which calls have come."""
        return [f"{each['service']} {each['operation']}" for each in self._call("GET", "requests")]

    def resource_id(self) -> str:
        """Return the id of the resource that is there from the start."""
        return self._call("GET", "resources")[0]["resourceId"]

    def issued_keys(self) -> list[str]:
        """Return every key that there ever was."""
        return [key for each in self._call("GET", "resources") for key in each["issuedKeys"]]

    def rotation(self) -> str:
        """Start a rotation, wait for its end, and return its id: its old key is then in grace."""
        body = {"gracePeriod": "P1D", "supersede": True}
        started = self.session.post(f"{self.target.app}/api/rotations", json=body, timeout=60)
        self.rest()
        return started.json()["id"]

    def rest(self) -> None:
        """Wait until every orchestration has ended, but for revocations whose time has not come."""
        if not self.key_vault:
            return
        deadline = time.monotonic() + _REST_SECONDS
        quiet = 0
        while quiet < 2 and time.monotonic() < deadline:
            running = [each for each in self._call("GET", "durable")["instances"] if _is_at_work(each)]
            quiet = 0 if running else quiet + 1
            time.sleep(0.02)

    def _call(self, method: str, path: str, body: dict[str, bool] | None = None) -> Any:
        reply = self.session.request(method, f"{self.target.control}/{path}", json=body, timeout=60)
        reply.raise_for_status()
        return reply.json() if reply.content else None
