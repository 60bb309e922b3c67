"""Hostile requests through the running app: never a 500, never a call to Azure for what is refused, nothing echoed."""

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.emulator import Emulator, Reply
from tests.support.error_table import SHORT_ROUTE, arm_route
from tests.support.outside import QUIET, QUIET_DIRECT, running
from tests.support.reactions import eventually
from tests.support.rotations import ROTATIONS, result, start

JSON = {"Content-Type": "application/json"}
_MARK = "Zz9Marked"


@pytest.fixture(scope="module")
def running_emulator() -> Iterator[Emulator]:
    """An app in which nothing happens by itself: no event comes, and none goes out."""
    with running(QUIET) as app:
        yield app


@pytest.fixture
def emulator(running_emulator: Emulator) -> Emulator:
    """That app, its cloud as at the start."""
    running_emulator.reset()
    running_emulator.call_control("PUT", "events/delivery", {"held": True})
    return running_emulator


@pytest.fixture(scope="module")
def running_direct() -> Iterator[Emulator]:
    """The same without a Key Vault."""
    with running(QUIET_DIRECT) as app:
        yield app


def refused(emulator: Emulator, reply: Reply, statuses: set[int], codes: set[str]) -> None:
    """Check a refusal of ours: a status, an ErrorResponse that does not repeat the mark, no call to Azure."""
    assert reply.status in statuses, reply
    assert reply.header("content-type") == "application/json"
    assert set(reply.json) == {"error"}
    assert reply.json["error"]["code"] in codes
    untouched(emulator, reply)


def untouched(emulator: Emulator, reply: Reply) -> None:
    """Check that Azure was not asked, that the mark does not come back, and that no header was slipped in."""
    assert _MARK not in reply.text
    assert not [name for name, value in reply.headers if "x-injected" in name or _MARK in value]
    assert emulator.call_control("GET", "requests") == []


def _deep(opening: str, levels: int) -> bytes:
    return (opening * levels).encode()


BODIES: dict[str, bytes] = {
    "lists without end": _deep("[", 4000),
    "objects without end": _deep('{"a":', 800),
    "closed lists, deep": b"[" * 2000 + b"]" * 2000,
    "a deep value": b'{"keyType": ' + b"[" * 1900 + b"]" * 1900 + b"}",
    "1e999": b'{"keyType": 1e999}',
    "a number of 4000 digits": b'{"keyType": ' + b"9" * 4000 + b"}",
    "NaN": b'{"keyType": NaN}',
    "minus Infinity": b'{"keyType": -Infinity}',
    "a NUL in the value": b'{"keyType": "Primary\\u0000"}',
    "a NUL as it is": b'{"keyType": "Primary\x00"}',
    "a NUL after the end": b'{"keyType": "Primary"}\x00',
    "a NUL in a name": b'{"keyType\\u0000": "Primary"}',
    "half a surrogate pair": b'{"keyType": "\\ud800"}',
    "a reversed surrogate pair": b'{"keyType": "\\udc00\\ud800"}',
    "half a surrogate pair in a name": b'{"\\ud800": "Primary", "keyType": "Primary"}',
    "a surrogate in UTF-8": b'{"keyType": "\xed\xa0\x80"}',
    "bytes that are no UTF-8": b'{"keyType": "\xff"}',
    "an overlong quote": b'{"keyType": \xc0\xa2Primary\xc0\xa2}',
    "a byte order mark alone": b"\xef\xbb\xbf",
    "two byte order marks": b'\xef\xbb\xbf\xef\xbb\xbf{"keyType": "Primary"}',
    "UTF-16": '{"keyType": "Primary"}'.encode("utf-16"),
    "UTF-16, big end first": '{"keyType": "Primary"}'.encode("utf-16-be"),
    "UTF-32": '{"keyType": "Primary"}'.encode("utf-32"),
    "a name twice": b'{"keyType": "Primary", "keyType": "Secondary"}',
    "a name twice, escaped": b'{"keyType": "Primary", "key\\u0054ype": "Primary"}',
    "a name twice, further down": b'{"keyType": "Primary", "x": {"a": 1, "a": 2}}',
    "a prototype": b'{"keyType": "Primary", "__proto__": {"force": true}}',
    "an operator": b'{"keyType": {"$ne": null}}',
    "a dotless i": '{"keyType": "Pr\u0131mary"}'.encode(),
    "a dotted I": '{"keyType": "PR\u0130MARY"}'.encode(),
    "full width": '{"keyType": "\uff30\uff52\uff49\uff4d\uff41\uff52\uff59"}'.encode(),
    "a long s": '{"keyType": "\u017fecondary"}'.encode(),
    "a Cyrillic a": '{"keyType": "Prim\u0430ry"}'.encode(),
    "a soft hyphen": '{"keyType": "Pri\u00admary"}'.encode(),
    "a Kelvin sign in a name": '{"\u212aeyType": "Primary"}'.encode(),
    "a mark that is not to come back": f'{{"keyType": "{_MARK}", "{_MARK}+": 1}}'.encode(),
    "two values": b'{"keyType": "Primary"} {"keyType": "Primary"}',
    "single quotes": b"{'keyType': 'Primary'}",
    "a comment": b'{"keyType": "Primary" /* */}',
    "a text": b'"keyType"',
    "a form": b"keyType=Primary",
    "XML with an entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in BODIES.items()])
@pytest.mark.parametrize("path", [SHORT_ROUTE, arm_route(), ROTATIONS], ids=["short", "ARM-shaped", "rotations"])
def test_a_hostile_body_is_refused(emulator: Emulator, path: str, body: bytes) -> None:
    """400 with ARM's ErrorResponse, on every route that takes a body; nothing is asked of Azure."""
    refused(emulator, emulator.post(path, body, JSON), {400}, {"InvalidRequest"})


ROTATION_BODIES: dict[str, Any] = {
    "a homoglyph in activeKey": {"activeKey": "Sec\u043endary"},
    "Arabic digits": {"gracePeriod": "P\u0661D"},
    "a line break after the duration": {"gracePeriod": "P1D\n"},
    "a duration beyond reason": {"gracePeriod": "P999999DT999999H999999M999999.999999S"},
    "a negative duration": {"gracePeriod": "-P1D"},
    "a flag in quotes": {"revoke": "false"},
    "a flag that is a number": {"supersede": 1},
    "a reason that is a list": {"reason": ["x"]},
    "a reason of 201 characters": {"reason": "\U0001f600" * 201},
    "a URL as the resource": {"resourceId": f"https://evil.example{arm_route(query='')[4:]}"},
    "a way up in the resource": {"resourceId": arm_route(group="..", query="")[4:].removesuffix("/regenerateKey")},
    "an encoded slash in the resource": {"resourceId": arm_route(group="a%2fb", query="")[4:-14]},
    "a Cyrillic letter in the resource": {"resourceId": arm_route(name="MyC\u043emm", query="")[4:-14]},
    "a line break in the resource": {"resourceId": arm_route(name="a\r\nX-Injected: 1", query="")[4:-14]},
}


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in ROTATION_BODIES.items()])
def test_a_hostile_rotation_is_refused(emulator: Emulator, body: dict[str, Any]) -> None:
    """400, and nothing is started or asked of Azure."""
    refused(emulator, emulator.post(ROTATIONS, body), {400}, {"InvalidRequest"})


def test_a_reason_may_be_any_text(emulator: Emulator) -> None:
    """Controls, half surrogate pairs and a planted key rotate as well as any reason; the log has no line of theirs."""
    key = emulator.call_control("GET", "resources")[0]["keys"]["secondary"]
    body = b'{"gracePeriod": "PT1H", "reason": "\\ud800\\u0000\\r\\nforged line ' + key.encode() + b'"}'
    started = emulator.post(ROTATIONS, body, JSON)
    assert result(emulator, started).json["status"] == "Succeeded"
    emulator.wait_for(f'"instanceId": "{started.json["id"]}"')
    assert not [line for line in emulator.output.splitlines() if line.startswith("forged line")]
    assert key not in emulator.output
    assert key not in json.dumps(emulator.call_control("GET", "durable"))


PARTS = {
    "dots": "%2e%2e",
    "dots in capitals": "%2E%2E",
    "one dot, encoded": "%2e",
    "a slash": "a%2Fb",
    "a slash in small letters": "a%2fb",
    "dots, encoded twice": "%252e%252e",
    "a slash, encoded twice": "a%252fb",
    "an overlong dot": "%c0%ae%c0%ae",
    "a backslash": "a%5c..%5cb",
    "a line break": "a%0d%0aX-Injected:%20yes",
    "a tab": "a%09b",
    "bytes that are no UTF-8": "%ff%fe",
    "full width": "%ef%bc%ad%ef%bd%99",
    "a Cyrillic letter": "My%d0%a1ommunicationResource",
    "a zero width space": "My%e2%80%8bCommunicationResource",
    "a semicolon": "a;b=c",
    "a percent sign": "a%25",
    "a question mark": "a%3fapi-version=x",
    "a fragment": "a%23b",
    "braces": "%7Bname%7D",
    "a quote": "a%22%27b",
    "too long": "n" * 2000,
}


@pytest.mark.parametrize("part", [pytest.param(part, id=name) for name, part in PARTS.items()])
@pytest.mark.parametrize("place", ["subscription", "group", "name"])
def test_a_hostile_part_of_the_path_reaches_nothing(direct: Emulator, place: str, part: str) -> None:
    """400 from the app, or 404 from the host whose route it does not fit; Azure is not asked."""
    reply = direct.post(arm_route(**{place: part}), {"keyType": "Primary"})
    if reply.header("x-ms-request-id") is None:
        # dots lead out of the route, as in every server
        assert (reply.status, reply.body) in ((404, b""), (400, b""))
        untouched(direct, reply)
    else:
        refused(direct, reply, {400}, {"InvalidRequest"})


@pytest.mark.parametrize("part", [pytest.param(part, id=name) for name, part in PARTS.items()])
@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("GET", "/result"), ("POST", "/revoke"), ("POST", "/cancel")])
def test_a_hostile_id_is_no_rotation(emulator: Emulator, method: str, end: str, part: str) -> None:
    """404 from the app, or the host's own 404 or 405 where the path is another one; Azure is not asked."""
    reply = emulator.request(method, f"{ROTATIONS}/{part}{end}", b"" if method == "POST" else None)
    if reply.header("x-ms-request-id") is None:
        assert (reply.status, reply.body) in ((404, b""), (405, b""), (400, b""))
        untouched(emulator, reply)
    else:
        refused(emulator, reply, {404}, {"NotFound"})


@pytest.mark.own_host
@pytest.mark.parametrize(
    "path",
    [
        arm_route().replace("communicationServices", "commun%C4%B1cationServices"),
        arm_route().replace("communicationServices", "communicationService%C5%BF"),
        arm_route().replace("regenerateKey", "regenerate%E2%84%AAey"),
        arm_route().replace("providers", "%EF%BD%90roviders"),
        arm_route().replace("Microsoft.Communication/", "Microsoft.Communication%2F"),
        arm_route().replace("/resourceGroups", "//resourceGroups"),
        arm_route().replace("/regenerateKey", "/listKeys"),
        arm_route().replace("Microsoft.Communication", "Microsoft.KeyVault"),
        SHORT_ROUTE + "/x",
        "/api//regenerateKey",
        "/api/%72egenerate%2FKey",
    ],
)
def test_a_look_alike_is_no_route(direct: Emulator, path: str) -> None:
    """The host answers 404: a homoglyph is another letter, and an encoded slash is no slash."""
    reply = direct.post(path, {"keyType": "Primary"})
    assert (reply.status, reply.body) == (404, b"")
    untouched(direct, reply)


_TAKES = {
    SHORT_ROUTE: "POST",
    arm_route(): "POST",
    ROTATIONS: "POST",
    f"{ROTATIONS}/x": "GET",
    "/api/openapi.json": "GET",
}


@pytest.mark.own_host
@pytest.mark.parametrize("path", _TAKES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "MADEUP"])
def test_another_method_does_nothing(direct: Emulator, path: str, method: str) -> None:
    """405 or 404 without a body, even where a header asks for another method; Azure is not asked."""
    if method == _TAKES[path]:
        return
    override = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST", "X-Method-Override": "POST"}
    reply = direct.request(method, path, b'{"keyType": "Primary"}', {**JSON, **override})
    # what is no method at all is refused before routing
    assert reply.status == 400 if method == "MADEUP" else (reply.status, reply.body) in ((405, b""), (404, b""))
    untouched(direct, reply)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/json"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/xml"},
        {"Content-Type": "application/json-seq"},
        {"Content-Type": "application/jsonp"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json; charset=utf-7"},
        {"Content-Type": "application/json, text/plain"},
        {"Content-Type": "\u00e4"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
        {"Content-Type": "application/json", "Content-Encoding": _MARK},
    ],
)
def test_what_is_not_declared_as_json_is_refused(direct: Emulator, headers: dict[str, str]) -> None:
    """415, whatever the body is."""
    sent = {name: value.encode().decode("latin-1") for name, value in headers.items()}
    refused(direct, direct.post(SHORT_ROUTE, b'{"keyType": "Primary"}', sent), {415}, {"UnsupportedMediaType"})


@pytest.mark.parametrize("size", [4097, 100_000])
@pytest.mark.parametrize("path", [SHORT_ROUTE, arm_route()])
def test_a_chunked_body_has_the_same_limit(direct: Emulator, path: str, size: int) -> None:
    """413 where no Content-Length announces it either."""
    body = b'{"keyType": "Primary"' + b" " * (size - 22) + b"}"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:1000], body[1000:])) + b"0\r\n\r\n"
    reply = direct.post(path, chunks, {**JSON, "Transfer-Encoding": "chunked"})
    refused(direct, reply, {413}, {"RequestEntityTooLarge"})


HEADERS: dict[str, tuple[str, str]] = {
    "If-Match without a value": ("If-Match", ""),
    "If-Match of a weak tag": ("If-Match", 'W/"sha256:0123456789abcdef"'),
    "If-Match with a star among others": ("If-Match", '*, "sha256:0123456789abcdef"'),
    "If-Match of foreign digits": ("If-Match", '"sha256:\u0661\u06611122223333444"'),
    "If-Match that is long": ("If-Match", '"sha256:0123456789abcdef",' * 200 + _MARK),
    "an id that is no UUID": ("Repeatability-Request-ID", _MARK),
    "an id in braces": ("Repeatability-Request-ID", "{0f8fad5b-d9cb-469f-a165-70867728950e}"),
    "an id with a scheme": ("Repeatability-Request-ID", "urn:uuid:0f8fad5b-d9cb-469f-a165-70867728950e"),
    "an id without dashes": ("Repeatability-Request-ID", "0f8fad5bd9cb469fa16570867728950e"),
    "an id of foreign digits": ("Repeatability-Request-ID", "0f8fad5b-d9cb-469f-a165-7086772895\u0661\u0661"),
    "an id with an underscore": ("Repeatability-Request-ID", "0f8fad5b-d9cb-469f-a165-708677289_0e"),
    "two ids": ("Repeatability-Request-ID", ",".join(["0f8fad5b-d9cb-469f-a165-70867728950e"] * 2)),
}


@pytest.mark.parametrize(("name", "value"), [pytest.param(*each, id=name) for name, each in HEADERS.items()])
def test_a_hostile_header_is_refused(direct: Emulator, name: str, value: str) -> None:
    """400, with the header as the target."""
    headers = {**JSON, name: value.encode().decode("latin-1")}
    reply = direct.post(SHORT_ROUTE, b'{"keyType": "Primary"}', headers)
    refused(direct, reply, {400}, {"InvalidRequest"})
    assert {detail["target"] for detail in reply.json["error"]["details"]} == {name}


@pytest.mark.parametrize("query", ["force=maybe", "force=true&force=false", "force=1", "force=tru%65%00", "force=%ff"])
def test_a_hostile_flag_is_refused(direct: Emulator, query: str) -> None:
    """400: what is neither true nor false is not taken for one of them."""
    refused(direct, direct.post(f"{SHORT_ROUTE}?{query}", {"keyType": "Primary"}), {400}, {"InvalidRequest"})


@pytest.mark.parametrize(
    "sent", ["a\tb", "\u00e4", "a b", "a,b", "x" * 65, "a\\r\\nX-Injected: 1", "a%0d%0aX-Injected:1", "-a", '"a"']
)
def test_a_client_request_id_cannot_bring_a_header_in(direct: Emulator, sent: str) -> None:
    """Whatever is no plain token is not echoed, and the request is answered as ever."""
    headers = {**JSON, "x-ms-client-request-id": sent.encode().decode("latin-1")}
    reply = direct.post(SHORT_ROUTE, b"{}", headers)
    assert reply.header("x-ms-client-request-id") is None
    refused(direct, reply, {400}, {"InvalidRequest"})


@pytest.mark.own_host
@pytest.mark.parametrize("line", [b"x-ms-client-request-id: a\x00b", b"x-ms-client-request-id: a\rb", b" folded: 1"])
def test_a_header_that_is_none_is_the_hosts_to_refuse(direct: Emulator, line: bytes) -> None:
    """Bytes that HTTP does not allow in a header never reach the app."""
    parts = urlsplit(direct.app)
    assert parts.hostname is not None
    body = b'{"keyType": "Primary"}'
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" % SHORT_ROUTE.encode()
    with socket.create_connection((parts.hostname, parts.port or 80), timeout=30) as connection:
        connection.sendall(head + line + b"\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.split(b" ", 2)[1] == b"400"
    assert direct.call_control("GET", "requests") == []


@pytest.mark.own_host
@pytest.mark.parametrize("host", ["[::::]", "[1.2]", "evil.example:99999", "a%41b", "x" * 300])
def test_a_strange_host_header_does_not_fail_a_rotation(emulator: Emulator, host: str) -> None:
    """202 with a Location, or the host's own 400, in which case nothing was started."""
    reply = start(emulator, {"gracePeriod": "PT1H"}, Host=host)
    if reply.status == 400:
        untouched(emulator, reply)
        return
    assert reply.status == 202
    assert reply.header("location") == f"http://{host}{ROTATIONS}/{reply.json['id']}/result"
    ended = eventually(lambda: _ended(emulator, reply.json["id"]), "the end")
    assert ended.json["status"] == "Succeeded"


def _ended(emulator: Emulator, id_: str) -> Reply | None:
    reply = emulator.get(f"{ROTATIONS}/{id_}/result")
    return None if reply.status == 202 else reply
