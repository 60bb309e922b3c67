"""What ARM answered, or did not -> our errors: statuses, bodies of every kind, outcomes, and no key in any of it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.azure_clients.arm_errors import connection_failed, from_status, not_the_api
from shared.errors import (
    ArmError,
    ArmRejected,
    RegenerationOutcome,
    UpstreamAuthenticationFailed,
    UpstreamFailed,
    UpstreamResponseInvalid,
    UpstreamUnreachable,
)
from tests.support.fakes import CASK_KEY, JWT, LEGACY_KEY

NOT_REGENERATED = RegenerationOutcome.NOT_REGENERATED
UNKNOWN = RegenerationOutcome.UNKNOWN
BODY = json.dumps({"error": {"code": "SomeCode", "message": "Some message."}}).encode()


def translate(
    status: int, body: Any = BODY, *, headers: dict[str, str] | None = None, changes: bool = True
) -> ArmError:
    """Translate an answer whose body is bytes, or JSON of anything else."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return from_status(status, headers or {}, data, changes=changes)


def passed_on(error: Any, status: int = 409) -> dict[str, Any]:
    """Return what the caller sees of an ARM `error` object; the translation must pass it on."""
    translated = translate(status, {"error": error})
    assert isinstance(translated, ArmRejected)
    return translated.to_json()["error"]


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 429])
def test_arms_refusals_are_passed_through(status: int) -> None:
    """What ARM decided, and its caller can act upon, keeps its status, code and message; nothing has changed."""
    error = translate(status)
    assert isinstance(error, ArmRejected)
    assert error.status == status
    assert error.to_json() == {"error": {"code": "SomeCode", "message": "Some message."}}


def test_everything_that_arm_says_is_passed_through() -> None:
    """Target, nested details and additionalInfo come along."""
    sent = {
        "code": "A",
        "message": "a",
        "target": "t",
        "details": [{"code": "B", "message": "b", "target": "u", "details": [{"code": "C", "message": "c"}]}],
        "additionalInfo": [{"type": "Policy", "info": {"deep": [1, None, {"x": "y"}]}}],
    }
    assert passed_on(sent) == sent


@pytest.mark.parametrize(
    ("status", "kind", "code", "outcome"),
    [
        pytest.param(401, UpstreamAuthenticationFailed, "UpstreamAuthenticationFailed", NOT_REGENERATED, id="401"),
        pytest.param(402, UpstreamFailed, "UpstreamError", NOT_REGENERATED, id="402"),
        pytest.param(405, UpstreamFailed, "UpstreamError", NOT_REGENERATED, id="405"),
        pytest.param(408, UpstreamFailed, "UpstreamError", UNKNOWN, id="408"),
        pytest.param(418, UpstreamFailed, "UpstreamError", NOT_REGENERATED, id="418"),
        pytest.param(500, UpstreamFailed, "UpstreamError", UNKNOWN, id="500"),
        pytest.param(502, UpstreamFailed, "UpstreamError", UNKNOWN, id="502"),
        pytest.param(503, UpstreamFailed, "UpstreamError", UNKNOWN, id="503"),
        pytest.param(504, UpstreamFailed, "UpstreamError", UNKNOWN, id="504"),
        pytest.param(599, UpstreamFailed, "UpstreamError", UNKNOWN, id="599"),
        pytest.param(200, UpstreamResponseInvalid, "UpstreamResponseInvalid", UNKNOWN, id="200"),
        pytest.param(201, UpstreamResponseInvalid, "UpstreamResponseInvalid", UNKNOWN, id="201"),
        pytest.param(202, UpstreamResponseInvalid, "UpstreamResponseInvalid", UNKNOWN, id="202"),
        pytest.param(204, UpstreamResponseInvalid, "UpstreamResponseInvalid", UNKNOWN, id="204"),
        pytest.param(302, UpstreamResponseInvalid, "UpstreamResponseInvalid", None, id="302"),
        pytest.param(307, UpstreamResponseInvalid, "UpstreamResponseInvalid", None, id="307"),
    ],
)
def test_other_statuses_are_ours(
    status: int, kind: type[ArmError], code: str, outcome: RegenerationOutcome | None
) -> None:
    """A status that is no decision of ARM's is a 502 of ours, with the outcome wherever a key may have changed."""
    error = translate(status)
    assert type(error) is kind
    assert (error.status, error.code, error.outcome) == (502, code, outcome)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 408, 429, 500, 503])
def test_a_call_that_changes_nothing_has_no_outcome(status: int) -> None:
    """listKeys regenerates nothing, whatever becomes of it."""
    assert translate(status, changes=False).outcome is None
    assert translate(status, b"", changes=False).outcome is None


NO_ERROR_RESPONSE = [
    pytest.param(b"", id="nothing"),
    pytest.param(b"<html><body>s3cr3t</body></html>", id="HTML"),
    pytest.param(b"s3cr3t", id="text"),
    pytest.param(b"\xff\xfe\x00", id="no UTF-8"),
    pytest.param(BODY[:-5], id="truncated"),
    pytest.param(b"[" * 100_000, id="deep"),
    pytest.param(b"null", id="null"),
    pytest.param(b"[]", id="list"),
    pytest.param(b'"s3cr3t"', id="string"),
    pytest.param(b"NaN", id="NaN"),
    pytest.param({}, id="empty object"),
    pytest.param({"Message": "s3cr3t"}, id="another kind of error"),
    pytest.param({"code": "X", "message": "s3cr3t"}, id="not in error"),
    pytest.param({"error": None}, id="error null"),
    pytest.param({"error": "s3cr3t"}, id="error a string"),
    pytest.param({"error": ["s3cr3t"]}, id="error a list"),
    pytest.param({"error": {}}, id="error empty"),
    pytest.param({"error": {"message": "s3cr3t"}}, id="no code"),
    pytest.param({"error": {"code": None, "message": "s3cr3t"}}, id="code null"),
    pytest.param({"error": {"code": 404, "message": "s3cr3t"}}, id="code a number"),
    pytest.param({"error": {"code": "", "message": "s3cr3t"}}, id="code empty"),
    pytest.param({"error": {"code": "s3cr3t code", "message": "m"}}, id="code with a blank"),
    pytest.param({"error": {"code": "s3cr3t\r\n", "message": "m"}}, id="code with a line break"),
    pytest.param({"error": {"code": "s3cr3t" * 30, "message": "m"}}, id="code too long"),
    pytest.param({"error": {"code": "BigAnswer", "message": "s3cr3t" * 20_000}}, id="huge"),
]


@pytest.mark.parametrize("body", NO_ERROR_RESPONSE)
@pytest.mark.parametrize("status", [400, 403, 404, 409, 412])
def test_a_refusal_that_is_not_arms_is_not_passed_through(status: int, body: Any) -> None:
    """Whatever stands between may answer anything: without an ErrorResponse it is nonsense, and is not shown."""
    error = translate(status, body)
    assert isinstance(error, UpstreamResponseInvalid)
    assert "s3cr3t" not in json.dumps(error.to_json())


@pytest.mark.parametrize("body", NO_ERROR_RESPONSE)
def test_throttling_is_passed_on_whoever_throttles(body: Any) -> None:
    """A gateway's 429 needs no ErrorResponse: it goes on as a 429 with its Retry-After, its body left out."""
    error = translate(429, body, headers={"Retry-After": "7"})
    assert isinstance(error, ArmRejected)
    assert (error.status, error.code, error.headers) == (429, "TooManyRequests", {"Retry-After": "7"})
    assert "s3cr3t" not in json.dumps(error.to_json())


@pytest.mark.parametrize("body", NO_ERROR_RESPONSE)
@pytest.mark.parametrize(("status", "kind"), [(401, UpstreamAuthenticationFailed), (500, UpstreamFailed)])
def test_a_failure_needs_no_body(status: int, kind: type[ArmError], body: Any) -> None:
    """A failure is told by its status; a body that is no ErrorResponse is left out."""
    error = translate(status, body)
    assert type(error) is kind
    assert error.details == ()
    assert "s3cr3t" not in json.dumps(error.to_json())


@pytest.mark.parametrize("status", [401, 500])
def test_arms_words_about_a_failure_become_details(status: int) -> None:
    """What ARM says about a failure stands in details of our error."""
    assert translate(status).to_json()["error"]["details"] == [{"code": "SomeCode", "message": "Some message."}]


NO_OBJECTS: list[Any] = [None, 1, "x", [], {}]


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        pytest.param({"code": "A"}, {"code": "A", "message": "A"}, id="no message"),
        pytest.param({"code": "A", "message": None}, {"code": "A", "message": "A"}, id="message null"),
        pytest.param({"code": "A", "message": ["m"]}, {"code": "A", "message": "A"}, id="message a list"),
        pytest.param({"code": "A", "message": ""}, {"code": "A", "message": "A"}, id="message empty"),
        pytest.param({"code": "A", "message": "m", "target": 5}, {"code": "A", "message": "m"}, id="target a number"),
        pytest.param(
            {"code": "A", "message": "m", "details": "x"}, {"code": "A", "message": "m"}, id="details a string"
        ),
        pytest.param(
            {"code": "A", "message": "m", "details": {}}, {"code": "A", "message": "m"}, id="details an object"
        ),
        pytest.param(
            {"code": "A", "message": "m", "details": [*NO_OBJECTS, {"code": "B"}]},
            {"code": "A", "message": "m", "details": [{"code": "B", "message": "B"}]},
            id="details of many types",
        ),
        pytest.param(
            {
                "code": "A",
                "message": "m",
                "additionalInfo": [
                    *NO_OBJECTS,
                    {"type": "T"},
                    {"info": "no type"},
                    {"type": 1, "info": "no text"},
                    # the app's own word, which is nobody else's to say
                    {"type": "RegenerationOutcome", "info": {"outcome": "NotRegenerated"}},
                    # Durable's SDK would make an object of Python's of it, or fail
                    {"type": "Object", "info": [{"x": {"__class__": "X", "__module__": "os", "__data__": 1}}]},
                ],
            },
            {"code": "A", "message": "m", "additionalInfo": [{"type": "T"}]},
            id="additionalInfo of many types",
        ),
        pytest.param({"code": "A", "message": "m", "innererror": {"x": 1}}, {"code": "A", "message": "m"}, id="more"),
    ],
)
def test_fields_of_a_wrong_type_are_left_out(sent: Any, seen: dict[str, Any]) -> None:
    """Each field that is passed on has the type that the API gives it."""
    assert passed_on(sent) == seen


PLANTED = {
    "legacy": LEGACY_KEY,
    "cask": CASK_KEY,
    "connection string": f"endpoint=https://h/;accesskey={LEGACY_KEY}",
    "token": JWT,
    "bearer": f"Bearer {JWT}",
}
PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "message": lambda text: {"code": "A", "message": f"about {text} and more"},
    "target": lambda text: {"code": "A", "message": "m", "target": text},
    "message of a detail": lambda text: {"code": "A", "message": "m", "details": [{"code": "B", "message": text}]},
    "target of a nested detail": lambda text: {
        "code": "A",
        "message": "m",
        "details": [{"code": "B", "message": "m", "details": [{"code": "C", "message": "m", "target": text}]}],
    },
    "additionalInfo": lambda text: {
        "code": "A",
        "message": "m",
        "additionalInfo": [{"type": text, "info": {"x": [text, {"y": text}]}}],
    },
    "name in additionalInfo": lambda text: {
        "code": "A",
        "message": "m",
        "additionalInfo": [{"type": "T", "info": {text: 1}}],
    },
    "additionalInfo of a detail": lambda text: {
        "code": "A",
        "message": "m",
        "details": [{"code": "B", "message": "m", "additionalInfo": [{"type": "T", "info": text}]}],
    },
    "code": lambda text: {"code": text, "message": "m"},
    "code of a detail": lambda text: {"code": "A", "message": "m", "details": [{"code": text, "message": "m"}]},
    "message without a message": lambda text: {"code": text},
}


@pytest.mark.parametrize("status", [401, 404, 409, 429, 500])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
def test_a_planted_key_is_scrubbed(planted: str, place: Callable[[str], dict[str, Any]], status: int) -> None:
    """Wherever ARM's answer holds something like a key or a token, the error does not."""
    shown = json.dumps(translate(status, {"error": place(planted)}).to_json())
    assert not [secret for secret in (LEGACY_KEY, CASK_KEY, JWT) if secret in shown]


@pytest.mark.parametrize("key", [LEGACY_KEY, CASK_KEY], ids=["legacy", "cask"])
@pytest.mark.parametrize("before", range(3_900, 4_001, 7))
def test_no_part_of_a_key_survives_where_a_long_text_is_cut(key: str, before: int) -> None:
    """A text is scrubbed before it is cut, since the half of a key no longer looks like one."""
    message = passed_on({"code": "A", "message": "." * before + key + "." * 500})["message"]
    assert key[:12] not in message


def test_long_texts_are_cut() -> None:
    """A message is bounded."""
    assert len(passed_on({"code": "A", "message": "m" * 30_000})["message"]) <= 4_100


@pytest.mark.parametrize("depth", [10, 400, 2_000])
@pytest.mark.parametrize("field", ["details", "additionalInfo"])
def test_a_deeply_nested_answer_is_an_error_like_any_other(field: str, depth: int) -> None:
    """However deep ARM's answer is nested, there is an error of ours, and it can be written down."""
    if field == "details":
        body = b'{"error":' + b'{"code":"A","details":[' * depth + b"]}" * depth + b"}"
    else:
        body = b'{"error":{"code":"A","additionalInfo":[{"info":' + b"[" * depth + b"]" * depth + b"}]}}"
    error = translate(409, body)
    assert isinstance(error, (ArmRejected, UpstreamResponseInvalid))
    assert json.dumps(error.to_json())


@pytest.mark.parametrize("value", ["0", "7", "120", "999999999", "Wed, 21 Oct 2015 07:28:00 GMT"])
@pytest.mark.parametrize("status", [429, 503, 500, 409])
def test_retry_after_is_passed_on(status: int, value: str) -> None:
    """Seconds or an HTTP date: the caller learns when to come back."""
    assert translate(status, headers={"Retry-After": value}).headers == {"Retry-After": value}


@pytest.mark.parametrize(
    "value",
    ["", " ", "soon", "-1", "1.5", "7\r\nx-evil: 1", "7\n", "9" * 10, "٧", "x" * 41, "7, 8", LEGACY_KEY, CASK_KEY],
)
def test_any_other_retry_after_is_dropped(value: str) -> None:
    """What is no time to wait does not reach the caller's headers."""
    assert translate(429, headers={"Retry-After": value}).headers == {}


@pytest.mark.parametrize(
    ("sent", "changes", "outcome"),
    [
        (True, True, UNKNOWN),
        (True, False, None),
        (False, True, NOT_REGENERATED),
        (False, False, None),
    ],
)
def test_a_lost_connection_knows_whether_the_request_had_left(
    sent: bool,
    changes: bool,
    outcome: RegenerationOutcome | None,
) -> None:
    """Only a request that certainly never left is known to have changed nothing."""
    error = connection_failed(sent=sent, reason="ServerDisconnectedError", changes=changes)
    assert isinstance(error, UpstreamUnreachable)
    assert (error.status, error.code, error.sent, error.outcome) == (502, "UpstreamUnreachable", sent, outcome)
    assert "ServerDisconnectedError" in error.message
    assert ("was lost" in error.message) is sent
    assert ("ARM_ENDPOINT" in error.message) is not sent


@pytest.mark.parametrize(("changes", "outcome"), [(True, UNKNOWN), (False, None)])
def test_nonsense_with_a_status_of_success(
    changes: bool,
    outcome: RegenerationOutcome | None,
) -> None:
    """An answer of success that makes no sense leaves the outcome unknown."""
    error = not_the_api(changes=changes)
    assert (error.status, error.code, error.outcome) == (502, "UpstreamResponseInvalid", outcome)
