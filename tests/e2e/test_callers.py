"""Who may call what: every function of the app with no key, a wrong one and the right one, and with app roles."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.cloud.defaults import RESOURCE_ID
from shared.parameters import KeyType
from shared.rotation.requests import regeneration_input
from tests.support.emulator import Emulator, Reply
from tests.support.principal import principal_headers
from tests.support.reactions import eventually
from tests.support.vault import OTHER

_WEBHOOK = "/runtime/webhooks/eventgrid?functionName=on_event"
_DURABLE = "/runtime/webhooks/durabletask/instances"


@dataclass(frozen=True, slots=True)
class Door:
    """A way to a function.

    Attributes:
        method: of the request.
        path: with a query, if there is one.
        keys: which of the host's keys open it.
        inside: the status of a caller whom the key lets in; none of these requests reaches Azure.
        body: what is sent.
    """

    method: str
    path: str
    keys: frozenset[str]
    inside: int
    body: Any = None
    headers: Mapping[str, str] | None = None


_FUNCTION = frozenset({"function", "master"})
_SYSTEM = frozenset({"system", "master"})
_MASTER = frozenset({"master"})

HTTP: dict[str, Door] = {
    "regenerate_default": Door("POST", "/api/regenerateKey", _FUNCTION, 400, {}),
    "regenerate_by_path": Door("POST", f"/api{RESOURCE_ID}/regenerateKey?api-version=2023-03-31", _FUNCTION, 400, {}),
    "start_rotation": Door("POST", "/api/rotations", _FUNCTION, 400, {"no": "property"}),
    "get_rotation": Door("GET", "/api/rotations/nobody", _FUNCTION, 404),
    "get_rotation_result": Door("GET", "/api/rotations/nobody/result", _FUNCTION, 404),
    "revoke_old_key": Door("POST", "/api/rotations/nobody/revoke", _FUNCTION, 404, {}),
    "keep_old_key": Door("POST", "/api/rotations/nobody/cancel", _FUNCTION, 404, {}),
    "get_openapi": Door("GET", "/api/openapi.json", _FUNCTION, 200),
}
_EVENT: list[dict[str, Any]] = [
    {
        "id": "1",
        "eventType": "Some.Type",
        "subject": "s",
        "eventTime": "2026-01-01T00:00:00Z",
        "data": {},
        "dataVersion": "1",
    }
]
DOORS: dict[str, Door] = {
    **HTTP,
    "on_event": Door("POST", _WEBHOOK, _SYSTEM, 202, _EVENT, {"aeg-event-type": "Notification"}),
    # a timer is run by the admin API alone
    "reconcile": Door("POST", "/admin/functions/reconcile", _MASTER, 202, {}),
}
# Nobody calls these from outside: Durable Functions alone runs them, and its own API is closed.
DURABLE = frozenset(
    {
        *("rotate_key", "revoke_key", "regenerate_key", "repair_secrets", "announce_outcome", "RotationGuard"),
        *("inspect_resource", "regenerate_key_once", "prove_alive", "publish_key", "prove_dead", "disable_superseded"),
        "publish_event",
    }
)
_KEYS = (None, "wrong", "function", "system", "master")


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    """The app with its keys enforced, telling no topic of what it does."""
    with Emulator("--auth", settings={"EVENT_GRID_TOPIC_ENDPOINT": ""}) as emulator:
        yield emulator


@pytest.fixture
def guarded(running: Emulator) -> Emulator:
    """That app, its cloud as at the start and no event on its way."""
    running.reset()
    running.call_control("PUT", "events/delivery", {"held": True})
    return running


def _key(emulator: Emulator, name: str | None) -> str | None:
    return name if name in (None, "wrong") else str(emulator.call_control("GET", "endpoints")[f"{name}Key"])


def _knock(
    emulator: Emulator, door: Door, key: str | None, how: str, headers: Mapping[str, str] | None = None
) -> Reply:
    sent = {**(door.headers or {}), **(headers or {})}
    path = door.path
    if key is not None and how == "header":
        sent["x-functions-key"] = key
    elif key is not None:
        path += f"{'&' if '?' in path else '?'}code={key}"
    return emulator.request(door.method, path, door.body, sent)


def _let_it_end(emulator: Emulator) -> None:
    """Wait until the timer has looked at the secrets: a call of the admin API does not."""
    seen: list[int] = []

    def at_rest() -> bool:
        seen.append(len(emulator.call_control("GET", "requests")))
        return len(seen) > 5 and seen[-1] > 0 and len(set(seen[-5:])) == 1

    eventually(at_rest, "the end of the timer")


def test_every_function_has_its_door(guarded: Emulator) -> None:
    """The tables name every function of the app, under its name, and no other, be it one of the SDK."""
    listed = guarded.get("/admin/functions", {"x-functions-key": _key(guarded, "master") or ""})
    assert listed.status == 200
    assert {each["name"] for each in listed.json} == {*DOORS, *DURABLE}
    triggers = [
        (each["name"], binding["type"].lower(), binding.get("entityName"))
        for each in listed.json
        for binding in each["config"]["bindings"]
    ]
    assert {name for name, type_, _ in triggers if type_ == "httptrigger"} == set(HTTP)
    assert [entity for _, type_, entity in triggers if type_ == "entitytrigger"] == ["rotation_guard"]


@pytest.mark.parametrize("how", ["header", "query"])
@pytest.mark.parametrize("name", _KEYS)
@pytest.mark.parametrize("function", DOORS)
def test_a_function_opens_to_its_keys_alone(guarded: Emulator, function: str, name: str | None, how: str) -> None:
    """Without a key, with a wrong one and with that of another level: 401 without a body, and Azure is not asked."""
    door = DOORS[function]
    reply = _knock(guarded, door, _key(guarded, name), how)
    if name in door.keys:
        assert reply.status == door.inside, reply
        if function == "reconcile":
            _let_it_end(guarded)
    else:
        assert (reply.status, reply.body) == (401, b"")
        assert guarded.call_control("GET", "requests") == []


@pytest.mark.parametrize("function", sorted(DURABLE))
def test_what_durable_functions_runs_has_no_door(guarded: Emulator, function: str) -> None:
    """No route leads to it, whatever the key; the admin API wants the master key, Durable's own API the system key."""
    master, key = _key(guarded, "master"), _key(guarded, "function")
    for path in (f"/api/{function}", f"/api/orchestrators/{function}"):
        assert guarded.post(path, {}, {"x-functions-key": master or ""}).status == 404
    for path in (f"/admin/functions/{function}", f"{_DURABLE}?functionName={function}", f"{_DURABLE}/x/terminate"):
        assert guarded.post(path, {}).status == 401
        assert guarded.post(path, {}, {"x-functions-key": key or ""}).status == 401
    assert guarded.get(_DURABLE).status == 401
    assert guarded.get(_DURABLE, {"x-functions-key": _key(guarded, "system") or ""}).status == 200
    assert guarded.call_control("GET", "requests") == []


@pytest.mark.parametrize("key_vault", [True, False])
def test_durables_own_api_is_bound_to_the_allow_list(guarded: Emulator, key_vault: bool) -> None:
    """Its system key starts an orchestration with any input, but no resource is touched that is not allowed."""
    system = {"x-functions-key": _key(guarded, "system") or ""}
    asked = regeneration_input(OTHER, KeyType.SECONDARY, if_match=None, force=True, source="test", key_vault=key_vault)
    started = guarded.post("/runtime/webhooks/durabletask/orchestrators/regenerate_key", asked, system)
    assert started.status == 202, started
    eventually(lambda: guarded.get(f"{_DURABLE}/{started.json['id']}", system).json["output"], "the end")
    told = guarded.get(f"{_DURABLE}/{started.json['id']}", system).json
    assert (told["runtimeStatus"], told["output"]["error"]["code"]) == ("Completed", "ResourceNotAllowed")
    assert guarded.call_control("GET", "requests") == []


def _encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


_ROLE = {"typ": "roles", "val": "Keys.Rotate"}
FORGED: dict[str, str] = {
    "no base64": "%%%",
    "no JSON": base64.b64encode(b"{").decode(),
    "a list": _encoded([_ROLE]),
    "null": _encoded(None),
    "claims that are none": _encoded({"claims": {"typ": "roles", "val": "Keys.Rotate"}}),
    "a claim that is a text": _encoded({"claims": ["roles"]}),
    "a role in a list": _encoded({"claims": [{"typ": "roles", "val": ["Keys.Rotate"]}]}),
    "a role beside others": _encoded({"claims": [{"typ": "roles", "val": "Keys.Rotate,Keys.Read"}]}),
    "a role in another case": _encoded({"claims": [{"typ": "roles", "val": "keys.rotate"}]}),
    "another claim": _encoded({"claims": [{"typ": "name", "val": "Keys.Rotate"}]}),
    "deep": base64.b64encode(b'{"claims":' * 500).decode(),
    "a number beyond reason": base64.b64encode(b'{"claims": ' + b"9" * 5000 + b"}").decode(),
    "half a surrogate pair": base64.b64encode(b'{"claims": [{"typ": "roles", "val": "\\ud800"}]}').decode(),
    "no UTF-8": base64.b64encode(b"\xff\xfe").decode(),
}


@pytest.fixture(scope="module")
def vouched() -> Iterator[Emulator]:
    """The app behind App Service authentication, where a role is required."""
    settings = {
        "REQUIRED_APP_ROLES": "Keys.Rotate",
        "WEBSITE_AUTH_ENABLED": "True",
        "EVENT_GRID_TOPIC_ENDPOINT": "",
    }
    with Emulator(settings=settings) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def unvouched() -> Iterator[Emulator]:
    """The app without App Service authentication, where a role is required: nobody has one."""
    with Emulator(settings={"REQUIRED_APP_ROLES": "Keys.Rotate", "EVENT_GRID_TOPIC_ENDPOINT": ""}) as emulator:
        yield emulator


def _role_required(emulator: Emulator, reply: Reply) -> None:
    assert (reply.status, reply.json["error"]["code"]) == (403, "RoleRequired")
    assert emulator.call_control("GET", "requests") == []


@pytest.mark.parametrize("function", HTTP)
def test_a_required_role_is_required_by_every_http_function(vouched: Emulator, function: str) -> None:
    """With the role a caller is let in; without it, or with another one, 403 before anything else is looked at."""
    vouched.reset()
    assert _knock(vouched, HTTP[function], None, "", principal_headers("Keys.Rotate")).status == HTTP[function].inside
    for headers in ({}, principal_headers(), principal_headers("Keys.Read", "Keys.RotateAll")):
        _role_required(vouched, _knock(vouched, HTTP[function], None, "", headers))


@pytest.mark.parametrize("principal", [pytest.param(principal, id=name) for name, principal in FORGED.items()])
def test_a_principal_that_cannot_be_read_has_no_role(vouched: Emulator, principal: str) -> None:
    """403, never a 500; what is in the principal is not in the answer."""
    vouched.reset()
    headers = {"X-MS-CLIENT-PRINCIPAL": principal, "X-MS-CLIENT-PRINCIPAL-NAME": "Zz9Marked"}
    for function in ("start_rotation", "get_openapi"):
        reply = _knock(vouched, HTTP[function], None, "", headers)
        _role_required(vouched, reply)
        assert "Zz9Marked" not in reply.text


def test_a_huge_principal_is_nobodys(vouched: Emulator) -> None:
    """The host refuses headers beyond its limit, and the app what is merely long."""
    vouched.reset()
    for length in (6_000, 70_000):
        claims = [{"typ": "x", "val": "y" * length}, _ROLE]
        headers = {"X-MS-CLIENT-PRINCIPAL": _encoded({"claims": claims})[: length + 3]}
        reply = _knock(vouched, HTTP["start_rotation"], None, "", headers)
        assert reply.status in (400, 403, 431)
    assert vouched.call_control("GET", "requests") == []


@pytest.mark.parametrize("function", HTTP)
def test_nobody_has_a_role_that_app_service_does_not_vouch_for(unvouched: Emulator, function: str) -> None:
    """Without App Service authentication the same headers are anybody's: 403 on every HTTP function."""
    unvouched.reset()
    _role_required(unvouched, _knock(unvouched, HTTP[function], None, "", principal_headers("Keys.Rotate")))


def test_events_bring_no_principal(vouched: Emulator) -> None:
    """Event Grid's webhook is opened by the system key alone: roles are a matter of HTTP."""
    vouched.reset()
    vouched.call_control("PUT", "events/delivery", {"held": True})
    assert _knock(vouched, DOORS["on_event"], None, "").status == 202
