"""What a function sees of a request, and what a client sees of its answer."""

import base64
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.emulator import Emulator, Reply

pytestmark = pytest.mark.own_host


def send_raw(url: str, request: bytes) -> bytes:
    """Send bytes to the server of `url` and return all that it answers until it closes the connection."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while received := connection.recv(65536):
            answer += received
    return answer


def echoed(reply: Reply) -> Any:
    """Return what the function `echo` saw."""
    assert reply.status == 200, reply
    return reply.json


def wait_for_log(emulator: Emulator) -> None:
    """Wait until everything that has been logged so far has been read: a later call's line is there."""
    emulator.wait_for(emulator.get("/api/context").json["invocation"])


@pytest.mark.parametrize("path", ["/api/Unrouted", "/api/unrouted", "/API/UNROUTED", "/api/unrouted/"])
def test_a_function_without_a_route_answers_at_its_name_in_any_case(web: Emulator, path: str) -> None:
    """The function's name is its route; letters' case and one slash at the end do not matter."""
    assert web.get(path).text == "text of GET"


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/", "/api/nowhere", "/unrouted", "/api//unrouted", "/runtime/webhooks/x"]
)
def test_an_unknown_route_is_404_without_a_body(web: Emulator, path: str) -> None:
    """Where no function's route fits, the host answers 404 and nothing else."""
    reply = web.get(path)
    assert (reply.status, reply.body) == (404, b"")


def test_a_method_that_a_known_route_does_not_take_is_405_with_allow(web: Emulator) -> None:
    """Allow names the methods of all functions whose routes fit the path."""
    reply = web.request("DELETE", "/api/items/5")
    assert (reply.status, reply.body, reply.header("allow")) == (405, b"", "GET, PUT")
    assert web.request("HEAD", "/api/items/5").status == 405
    assert web.request("OPTIONS", "/api/items/special").header("allow") == "GET, POST, PUT"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/items/5", {"by": "number", "id": "5"}),
        ("PUT", "/api/items/5", {"by": "name", "name": "5"}),
        ("GET", "/api/items/five", {"by": "name", "name": "five"}),
        ("POST", "/api/items/SPECIAL", {"by": "literal"}),
        ("GET", "/api/items/special", {"by": "name", "name": "special"}),
    ],
)
def test_the_most_specific_route_that_takes_the_method_answers(
    web: Emulator, method: str, path: str, expected: dict[str, str]
) -> None:
    """A literal comes before a constrained parameter, that before a plain one; other methods fall through."""
    assert web.request(method, path).json == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/optional/1", {"a": "1", "b": "two"}),
        ("/api/optional/1/2", {"a": "1", "b": "2"}),
        ("/api/optional/1/2/3", {"a": "1", "b": "2", "c": "3"}),
    ],
)
def test_optional_route_values_are_absent_or_have_their_default(
    web: Emulator, path: str, expected: dict[str, str]
) -> None:
    """A parameter that the path leaves out has no value, unless the template gives one."""
    assert web.get(path).json == expected


def test_route_values_are_percent_decoded_except_for_the_slash(web: Emulator) -> None:
    """UTF-8 is decoded, %2F stays, a plus sign is a plus sign, and dot segments are gone."""
    seen = echoed(web.get("/api/echo/x/../%C3%BC%20+%2Fb%ff"))
    assert seen["route"] == {"path": "ü +%2Fb%FF"}


def test_query_values_are_decoded_joined_and_dropped_when_empty(web: Emulator) -> None:
    """Repeated names, in any case, are joined by commas; an empty value is no value."""
    seen = echoed(web.get("/api/echo?a=1&A=%C3%BC+2&empty=&flag&b=%2C"))
    assert seen["params"] == {"a": "1,ü 2", "b": ","}
    assert seen["url"] == f"{web.app}/api/echo?a=1&A=%C3%BC+2&empty=&flag&b=%2C"


def test_header_names_are_lower_case_and_repeated_ones_joined(web: Emulator) -> None:
    """A function finds each header once, by its lower-case name."""
    reply = web.request(
        "GET", "/api/echo", repeated=[("X-Many", "1"), ("x-MANY", "2"), ("X-Text", "ü".encode().decode("latin-1"))]
    )
    headers = echoed(reply)["headers"]
    assert headers["x-many"] == "1,2"
    assert headers["x-text"] == "ü"


@pytest.mark.parametrize("body", [b"", b"\x00\xff\xfe", b"x" * 500_000], ids=["empty", "binary", "big"])
def test_the_body_arrives_as_it_was_sent(web: Emulator, body: bytes) -> None:
    """Bytes in, bytes seen; also when they claim to be compressed, or come in chunks."""
    for headers in ({}, {"Content-Encoding": "gzip"}):
        assert base64.b64decode(echoed(web.post("/api/echo", body, headers))["body"]) == body
    chunked = b"".join(
        b"%x\r\n%b\r\n" % (len(body[i : i + 9999]), body[i : i + 9999]) for i in range(0, len(body), 9999)
    )
    reply = web.request("POST", "/api/echo", chunked + b"0\r\n\r\n", {"Transfer-Encoding": "chunked"})
    assert base64.b64decode(echoed(reply)["body"]) == body


def test_a_body_over_the_limit_is_413(web: Emulator) -> None:
    """The limit itself is allowed; one byte more is not, whether announced or found out."""
    assert web.post("/api/echo", b"x" * 1_000_000).status == 200
    announced = send_raw(
        web.app,
        b"POST /api/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000001\r\n\r\n"
        + b"x" * 1_000_001,
    )
    assert announced.startswith(b"HTTP/1.1 413 ")
    chunk = b"%x\r\n%b\r\n0\r\n\r\n" % (1_000_001, b"x" * 1_000_001)
    found_out = b"POST /api/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk
    assert send_raw(web.app, found_out).startswith(b"HTTP/1.1 413 ")


def test_a_client_that_waits_for_100_continue_gets_it(web: Emulator) -> None:
    """curl asks so before it sends a large body."""
    parts = urlsplit(web.app)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        connection.sendall(
            b"POST /api/echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"ok")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/echo/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/echo/%00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /api/echo HTTP/1.1\r\nHost: x\r\nX-Odd: \xed\xa0\x80\r\n\r\n",
        b"GET /api/echo HTTP/1.1\r\nHost: x\r\nX-Odd: \xff\r\n\r\n",
        b"GET /api/echo HTTP/1.1\r\n\r\n",
        b"GET /api/echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET /api/echo HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET api/echo HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_a_malformed_request_is_400_and_harms_nothing(web: Emulator, request_: bytes) -> None:
    """Bytes that are no text, a target that is no path, a missing or doubled Host: 400, and the host serves on."""
    request_ = request_.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    assert send_raw(web.app, request_).startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 "))
    assert web.get("/api/unrouted").status == 200


def test_surrogates_in_the_query_are_left_escaped(web: Emulator) -> None:
    """What is not UTF-8 stays as it was sent, so that a function only ever sees text."""
    assert echoed(web.get("/api/echo?a=%ED%A0%80"))["params"] == {"a": "%ED%A0%80"}


def test_an_absolute_target_is_understood(web: Emulator) -> None:
    """Clients that believe in a proxy send the whole URL."""
    answer = send_raw(web.app, b"GET http://x/api/unrouted HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_status_headers_and_body_go_out_as_the_function_says(web: Emulator) -> None:
    """All but the length of the body, which the host counts itself."""
    reply = web.post("/api/answer", {"status": 418, "body": "tea", "headers": {"X-Pot": "1", "Content-Length": "99"}})
    assert (reply.status, reply.text, reply.header("x-pot"), reply.header("content-length")) == (418, "tea", "1", "3")
    assert reply.header("content-type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_goes_out_without_one(web: Emulator, status: int) -> None:
    """Bytes after such a response would be taken for the next one."""
    reply = web.post("/api/answer", {"status": status, "body": "lost"})
    assert (reply.status, reply.body) == (status, b"")


def test_head_gives_the_headers_of_get(web: Emulator) -> None:
    """A function that takes every method answers HEAD without a body."""
    reply = web.request("HEAD", "/api/unrouted")
    assert (reply.status, reply.body, reply.header("content-length")) == (200, b"", str(len("text of HEAD")))


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 42},
        {"status": 1000},
        {"headers": {"X-A": "é"}},
        {"headers": {"X-A": "a\x01b"}},
        {"headers": {"a b": "c"}},
    ],
)
def test_a_response_that_http_cannot_carry_is_500(web: Emulator, answer: dict[str, object]) -> None:
    """An impossible status or header never reaches the client; the log says which function gave it."""
    reply = web.post("/api/answer", answer)
    assert (reply.status, reply.body) == (500, b"")
    assert web.get("/api/unrouted").status == 200


def test_cookies_go_out_one_header_each_with_every_attribute(web: Emulator) -> None:
    """Names and order of the attributes are ASP.NET's; the value is escaped."""
    cookies = [value for name, value in web.get("/api/cookies").headers if name == "set-cookie"]
    assert cookies == [
        "plain=1",
        (
            "full=a%20b; expires=Wed, 21 Oct 2026 07:28:00 GMT; max-age=60; domain=example.com; path=/x; secure; "
            "samesite=strict; httponly"
        ),
    ]


def test_an_exception_is_500_without_a_body_and_logged_once_with_its_stack(web: Emulator) -> None:
    """The client learns nothing; the log has the traceback, once."""
    wait_for_log(web)
    before = web.stderr.count("ValueError: the text of the error")
    reply = web.get("/api/raise/error")
    assert (reply.status, reply.body) == (500, b"")
    wait_for_log(web)
    assert web.stderr.count("ValueError: the text of the error") == before + 1
    assert re.search(r'File ".*web/function_app.py", line \d+, in raising', web.stderr)


@pytest.mark.parametrize("what", ["exit", "cancel"])
def test_a_function_cannot_end_the_host(web: Emulator, what: str) -> None:
    """SystemExit and CancelledError in a function are failures of that call alone."""
    assert web.get(f"/api/raise/{what}").status == 500
    assert web.get("/api/unrouted").status == 200


def test_returning_nothing_is_a_failure_as_with_the_real_worker(web: Emulator) -> None:
    """Microsoft's worker cannot turn None into an HTTP response."""
    assert web.get("/api/nothing").status == 500


def test_a_sync_function_runs_too(web: Emulator) -> None:
    """It runs in the worker's threads."""
    assert web.get("/api/sync").text == "sync GET"


def test_a_function_that_outlasts_function_timeout_is_ended(web: Emulator) -> None:
    """host.json's functionTimeout holds; the caller gets 500."""
    assert web.get("/api/slow/30").status == 500
    wait_for_log(web)
    assert "Timeout value of 2 s exceeded by function: Functions.slow" in web.stderr


def test_each_invocation_has_its_own_id_and_a_trace(web: Emulator) -> None:
    """Without a trace the host starts one; a valid one is continued, with a span of its own; a malformed one is not."""
    first, second = web.get("/api/context").json, web.get("/api/context").json
    assert first["name"] == "with_context"
    assert first["invocation"] != second["invocation"]
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", first["parent"])
    trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    third = web.get("/api/context", {"traceparent": f"00-{trace}-{span}-01", "tracestate": "a=1"}).json
    assert third["parent"].startswith(f"00-{trace}-")
    assert span not in third["parent"]
    assert third["state"] == "a=1"
    fourth = web.get("/api/context", {"traceparent": "00-nonsense", "tracestate": "a=1"}).json
    assert (fourth["parent"][:3], fourth["state"]) == ("00-", "")


def test_log_lines_and_prints_come_on_stderr_and_debug_only_on_demand(web: Emulator) -> None:
    """stdout belongs to the greeting; at the default level debug lines are left out."""
    web.get("/api/log")
    wait_for_log(web)
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO app: an info line$", web.stderr, re.MULTILINE)
    assert "a printed line" in web.stderr
    assert "a printed line" not in web.stdout
    assert "a debug line" not in web.stderr
