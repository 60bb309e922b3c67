"""Hand-written stand-ins and samples for the unit tests: scripted key management, requests, keys of both shapes."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import azure.functions as func
import pytest

from shared.http import Request
from shared.parameters import KeyType
from shared.redaction import AccessKey, Secret
from shared.resource_id import ResourceId

SUBSCRIPTION = "11112222-3333-4444-5555-666677778888"
RESOURCE = ResourceId(SUBSCRIPTION, "MyResourceGroup", "MyCommunicationResource")

URL = "https://app.azurewebsites.net/api/regenerateKey"

# 64 bytes of base64, the older shape of a key
LEGACY_KEY = base64.b64encode(hashlib.sha512(b"legacy/3").digest()).decode()
# 84 characters with the signature JQQJ99 after 52 of them, the newer shape
CASK_KEY = ("Ab3dEf9hIj" * 6)[:52] + "JQQJ99" + "BFACULyCphAAAAAZCS" + "1a2B3c4D"
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"typ":"JWT","alg":"RS256"}', b'{"aud":"https://management.azure.com"}', b"\x00\xfb\xff" * 40)
)


def access_key(key: str, *, host: str | None = "mycommunicationresource.communication.azure.com") -> AccessKey:
    """Return a key as ARM gives it, with its connection string unless there is no host."""
    return AccessKey(Secret(key), Secret(f"endpoint=https://{host}/;accesskey={key}") if host else None)


@dataclass(frozen=True, slots=True)
class Step[T]:
    """One scripted answer: a value to return, an error to raise, or an event to wait for (for ever, if never set).

    `sends` says whether the request gets as far as the wire, so that `on_send` is called.
    """

    answer: T | Exception | asyncio.Event
    sends: bool = True

    async def play(self) -> T:
        """Return or raise the answer."""
        if isinstance(self.answer, asyncio.Event):
            await self.answer.wait()
            raise AssertionError("nobody was to set this event")
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


type Keys = Mapping[KeyType, AccessKey]


@dataclass(slots=True)
class ScriptedKeyManagement:
    """A `KeyManagement` that plays its steps in order and keeps what it was asked; a call too many fails the test."""

    regenerations: Sequence[Step[AccessKey]] = ()
    listings: Sequence[Step[Keys]] = ()
    asked: list[tuple[str, ResourceId, KeyType | None, str]] = field(
        default_factory=list[tuple[str, ResourceId, KeyType | None, str]]
    )

    @property
    def posts(self) -> int:
        """How often a regeneration was asked for."""
        return sum(operation == "regenerateKey" for operation, *_ in self.asked)

    @property
    def looks(self) -> int:
        """How often the keys were listed."""
        return sum(operation == "listKeys" for operation, *_ in self.asked)

    async def regenerate_key(
        self, resource: ResourceId, key_type: KeyType, *, request_id: str, on_send: Callable[[], None]
    ) -> AccessKey:
        """Play the next regeneration."""
        step = _next(self.regenerations, self.posts)
        self.asked.append(("regenerateKey", resource, key_type, request_id))
        if step.sends:
            on_send()
        return await step.play()

    async def list_keys(self, resource: ResourceId, *, request_id: str) -> Keys:
        """Play the next listing."""
        step = _next(self.listings, self.looks)
        self.asked.append(("listKeys", resource, None, request_id))
        return await step.play()


def _next[T](steps: Sequence[Step[T]], position: int) -> Step[T]:
    if position >= len(steps):
        # no Exception, or the code under test would take it for one of Azure's
        pytest.fail(f"one call too many: only {len(steps)} are scripted")
    return steps[position]


@dataclass(slots=True)
class FakeSleep:
    """Waits not at all and keeps how long it was asked to; with `forever` it never returns."""

    forever: bool = False
    naps: list[float] = field(default_factory=list[float])

    async def __call__(self, seconds: float) -> None:
        """Keep the seconds and let other tasks run."""
        self.naps.append(seconds)
        if self.forever:
            await asyncio.Event().wait()
        await asyncio.sleep(0)


def http_request(
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    route: Mapping[str, str] | None = None,
) -> func.HttpRequest:
    """Return a POST as the Functions worker hands it to a function."""
    return func.HttpRequest(
        "POST",
        URL,
        headers=dict(headers or {}),
        params=dict(query or {}),
        route_params=dict(route or {}),
        body=body,
    )


def app_request(
    body: bytes = b"",
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    route: Mapping[str, str] | None = None,
    client_request_id: str | None = None,
) -> Request:
    """Return a request as an endpoint gets it; header names in lower case."""
    return Request("request-1", client_request_id, headers or {}, query or {}, URL, route or {}, body)


def client_principal(*roles: str, role_type: str = "roles", claims: Sequence[Mapping[str, Any]] = ()) -> str:
    """Return an X-MS-CLIENT-PRINCIPAL header as App Service writes it: base64 of JSON."""
    principal = {
        "auth_typ": "aad",
        "name_typ": "name",
        "role_typ": role_type,
        "claims": [*claims, *({"typ": role_type, "val": role} for role in roles)],
    }
    return base64.b64encode(json.dumps(principal).encode()).decode()
