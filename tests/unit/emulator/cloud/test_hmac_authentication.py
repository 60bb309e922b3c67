"""Signatures of Communication Services."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from emulator.cloud.hmac_authentication import SignedRequest, is_signed_by

KEY = base64.b64encode(b"k" * 64).decode()
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# Signed with openssl: printf 'GET\n/phoneNumbers?api-version=1\n<date>;<host>;<hash>' | openssl dgst -sha256 -mac hmac
REQUEST = SignedRequest(
    method="GET",
    path_and_query="/phoneNumbers?api-version=1",
    hosts=("example.communication.azure.com",),
    body=b"",
    date="Fri, 02 Jan 2026 03:04:05 GMT",
    content_hash="47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    authorization=(
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&"
        "Signature=2PElhJRjwVc3E0Q3hVs9rP1bfMp2Pp48PHV6wdBIM0A="
    ),
)


def test_a_signature_made_with_openssl_is_accepted() -> None:
    """The recipe of the documentation, carried out by another program, with any of the live keys."""
    assert is_signed_by(REQUEST, [base64.b64encode(b"x").decode(), KEY], NOW)


@pytest.mark.parametrize("minutes", [-15, 15])
def test_a_quarter_of_an_hour_is_the_limit(minutes: int) -> None:
    """Clocks may differ by 15 minutes and not by a second more."""
    edge = NOW + timedelta(minutes=minutes)
    beyond = edge + timedelta(seconds=1 if minutes > 0 else -1)
    assert is_signed_by(REQUEST, [KEY], edge)
    assert not is_signed_by(REQUEST, [KEY], beyond)


@pytest.mark.parametrize(
    "changed",
    [
        replace(REQUEST, method="POST"),
        replace(REQUEST, path_and_query="/phoneNumbers?api-version=2"),
        replace(REQUEST, hosts=("other.communication.azure.com",)),
        replace(REQUEST, hosts=()),
        replace(REQUEST, body=b"x"),
        replace(REQUEST, date="Fri, 02 Jan 2026 03:04:06 GMT"),
        replace(REQUEST, date="2026-01-02"),
        replace(REQUEST, date=None),
        replace(REQUEST, content_hash="\udcff"),
        replace(REQUEST, content_hash=None),
        replace(REQUEST, authorization=None),
        replace(REQUEST, authorization="HMAC-SHA256 SignedHeaders=host&Signature=eA=="),
        replace(REQUEST, authorization=str(REQUEST.authorization).replace("HMAC-SHA256", "HMAC-SHA1")),
    ],
)
def test_every_part_is_covered(changed: SignedRequest) -> None:
    """Nothing that is signed may differ, and nothing may be missing."""
    assert not is_signed_by(changed, [KEY], NOW)


@pytest.mark.parametrize("keys", [[], [base64.b64encode(b"j" * 64).decode()], ["not base64"]])
def test_other_keys_do_not_fit(keys: list[str]) -> None:
    """No key, another key and something that is no key are all refused."""
    assert not is_signed_by(REQUEST, keys, NOW)
