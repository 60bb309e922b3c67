"""The search for keys and tokens: what it finds, and what it does not take for one."""

import base64
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from prove.leaks import GRAM, LeakIndex, forms

_KEYS = (
    base64.b64encode(bytes(range(3, 67))).decode(),
    "qW7xK2mN9pLr4TsV8yBz" + "uE1oI5aH3gJ6dF0cRkXv" + "MwQn7Zb2YtPl" + "JQQJ99BAACACYBjFXJ3w3AAAAZCS4Tc9",
)
_ENCODINGS: dict[str, Callable[[str], str]] = {
    "in the clear": str,
    "URL": lambda key: quote(key, safe=""),
    "JSON": json.dumps,
    "JSON with escaped slashes": lambda key: json.dumps(key).replace("/", "\\/"),
    "JSON as .NET writes it": lambda key: json.dumps(key).replace("+", "\\u002B"),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of more": lambda key: base64.b64encode(f'{{"k":"{key}"}}'.encode()).decode(),
    "base64 of some more": lambda key: base64.b64encode(f'{{"ke":"{key}"}}'.encode()).decode(),
    "base64url": lambda key: base64.urlsafe_b64encode(f"ab{key}c".encode()).decode(),
    "hex": lambda key: key.encode().hex(),
    "HEX": lambda key: key.encode().hex().upper(),
}


@pytest.mark.parametrize("key", _KEYS)
@pytest.mark.parametrize("encoding", _ENCODINGS)
def test_a_key_is_found_in_every_encoding(key: str, encoding: str) -> None:
    """Whatever it stands in, and whatever stands around it."""
    assert LeakIndex([key]).find(f"a line; value={_ENCODINGS[encoding](key)}, and more")


@pytest.mark.parametrize("key", _KEYS)
def test_any_twelve_characters_of_a_key_are_found(key: str) -> None:
    """From each position, and of each form; eleven are not looked for."""
    index = LeakIndex([key])
    for _, form in forms(key):
        for start in range(len(form) - GRAM + 1):
            assert index.find(f"({form[start : start + GRAM]})"), form[start : start + GRAM]
    assert index.find(f"({key[5:16]})") == []


def test_a_finding_shows_little_of_a_key() -> None:
    """Six characters of it, and the beginning of the line."""
    (finding,) = LeakIndex(_KEYS).find(f"first line\nsecond: {_KEYS[0]}")
    assert finding == f"a secret in the clear: second: {_KEYS[0][:6]}…"


def test_a_bearer_token_is_found_though_nobody_knows_it() -> None:
    """A JSON Web Token is one by its look."""
    assert LeakIndex([]).find("Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl")


@pytest.mark.parametrize(
    "text",
    [
        "sha256:0123456789abcdef",
        "/subscriptions/11112222-3333-4444-5555-666677778888/resourceGroups/MyResourceGroup",
        "endpoint=https://localhost:1234/name/;accesskey=REDACTED",
        base64.b64encode(b"another text, of the same length or so").decode(),
    ],
)
def test_what_is_no_secret_is_not_found(text: str) -> None:
    """Fingerprints, ids, redacted keys, and other texts in base64."""
    assert LeakIndex(_KEYS).find(text) == []
