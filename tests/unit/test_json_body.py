"""Untrusted bytes: what is an object, what is refused, and how."""

import codecs
import json

import pytest

from shared.errors import InvalidRequest
from shared.json_body import decode_object, shown_name, unknown_properties


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        pytest.param(b"", {}, id="empty"),
        pytest.param(b" \r\n\t ", {}, id="white space"),
        pytest.param(b"{}", {}, id="empty object"),
        pytest.param(b'{"a": 1}', {"a": 1}, id="object"),
        pytest.param(b' \n{"a": [1, {"b": null}]}\n', {"a": [1, {"b": None}]}, id="nested, in white space"),
        pytest.param(codecs.BOM_UTF8 + b'{"a": "\xc3\xa9"}', {"a": "é"}, id="UTF-8 with a BOM"),
        pytest.param(b'{"a": "\\ud800"}', {"a": "\ud800"}, id="lone surrogate"),
        pytest.param(b'{"a": 1e999}', {"a": float("inf")}, id="a number that only overflows"),
        pytest.param(b'{"a": "\\u0000"}', {"a": "\0"}, id="escaped NUL"),
    ],
)
def test_objects_are_decoded(body: bytes, properties: dict[str, object]) -> None:
    """A JSON object in UTF-8 is taken, with or without a BOM; no body at all is an empty object."""
    decoded = decode_object(body)
    assert decoded.properties == properties
    assert list(decoded.problems) == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"s3cr3t": 1}'.encode("utf-16"), id="UTF-16 with a BOM"),
        pytest.param('{"s3cr3t": 1}'.encode("utf-16-le"), id="UTF-16 without a BOM"),
        pytest.param('{"s3cr3t": 1}'.encode("utf-32"), id="UTF-32"),
        pytest.param(b'{"s3cr3t": "\xff"}', id="Latin-1"),
        pytest.param(b'{"s3cr3t": "\xed\xa0\x80"}', id="a surrogate encoded as UTF-8"),
        pytest.param(codecs.BOM_UTF8, id="a BOM alone"),
        pytest.param(codecs.BOM_UTF8 * 2 + b"{}", id="two BOMs"),
        pytest.param(b'{"s3cr3t": NaN}', id="NaN"),
        pytest.param(b'{"s3cr3t": Infinity}', id="Infinity"),
        pytest.param(b'{"s3cr3t": -Infinity}', id="-Infinity"),
        pytest.param(b'{"s3cr3t": ' + b"9" * 5000 + b"}", id="a huge integer"),
        pytest.param(b'{"s3cr3t": 01}', id="leading zero"),
        pytest.param(b"{'s3cr3t': 1}", id="single quotes"),
        pytest.param(b'{"s3cr3t": 1,}', id="trailing comma"),
        pytest.param(b'{"s3cr3t": 1', id="truncated"),
        pytest.param(b'{"s3cr3t', id="truncated in a name"),
        pytest.param(b'{"s3cr3t": "\\ud8', id="truncated in an escape"),
        pytest.param(b'{"s3cr3t": 1} {}', id="two values"),
        pytest.param(b'{"s3cr3t": 1}\x00', id="NUL at the end"),
        pytest.param(b"\x00", id="NUL alone"),
        pytest.param(b'{"s3cr3t": "\x01"}', id="control character in a string"),
        pytest.param(b"keyType=s3cr3t", id="a form"),
        pytest.param(b'{"a":' * 100_000, id="opened without end"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deep nesting"),
        pytest.param(b'["s3cr3t"]', id="array"),
        pytest.param(b'"s3cr3t"', id="string"),
        pytest.param(b"1", id="number"),
        pytest.param(b"true", id="true"),
        pytest.param(b"null", id="null"),
        pytest.param(b"NaN", id="NaN alone"),
    ],
)
def test_everything_else_is_refused(body: bytes) -> None:
    """What is no JSON object is one InvalidJson with the body as its target, and none of it is echoed."""
    with pytest.raises(InvalidRequest) as raised:
        decode_object(body)
    error = raised.value.to_json()["error"]
    assert raised.value.status == 400
    assert [(detail["code"], detail["target"]) for detail in error["details"]] == [("InvalidJson", "body")]
    assert "s3cr3t" not in json.dumps(error)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_the_place_of_a_syntax_error_is_told() -> None:
    """A syntax error comes with its line and column."""
    with pytest.raises(InvalidRequest, match="line 2, column 3"):
        decode_object(b'{\n  keyType: "Primary"}')


@pytest.mark.parametrize(
    ("body", "targets"),
    [
        pytest.param(b'{"a": 1, "a": 2}', ["a"], id="twice"),
        pytest.param(b'{"a": 1, "a": 1, "a": 1}', ["a"], id="three times, told once"),
        pytest.param(b'{"x": {"a": 1, "a": 2}}', ["a"], id="in an object"),
        pytest.param(b'{"x": [[{"a": 1, "a": 2}]]}', ["a"], id="in a list"),
        pytest.param(b'{"a": 1, "\\u0061": 2}', ["a"], id="escaped"),
        pytest.param(b'{"a": 1, "a": 2, "b": 1, "b": 2}', ["a", "b"], id="two names"),
        pytest.param(b'{"a": 1, "A": 2}', [], id="other case is another name"),
        pytest.param(b'{"a": {"a": 1}}', [], id="other level"),
    ],
)
def test_duplicates_are_found_at_any_depth(body: bytes, targets: list[str]) -> None:
    """A name that stands twice in one object is a problem, once for each name, however deep it is."""
    problems = decode_object(body).problems
    assert [problem.target for problem in problems] == targets
    assert {problem.code for problem in problems} <= {"DuplicateProperty"}


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("keyType", True),
        ("_a.b-c", True),
        ("a" * 40, True),
        ("a" * 41, False),
        ("", False),
        ("1a", False),
        ("a b", False),
        ("a\n", False),
        ("ä", False),
        ("\ud800", False),
        ("abc+def/ghi=", False),
    ],
)
def test_only_plain_names_are_shown(name: str, *, shown: bool) -> None:
    """A name stands in an answer only if it is a short plain one; else a stand-in does."""
    assert (shown_name(name) == name) is shown


def test_unknown_properties_are_told_in_their_order() -> None:
    """Each property that is not known is a problem that lists the known ones."""
    problems = unknown_properties({"b": 1, "known": 2, "a": 3}, ("known", "other"))
    assert [problem.target for problem in problems] == ["b", "a"]
    assert all("known, other" in problem.message for problem in problems)
