"""What Event Grid answered, or did not -> our error: what to do, whether it may pass, and no token in it."""

import json

import pytest

from shared.azure_clients.event_grid_answers import connection_failed, from_status, not_the_api
from tests.support.fakes import CASK_KEY, JWT, LEGACY_KEY


def body(message: object, code: object = "Unauthorized") -> bytes:
    """Return an error as Event Grid writes it."""
    return json.dumps({"error": {"code": code, "message": message, "details": []}}).encode()


@pytest.mark.parametrize(
    ("status", "retriable"),
    [
        *((400, False), (401, True), (403, False), (404, False), (405, False), (408, True), (409, False)),
        *((413, False), (415, False), (429, True), (500, True), (502, True), (503, True), (504, True), (599, True)),
        *((200, True), (202, True), (204, True), (301, True), (307, True)),
    ],
)
def test_only_what_may_pass_by_itself_is_retriable(status: int, retriable: bool) -> None:
    """A refusal that somebody must act upon is final; a 401 is not, since a role takes minutes to work."""
    assert from_status(status, {}, b"").retriable is retriable


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "--input-schema cloudeventschemav1_0"),
        (401, "EventGrid Data Sender"),
        (403, "EventGrid Data Sender"),
        (404, "EVENT_GRID_TOPIC_ENDPOINT"),
        (413, "larger"),
        (429, "throttles"),
        (500, "HTTP status 500"),
        (302, "EVENT_GRID_TOPIC_ENDPOINT"),
    ],
)
def test_each_answer_says_what_to_do(status: int, words: str) -> None:
    """The message names the role, the schema or the setting."""
    assert words in from_status(status, {}, b"").message


def test_event_grids_own_words_are_told_on_one_line() -> None:
    """Code and message, without what would break a line of the log."""
    error = from_status(401, {}, body("It does\nnot\u202e have\x00 permission."))
    assert error.message.endswith(" It says: Unauthorized: It does not have permission.")


@pytest.mark.parametrize("secret", [LEGACY_KEY, CASK_KEY, JWT, f"Bearer {JWT}", f"accesskey={LEGACY_KEY}"])
def test_what_looks_like_a_secret_is_not_told(secret: str) -> None:
    """Words that quote a token or a key are scrubbed, before they are cut."""
    assert secret not in from_status(400, {}, body(f"You sent {secret}.")).message
    assert secret[:20] not in from_status(400, {}, body("x" * 470 + f" {secret}")).message.replace("accesskey=", "")


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"null", b"[]", b"5", b"<html>", b"\xff\xfe", b"{", b"[" * 60_000, b'{"error": []}', b'{"error": "x"}'),
        *(body(None, None), body(["x"], {"y": 1}), body("x" * 70_000), body("x" * 70_000)[:-1]),
    ],
    ids=lambda answer: repr(answer[:20]),
)
def test_any_body_gives_an_error_of_bounded_length(answer: bytes) -> None:
    """Nonsense, nested, huge or of other types: the status alone is told."""
    error = from_status(500, {}, answer)
    assert error.message == "Event Grid failed with HTTP status 500."


def test_long_words_are_cut() -> None:
    """A message of Event Grid's fills no log."""
    assert len(from_status(500, {}, body("y " * 10_000)).message) < 600


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ("7", {"Retry-After": "7"}),
        ("Wed, 21 Oct 2026 07:28:00 GMT", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
        ("", {}),
        ("soon", {}),
        ("9" * 10, {}),
        ("7\r\nSet-Cookie: a", {}),
    ],
)
def test_a_sane_retry_after_is_passed_on(given: str, passed_on: dict[str, str]) -> None:
    """Seconds or a date; anything else is dropped."""
    assert from_status(429, {"Retry-After": given}, b"").headers == passed_on


def test_no_answer_says_whether_there_was_a_connection() -> None:
    """Lost or never made, it may pass by itself; the error's type is told, never its text."""
    lost, never = (connection_failed(sent=sent, reason="ClientError") for sent in (True, False))
    assert "was lost" in lost.message
    assert "EVENT_GRID_TOPIC_ENDPOINT" in never.message
    assert all("(ClientError)" in error.message and error.retriable for error in (lost, never))
    assert not_the_api().retriable
