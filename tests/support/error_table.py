"""README's error table as rows that a fault, or the request itself, sets off through the running app."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.emulator import Emulator

SUBSCRIPTION = "11112222-3333-4444-5555-666677778888"
ARM_ROUTE = (
    "/api/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Communication"
    "/communicationServices/{name}/regenerateKey"
)
SHORT_ROUTE = "/api/regenerateKey"
SECONDARY = b'{"keyType": "Secondary"}'


def arm_route(
    *,
    subscription: str = SUBSCRIPTION,
    group: str = "MyResourceGroup",
    name: str = "MyCommunicationResource",
    query: str = "?api-version=2023-03-31",
) -> str:
    """Return the ARM-shaped path of a resource, by default of the one that is there from the start."""
    return ARM_ROUTE.format(subscription=subscription, group=group, name=name) + query


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A situation and the answer that is documented for it."""

    fault: Mapping[str, Any] | None = None
    path: str = SHORT_ROUTE
    body: bytes = SECONDARY
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    status: int
    code: str
    outcome: str | None = None
    targets: tuple[str, ...] = ()
    retry_after: str | None = None
    # the app holds no token when the request comes
    without_token: bool = False
    # how many regenerateKey calls reach ARM, and how many of them change the key
    posts: int = 0
    effects: int = 0


def _arm(**effect: object) -> dict[str, Any]:
    return {"service": "arm", "operation": "regenerateKey", "times": 1, **effect}


def _identity(**effect: object) -> dict[str, Any]:
    return {"service": "identity", "operation": "token", **effect}


_JSON = {"Content-Type": "application/json"}

ROWS: dict[str, Row] = {
    # the request itself
    "no body": Row(body=b"", status=400, code="InvalidRequest", targets=("keyType",)),
    "both keys": Row(
        body=b'{"keyType": ["Primary", "Secondary"]}', status=400, code="InvalidRequest", targets=("keyType",)
    ),
    "several problems": Row(
        body=b'{"keyType": 1, "keytype": "Primary", "extra": null, "extra": 2}',
        status=400,
        code="InvalidRequest",
        targets=("extra", "keytype", "extra", "keyType"),
    ),
    "not JSON": Row(body=b'{"keyType": "Primary"', status=400, code="InvalidRequest", targets=("body",)),
    "If-Match ill-formed": Row(
        headers={**_JSON, "If-Match": '"abc"'}, status=400, code="InvalidRequest", targets=("If-Match",)
    ),
    "If-Match of another key": Row(
        headers={**_JSON, "If-Match": '"sha256:0123456789abcdef"'}, status=412, code="PreconditionFailed"
    ),
    "body too large": Row(body=b" " * 4097, status=413, code="RequestEntityTooLarge"),
    "a form": Row(
        headers={"Content-Type": "application/x-www-form-urlencoded"}, status=415, code="UnsupportedMediaType"
    ),
    "api-version missing": Row(path=arm_route(query=""), status=400, code="MissingApiVersionParameter"),
    "api-version ill-formed": Row(
        path=arm_route(query="?api-version=today"), status=400, code="InvalidApiVersionParameter"
    ),
    "path ill-formed": Row(
        path=arm_route(subscription="1234", group="a%20b", name="n%0A"),
        status=400,
        code="InvalidRequest",
        targets=("subscriptionId", "resourceGroupName", "communicationServiceName"),
    ),
    "outside the allow-list": Row(path=arm_route(name="Another"), status=403, code="ResourceNotAllowed"),
    # the identity
    "identity refuses": Row(
        fault=_identity(status=400),
        without_token=True,
        status=503,
        code="ManagedIdentityUnavailable",
        outcome="NotRegenerated",
    ),
    "identity refuses connections": Row(
        fault={"service": "identity", "operation": "*", "refuse": True},
        without_token=True,
        status=503,
        code="ManagedIdentityUnavailable",
        outcome="NotRegenerated",
    ),
    "token expired": Row(
        fault=_identity(expiredToken=True, times=1),
        without_token=True,
        status=502,
        code="UpstreamAuthenticationFailed",
        outcome="NotRegenerated",
        posts=1,
    ),
    # ARM's own refusals, passed through
    **{
        f"ARM {status}": Row(
            fault=_arm(status=status, code="ArmsOwnCode", retryAfter=7),
            status=status,
            code="ArmsOwnCode",
            retry_after="7",
            posts=1,
        )
        for status in (400, 403, 404, 409, 412, 429)
    },
    "ARM 401": Row(
        fault=_arm(status=401),
        status=502,
        code="UpstreamAuthenticationFailed",
        outcome="NotRegenerated",
        posts=1,
    ),
    # ARM fails
    **{
        f"ARM {status}": Row(fault=_arm(status=status), status=502, code="UpstreamError", outcome="Unknown", posts=1)
        for status in (500, 502, 503, 504)
    },
    "ARM 503 after the effect": Row(
        fault=_arm(status=503, after=True),
        status=502,
        code="UpstreamError",
        outcome="Unknown",
        posts=1,
        effects=1,
    ),
    "connection lost before the effect": Row(
        fault=_arm(disconnect="before"), status=502, code="UpstreamUnreachable", outcome="Unknown", posts=1
    ),
    "connection lost after the effect": Row(
        fault=_arm(disconnect="after"),
        status=502,
        code="UpstreamUnreachable",
        outcome="Unknown",
        posts=1,
        effects=1,
    ),
    "connection refused": Row(
        fault={"service": "arm", "operation": "*", "refuse": True},
        status=502,
        code="UpstreamUnreachable",
        outcome="NotRegenerated",
    ),
    "bad certificate": Row(
        fault={"service": "arm", "operation": "*", "tls": True},
        status=502,
        code="UpstreamUnreachable",
        outcome="NotRegenerated",
    ),
    "answer truncated": Row(
        fault=_arm(body="truncated"),
        status=502,
        code="UpstreamResponseInvalid",
        outcome="Unknown",
        posts=1,
        effects=1,
    ),
    "answer not of the API": Row(
        fault=_arm(body="invalid"),
        status=502,
        code="UpstreamResponseInvalid",
        outcome="Unknown",
        posts=1,
        effects=1,
    ),
}


def drop_token(emulator: Emulator) -> None:
    """Let ARM refuse the app's token once, so that the app holds none, and forget that it was asked."""
    emulator.call_control("PUT", "faults", [_arm(status=401)])
    emulator.post(SHORT_ROUTE, SECONDARY, _JSON)
    emulator.call_control("PUT", "faults", [])
    emulator.call_control("DELETE", "requests")
