"""What keeps keys out of sight: Secrets that cannot be shown, redacted connection strings, the scrubber."""

import copy
import dataclasses
import hashlib
import json
import pickle
import pprint
import string
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from shared.redaction import (
    REDACTED,
    AccessKey,
    Secret,
    fingerprint,
    redact_connection_string,
    scrub,
    scrub_json,
)
from tests.support.fakes import CASK_KEY, JWT, LEGACY_KEY, RESOURCE, access_key

SHAPES = pytest.mark.parametrize("key", [LEGACY_KEY, CASK_KEY], ids=["legacy", "cask"])


def failing(secret: Secret) -> str:
    """Return the traceback of a failure with the secret among its arguments and locals."""
    try:
        raise ValueError(secret)
    except ValueError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def failing_use(secret: Any) -> str:
    """Return the traceback of a failure that the secret's own misuse raises."""
    try:
        return "key: " + secret
    except TypeError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


SHOWN: dict[str, Callable[[Secret], str]] = {
    "str": str,
    "repr": repr,
    "ascii": ascii,
    "format": format,
    "f-string": lambda secret: f"{secret}",
    "f-string !r": lambda secret: f"{secret!r}",
    "f-string !a": lambda secret: f"{secret!a}",
    "f-string =": lambda secret: f"{secret=}",
    "f-string with a width": lambda secret: f"{secret:>200}",
    "f-string with a precision": lambda secret: f"{secret:.5}",
    "str.format": "{0} {0!r}".format,
    "percent s": lambda secret: "%s" % secret,  # noqa: UP031  # the form under test
    "percent r": lambda secret: "%r" % secret,  # noqa: UP031  # the form under test
    "string.Template": lambda secret: string.Template("$key").substitute(key=secret),
    "in a list": lambda secret: str([secret]),
    "in a dict": lambda secret: repr({"key": secret}),
    "in a dataclass": lambda secret: repr(AccessKey(secret, secret)),
    "pprint": lambda secret: pprint.pformat({"key": (secret,)}),
    "JSON by str": lambda secret: json.dumps({"key": secret}, default=str),
    "JSON by repr": lambda secret: json.dumps({"key": secret}, default=repr),
    "exception": lambda secret: str(ValueError(secret)) + repr(ValueError("no", secret)),
    "traceback": failing,
    "traceback of a misuse": failing_use,
}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_a_secret_is_shown_as_redacted(show: Callable[[Secret], str]) -> None:
    """However a Secret is turned into text, the text says REDACTED."""
    shown = show(Secret("s3cr3t-key"))
    assert "s3cr3t" not in shown
    assert REDACTED in shown


# each takes the secret as Any: a type checker would refuse most of these before they run
REFUSED: dict[str, Callable[[Any], object]] = {
    "JSON": json.dumps,
    "JSON by vars": lambda secret: json.dumps(secret, default=vars),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "deepcopy of a holder": lambda secret: copy.deepcopy({"key": [secret]}),
    "dataclasses.asdict": lambda secret: dataclasses.asdict(AccessKey(secret)),
    "dataclasses.astuple": lambda secret: dataclasses.astuple(AccessKey(secret)),
    "vars": vars,
    "bytes": bytes,
    "join": "".join,
    "concatenation": lambda secret: "x" + secret,
    "length": len,
    "iteration": list,
    "index": lambda secret: secret[0],
    "attributes": lambda secret: secret.__dict__,
    **{
        f"pickle {protocol}": lambda secret, protocol=protocol: pickle.dumps(secret, protocol)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("take", REFUSED.values(), ids=REFUSED)
def test_a_secret_cannot_be_copied_or_serialised(take: Callable[[Any], object]) -> None:
    """What would carry the text out of the object is an error that does not hold it."""
    secret = Secret("s3cr3t-key")
    with pytest.raises((TypeError, AttributeError)) as raised:
        take(secret)
    assert "s3cr3t" not in str(raised.value)


def test_a_secret_is_revealed_only_on_purpose() -> None:
    """reveal() gives the text; the fingerprint says which one it is without it."""
    secret = Secret(LEGACY_KEY)
    assert secret.reveal() == LEGACY_KEY
    assert secret.fingerprint == fingerprint(LEGACY_KEY)


def test_secrets_are_compared_by_their_text() -> None:
    """Two Secrets of one text are equal and hash alike; a Secret is never equal to a text."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("ä") == Secret("ä")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"


def test_no_attribute_can_be_added_to_a_secret() -> None:
    """A Secret has slots, and so no __dict__ that a serialiser could find."""
    with pytest.raises(AttributeError):
        Secret("a").note = "b"  # pyright: ignore[reportAttributeAccessIssue]  # the point


@SHAPES
def test_a_fingerprint_is_sixteen_digits_of_sha256(key: str) -> None:
    """The fingerprint is that of the key's text, as `printf %s KEY | sha256sum` gives it."""
    assert fingerprint(key) == "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:16]


def test_a_text_that_utf_8_does_not_have_has_a_fingerprint_too() -> None:
    """A key that was just regenerated must not be lost for its text, whatever ARM has sent."""
    assert fingerprint("\ud800").startswith("sha256:")


@pytest.mark.parametrize(
    ("key", "key_type", "fields"),
    [
        pytest.param(
            access_key(LEGACY_KEY, host="h.communication.azure.com"),
            "Primary",
            {
                "primaryKey": REDACTED,
                "primaryConnectionString": f"endpoint=https://h.communication.azure.com/;accesskey={REDACTED}",
            },
            id="primary",
        ),
        pytest.param(
            access_key(CASK_KEY, host="h"),
            "Secondary",
            {"secondaryKey": REDACTED, "secondaryConnectionString": f"endpoint=https://h/;accesskey={REDACTED}"},
            id="secondary",
        ),
        pytest.param(access_key(LEGACY_KEY, host=None), "Primary", {"primaryKey": REDACTED}, id="no connection string"),
        pytest.param(
            AccessKey(Secret("k"), Secret(LEGACY_KEY)),
            "Primary",
            {"primaryKey": REDACTED, "primaryConnectionString": REDACTED},
            id="a connection string that is none",
        ),
    ],
)
def test_an_access_key_gives_its_own_redacted_fields(key: AccessKey, key_type: str, fields: dict[str, str]) -> None:
    """Only the fields of that key are there, as CommunicationServiceKeys names them."""
    assert key.redacted(key_type) == fields


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        pytest.param("endpoint=https://h/;accesskey=K==", "endpoint=https://h/;accesskey=REDACTED", id="usual"),
        pytest.param("Endpoint=https://h/;AccessKey=K==", "Endpoint=https://h/;AccessKey=REDACTED", id="case"),
        pytest.param("accesskey=K;endpoint=https://h/", "accesskey=REDACTED;endpoint=https://h/", id="order"),
        pytest.param("endpoint=https://h/;accesskey=K==;", "endpoint=https://h/;accesskey=REDACTED", id="trailing ;"),
        pytest.param(";;endpoint=https://h/;;accesskey=K", "endpoint=https://h/;accesskey=REDACTED", id="empty parts"),
        pytest.param(" endpoint = https://h/ ; accesskey = K ", "endpoint=https://h/;accesskey=REDACTED", id="blanks"),
        pytest.param("endpoint=http://h:8080;accesskey=K", "endpoint=http://h:8080;accesskey=REDACTED", id="http"),
        pytest.param("endpoint=https://h/;accesskey=a=b=c==", "endpoint=https://h/;accesskey=REDACTED", id="= inside"),
        pytest.param("endpoint=https://h/;accesskey=", "endpoint=https://h/;accesskey=REDACTED", id="empty key"),
        pytest.param("endpoint=s3cr3t;accesskey=K", "endpoint=REDACTED;accesskey=REDACTED", id="endpoint that is none"),
        pytest.param(
            "endpoint=https://u:s3cr3t@h/;accesskey=K", "endpoint=REDACTED;accesskey=REDACTED", id="password in it"
        ),
        pytest.param("endpoint=https://h/?k=s3cr3t;accesskey=K", "endpoint=REDACTED;accesskey=REDACTED", id="query"),
        pytest.param("accesskey=K", REDACTED, id="no endpoint"),
        pytest.param("endpoint=https://h/", REDACTED, id="no key"),
        pytest.param("endpoint=https://h/,accesskey=K", REDACTED, id="comma"),
        pytest.param("", REDACTED, id="empty"),
        pytest.param(LEGACY_KEY, REDACTED, id="a key alone"),
        pytest.param("https://h/;K", REDACTED, id="no names"),
    ],
)
def test_a_connection_string_keeps_its_endpoint_alone(text: str, redacted: str) -> None:
    """The endpoint stays, every other value is redacted; what is no connection string is redacted whole."""
    assert redact_connection_string(text) == redacted


@SHAPES
def test_a_key_in_the_endpoint_of_a_connection_string_is_not_shown(key: str) -> None:
    """The part that stays is scrubbed as well."""
    assert key not in redact_connection_string(f"endpoint=https://h/{key};accesskey={key}")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("endpoint=https://h/;accesskey=K;extra=s3cr3t", id="another value"),
        pytest.param("endpoint=https://h/;accesskey=K;accesskey=s3cr3t", id="a second key"),
        pytest.param("endpoint=https://h/;accesskey=K;s3cr3t", id="a part without a name"),
        pytest.param("endpoint=https://h/;accesskey=K;s3cr3t==", id="a key as a name"),
        pytest.param("s3cr3t;endpoint=https://h/;accesskey=K", id="at the beginning"),
        pytest.param("endpoint=https://h/;accesskey=K\ns3cr3t;x", id="after a line break"),
    ],
)
def test_nothing_but_the_endpoint_of_a_connection_string_is_shown(text: str) -> None:
    """A part of which nobody knows what it is might be the rest of a key."""
    redacted = redact_connection_string(text)
    assert "s3cr3t" not in redacted
    assert "endpoint=https://h/" in redacted


OPAQUE = "opaque-token.of-an_identity~provider+0123456789/abc=="
HOLDERS: dict[str, Callable[[str], str]] = {
    "alone": str,
    "in quotes": repr,
    "as bytes": lambda key: repr(key.encode()),
    "in a sentence": lambda key: f"The key {key} was refused.",
    "at the end": lambda key: f"key: {key}",
    "on a line of its own": lambda key: f"before\n{key}\nafter",
    "in long text": lambda key: "word " * 5000 + key + " word" * 5000,
    "twice": lambda key: f"{key} {key}",
    "after =": lambda key: f"key={key}&x=1",
    "in an URL's query": lambda key: f"https://h/p?sig={quote(key, safe='')}&x=1",
    "in an URL's query, lower-case escapes": lambda key: f"https://h/?k={quote(key, safe='').replace('%3D', '%3d')}",
    "in an URL's path": lambda key: f"https://h/keys/{key}",
    "in JSON": lambda key: json.dumps({"value": key}),
    "in JSON in JSON": lambda key: json.dumps({"m": json.dumps({"value": key})}),
    "in JSON with escaped slashes": lambda key: json.dumps({"value": key}).replace("/", "\\/"),
    "in JSON as .NET writes it": lambda key: json.dumps({"value": key}).replace("+", "\\u002B"),
    "as CommunicationServiceKeys": lambda key: json.dumps({"primaryKey": key, "secondaryKey": key}),
    "as a model of the SDK": lambda key: str({"primary_key": key, "secondary_key": key}),
    "in a connection string": lambda key: f"endpoint=https://h/;accesskey={key}",
    "in an upper-case connection string": lambda key: f"ENDPOINT=https://h/;ACCESSKEY={key};",
    "in a connection string with blanks": lambda key: f"endpoint = https://h/ ; accesskey = {key}",
    "in an encoded connection string": lambda key: quote(f"endpoint=https://h/;accesskey={key}", safe=""),
    "in a connection string in JSON": lambda key: json.dumps(
        {"primaryConnectionString": f"endpoint=https://h/;accesskey={key}"}
    ),
    "in a header": lambda key: str({"Authorization": f"HMAC-SHA256 Signature={key}"}),
    "in an exception": lambda key: repr(ValueError("bad", {"key": key})),
}


@SHAPES
@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_keys_of_both_shapes_are_scrubbed_wherever_they_stand(hold: Callable[[str], str], key: str) -> None:
    """No piece of a key that is long enough to help survives, and the text around it does."""
    scrubbed = scrub(hold(key))
    pieces = {key[start : start + 12] for start in range(len(key) - 11)}
    assert not [piece for piece in pieces if piece in scrubbed]
    assert REDACTED in scrubbed


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        pytest.param('{"primaryKey": "1234"}', "1234", id="short key"),
        pytest.param('{"secondaryKey":"1234"}', "1234", id="short key without a blank"),
        pytest.param("{'primaryKey': '1234'}", "1234", id="Python's repr"),
        pytest.param("{'primary_key': '1234'}", "1234", id="the SDK's own names"),
        pytest.param('{\\"primaryKey\\": \\"1234\\"}', "1234", id="JSON in JSON"),
        pytest.param("primaryKey=1234&x=1", "1234", id="form"),
        pytest.param("endpoint=http://example.com;accesskey=1234", "1234", id="short connection string"),
        pytest.param('{"primaryConnectionString": "endpoint=http://h;accesskey=1234"}', "1234", id="in JSON"),
        pytest.param("accesskey%3D1234%3Bx", "1234", id="encoded"),
        pytest.param(f"Authorization: Bearer {JWT}", JWT, id="bearer header"),
        pytest.param(f"authorization: bearer {OPAQUE}", OPAQUE, id="opaque bearer token"),
        pytest.param(f"Authorization:Bearer\t{OPAQUE}", OPAQUE, id="tab"),
        pytest.param(str({"Authorization": f"Bearer {OPAQUE}"}), OPAQUE, id="dict of headers"),
        pytest.param(f"token {JWT} expired", JWT, id="token in a sentence"),
        pytest.param(json.dumps({"access_token": JWT}), JWT, id="token answer"),
        pytest.param(f"https://h/?access_token={JWT}", JWT, id="token in an URL"),
        pytest.param(JWT[: JWT.index(".") + 30], JWT[: JWT.index(".") + 30], id="token cut short"),
        pytest.param(f"sent {LEGACY_KEY.replace('+', '-').replace('/', '_')}", LEGACY_KEY[:20], id="base64url"),
    ],
)
def test_named_keys_and_tokens_are_scrubbed(text: str, secret: str) -> None:
    """A key under a known name is scrubbed whatever its length, and so are bearer tokens and JWTs."""
    scrubbed = scrub(text)
    assert secret not in scrubbed
    assert REDACTED in scrubbed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param(str(RESOURCE), id="ARM id"),
        pytest.param(
            f"POST https://management.azure.com{RESOURCE}/regenerateKey?api-version=2023-03-31 -> 200", id="URL"
        ),
        pytest.param("11112222-3333-4444-5555-666677778888", id="GUID"),
        pytest.param(fingerprint(LEGACY_KEY), id="fingerprint"),
        pytest.param(
            json.dumps({"fingerprint": fingerprint(CASK_KEY), "keyType": "Primary"}), id="fingerprint in JSON"
        ),
        pytest.param(hashlib.sha256(b"x").hexdigest(), id="SHA-256"),
        pytest.param(hashlib.sha512(b"x").hexdigest(), id="SHA-512"),
        pytest.param("r" * 63 + " " + "g" * 90, id="long resource names"),
        pytest.param("-" * 200 + "\n" + "=" * 200, id="rules"),
        pytest.param("The primaryKey property is missing; the secondaryKey is unchanged.", id="names of properties"),
        pytest.param('Bearer authorization="https://login.windows.net/tenant", error="invalid_token"', id="challenge"),
        pytest.param("Azure.Core.Pipeline.Policies.HttpLoggingPolicy.OnRequestAsync", id="dotted name"),
        pytest.param("2026-01-01T00:00:00Z keyType=Primary status=200 outcome=Regenerated", id="log line"),
        pytest.param(
            "https://v.vault.azure.net/secrets/n-connection-string/0123456789abcdef0123456789abcdef", id="secret id"
        ),
        pytest.param('  File "/home/site/wwwroot/shared/http.py", line 96, in answer', id="traceback"),
        pytest.param("endpoint=https://h.communication.azure.com/", id="endpoint"),
        pytest.param("Größe ∞ \ud800", id="any character"),
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """What an operator needs to read is not redacted."""
    assert scrub(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"endpoint=https://h/;accesskey={LEGACY_KEY}",
        json.dumps({"primaryKey": CASK_KEY}),
        f"Bearer {JWT} {LEGACY_KEY}",
        f"accesskey={REDACTED} Bearer {REDACTED}",
    ],
)
def test_scrubbing_twice_is_scrubbing_once(text: str) -> None:
    """What is scrubbed stays as it is."""
    assert scrub(scrub(text)) == scrub(text)


# what follows makes sure that no pattern is left out because a text has none of its words
WORDS = ' = %3D accesskey primaryKey secondaryKey connectionString bearer eyJ JQQJ99 "'
HOSTILE = {
    text[:24]: text * (200_000 // len(text)) + WORDS
    for text in (
        "A",
        "A=",
        "A-",
        "A/",
        "%",
        "%2",
        "%2B",
        "%2BA",
        "%3D",
        "+%2B",
        "eyJ",
        ".eyJ",
        "eyJaaaaaaaa-",
        "eyJaaaaaaaa.",
        "-eyJaaaaaaaa.aaaaaaaa",
        "JQQJ99",
        "A" * 40 + "JQQJ99",
        "bearer ",
        "bearer\t",
        "Bearer Bearer",
        "accesskey",
        "accesskey ",
        "accesskey=",
        "primaryKey",
        'primaryKey": "',
        "secondaryConnectionString\\",
        " ",
        "\\",
        "\\u002B",
        "\\/",
        '"',
        "=",
        ";",
    )
} | {
    "accesskey and blanks": "accesskey" + " " * 200_000 + WORDS,
    "primaryKey and blanks": 'primaryKey"' + " " * 200_000 + WORDS,
    "bearer and blanks": "bearer" + " " * 200_000 + WORDS,
}


@pytest.mark.timeout(20)  # a pattern that costs the length squared needs minutes for these
@pytest.mark.parametrize("text", HOSTILE.values(), ids=[repr(name) for name in HOSTILE])
def test_long_hostile_text_is_scrubbed_in_linear_time(text: str) -> None:
    """200 KB made to fool the patterns do not hang the app."""
    assert isinstance(scrub(text), str)


def test_json_is_scrubbed_in_every_string() -> None:
    """Values and names are scrubbed at any depth; everything else stays of its type."""
    value = {"a": [1, None, True, 1.5, LEGACY_KEY, {CASK_KEY: f"x {JWT}"}], "b": "plain"}
    scrubbed = scrub_json(value)
    assert scrubbed["a"][:4] == [1, None, True, 1.5]
    assert scrubbed["b"] == "plain"
    assert not [secret for secret in (LEGACY_KEY, CASK_KEY, JWT) if secret in json.dumps(scrubbed)]
    assert value["b"] == "plain"
    assert LEGACY_KEY in value["a"]
