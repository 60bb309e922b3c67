"""Regenerating a key from the POST to the new key, through Microsoft's worker and the real SDKs."""

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.audit import audited
from tests.support.emulator import Emulator
from tests.support.error_table import SHORT_ROUTE, SUBSCRIPTION, arm_route
from tests.support.principal import principal_headers


def _resource(direct: Emulator) -> dict[str, Any]:
    (resource,) = direct.call_control("GET", "resources")
    return resource


def _probe(direct: Emulator, key: str) -> bool:
    body = {"resourceId": _resource(direct)["resourceId"], "key": key}
    return direct.call_control("POST", "probe", body)["accepted"]


def _fingerprint(key: str) -> str:
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:16]


@pytest.mark.parametrize("path", [SHORT_ROUTE, arm_route()], ids=["short", "ARM-shaped"])
@pytest.mark.parametrize(
    ("sent", "key_type"),
    [("Primary", "Primary"), ("secondary", "Secondary"), ("PRIMARY", "Primary"), ("sEcondarY", "Secondary")],
)
def test_a_key_is_really_regenerated(direct: Emulator, path: str, sent: str, key_type: str) -> None:
    """The key changes, the other one stays, the data plane follows, and the answer shows nothing but a fingerprint."""
    before = _resource(direct)
    name, other = key_type.lower(), ("secondary" if key_type == "Primary" else "primary")
    assert _probe(direct, before["keys"][name])
    reply = direct.post(path, {"keyType": sent})
    after = _resource(direct)
    assert reply.status == 200
    assert reply.json == {
        f"{name}Key": "REDACTED",
        f"{name}ConnectionString": f"endpoint=https://{after['hostName']}/;accesskey=REDACTED",
        "keyType": key_type,
        "fingerprint": _fingerprint(after["keys"][name]),
        "resourceId": after["resourceId"],
        "regeneratedAt": reply.json["regeneratedAt"],
        "delivery": {"status": "NotConfigured", "secrets": []},
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reply.json["regeneratedAt"])
    assert after["keys"][name] != before["keys"][name]
    assert after["keys"][other] == before["keys"][other]
    assert not _probe(direct, before["keys"][name])
    assert _probe(direct, after["keys"][name])


def test_keys_of_the_newer_shape_are_regenerated_too(direct: Emulator) -> None:
    """An allowed resource with keys of the newer shape gives the fingerprint of its new key."""
    resource_id = _resource(direct)["resourceId"]
    direct.call_control("DELETE", f"resources?resourceId={resource_id}")
    direct.call_control("POST", "resources", {"resourceId": resource_id, "keyShape": "cask"})
    reply = direct.post(SHORT_ROUTE, {"keyType": "Primary"})
    key = _resource(direct)["keys"]["primary"]
    assert len(key) == 84
    assert reply.json["fingerprint"] == _fingerprint(key)


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/merge-patch+json", None])
def test_json_is_taken_under_each_of_its_names(direct: Emulator, content_type: str | None) -> None:
    """application/json, any +json, and no Content-Type at all are taken."""
    headers = {} if content_type is None else {"Content-Type": content_type}
    assert direct.post(SHORT_ROUTE, b'{"keyType":"Primary"}', headers).status == 200


@pytest.mark.parametrize("version", ["2023-03-31", "2020-08-20", "2099-01-01", "2026-03-18-preview"])
def test_the_arm_shaped_route_takes_any_well_formed_api_version(direct: Emulator, version: str) -> None:
    """Clients send the version they were built for; ARM is asked with the app's own."""
    reply = direct.post(arm_route(query=f"?api-version={version}"), {"keyType": "Primary"})
    assert reply.status == 200
    (post,) = [entry for entry in direct.call_control("GET", "requests") if entry["operation"] == "regenerateKey"]
    assert post["apiVersion"] == "2023-03-31"


def test_paths_are_taken_in_any_case(direct: Emulator) -> None:
    """The literal segments, and the names of an allowed resource, may be in any case, as in ARM."""
    path = arm_route().replace("resourceGroups", "RESOURCEGROUPS").replace("MyComm", "MYCOMM")
    assert direct.post(path, {"keyType": "Primary"}).status == 200


def test_a_refused_resource_costs_azure_nothing(direct: Emulator) -> None:
    """Outside the allow-list neither the identity nor ARM is asked, whoever asks and however it is spelt."""
    for name in ("Another", "MyCommunicationResource2", "MyCommunicationResourc"):
        headers = principal_headers("Keys.Regenerate")
        assert direct.post(arm_route(name=name), {"keyType": "Primary"}, headers).status == 403
    assert direct.post(arm_route(group="Other"), {"keyType": "Primary"}).status == 403
    # what an earlier test has done may be told late
    assert [each for each in direct.call_control("GET", "requests") if each["service"] != "eventgrid"] == []


def test_if_match_regenerates_once(direct: Emulator) -> None:
    """The same request twice, as Logic Apps repeats it, regenerates once: the second one is 412."""
    old = _fingerprint(_resource(direct)["keys"]["primary"])
    replies = [direct.post(SHORT_ROUTE, {"keyType": "Primary"}, {"If-Match": f'"{old}"'}) for _ in range(2)]
    assert [reply.status for reply in replies] == [200, 412]
    assert replies[0].json["fingerprint"] == _fingerprint(_resource(direct)["keys"]["primary"])


def test_if_match_finds_a_lost_answer(direct: Emulator) -> None:
    """With If-Match a lost answer is a 200 with the new key's fingerprint, and ARM changed the key once."""
    old = _fingerprint(_resource(direct)["keys"]["primary"])
    rule = {"service": "arm", "operation": "regenerateKey", "times": 1, "disconnect": "after"}
    direct.call_control("PUT", "faults", [rule])
    reply = direct.post(SHORT_ROUTE, {"keyType": "Primary"}, {"If-Match": f'"{old}"'})
    assert reply.status == 200
    assert reply.json["fingerprint"] == _fingerprint(_resource(direct)["keys"]["primary"])
    posts = [entry for entry in direct.call_control("GET", "requests") if entry["operation"] == "regenerateKey"]
    assert [post["effect"] for post in posts] == [True]


def test_the_audit_line_says_what_was_done(direct: Emulator) -> None:
    """One line holds resource, key, fingerprint, outcome and both request ids; a forged principal is not in it."""
    headers = {"x-ms-client-request-id": "audited-request", **principal_headers("Keys.Regenerate")}
    reply = direct.post(SHORT_ROUTE, {"keyType": "Primary"}, headers)
    direct.wait_for('"audited-request"')
    (line,) = audited(direct, '"audited-request"')
    assert line == {
        "action": "RegenerateKey",
        "outcome": "Regenerated",
        "resourceId": reply.json["resourceId"],
        "keyType": "Primary",
        "caller": {"kind": "FunctionKey"},
        "requestId": reply.header("x-ms-request-id"),
        "clientRequestId": "audited-request",
        "fingerprint": reply.json["fingerprint"],
    }
    (post,) = [e for e in direct.call_control("GET", "requests") if e["operation"] == "regenerateKey"]
    assert post["clientRequestId"] == reply.header("x-ms-request-id")


def test_a_strange_client_request_id_is_not_echoed(direct: Emulator) -> None:
    """Only a sane token comes back."""
    for strange in ("a b", "x" * 65, "<script>", "a;b"):
        reply = direct.post(SHORT_ROUTE, {"keyType": "Primary"}, {"x-ms-client-request-id": strange})
        assert (reply.status, reply.header("x-ms-client-request-id")) == (200, None)


def test_many_requests_at_once_are_all_answered(direct: Emulator) -> None:
    """Fifty requests at once are fifty regenerations with fifty different fingerprints, on one token."""
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(direct.post, [SHORT_ROUTE] * 50, [{"keyType": "Primary"}] * 50))
    assert {reply.status for reply in replies} == {200}
    assert len({reply.json["fingerprint"] for reply in replies}) == 50
    assert sum(entry["operation"] == "token" for entry in direct.call_control("GET", "requests")) <= 1


def test_without_a_default_resource_the_arm_shaped_route_still_works() -> None:
    """With ALLOWED_COMMUNICATION_SERVICES alone the short route is NotConfigured and the other one works."""
    settings = {
        "COMMUNICATION_SERVICE_ID": "",
        "ALLOWED_COMMUNICATION_SERVICES": f"/SUBSCRIPTIONS/{SUBSCRIPTION}/resourcegroups/myresourcegroup",
    }
    with Emulator("--no-key-vault", settings=settings) as emulator:
        reply = emulator.post(SHORT_ROUTE, {"keyType": "Primary"})
        assert (reply.status, reply.json["error"]["code"]) == (503, "NotConfigured")
        assert [detail["target"] for detail in reply.json["error"]["details"]] == ["COMMUNICATION_SERVICE_ID"]
        assert emulator.post(arm_route(), {"keyType": "Primary"}).status == 200


def test_a_function_key_is_needed_where_keys_are_enforced() -> None:
    """With keys enforced as in Azure, both routes are 401 without a key or with a wrong one, and work with it."""
    with Emulator("--auth", "--no-key-vault") as emulator:
        key = emulator.call_control("GET", "endpoints")["functionKey"]
        for path in (SHORT_ROUTE, arm_route()):
            assert emulator.post(path, {"keyType": "Primary"}).status == 401
            assert emulator.post(path, {"keyType": "Primary"}, {"x-functions-key": "wrong"}).status == 401
            assert emulator.post(path, {"keyType": "Primary"}, {"x-functions-key": key}).status == 200
        assert len([e for e in emulator.call_control("GET", "requests") if e["operation"] == "regenerateKey"]) == 2
