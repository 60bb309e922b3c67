"""HMAC-SHA256 request signatures of Communication Services, verified.

Source: learn.microsoft.com/rest/api/communication/authentication ("Access Key Authentication"):
string to sign `VERB\\npath?query\\nx-ms-date;host;x-ms-content-sha256`, signed with the base64-decoded key, in
`Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=...`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_AUTHORIZATION = re.compile(
    r"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=(?P<signature>[A-Za-z0-9+/]+=*)"
)
# Communication Services does not say how far a clock may be off; App Configuration, which has the same scheme, says
# 15 minutes (learn.microsoft.com/azure/azure-app-configuration/rest-api-authentication-hmac).
_MAX_SKEW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What the signature covers, as it came over the wire, and the signature's headers (absent: None)."""

    method: str
    path_and_query: str
    # The forms of the host that may have been signed.
    hosts: tuple[str, ...]
    body: bytes
    date: str | None
    content_hash: str | None
    authorization: str | None


def is_signed_by(request: SignedRequest, keys: Iterable[str], now: datetime) -> bool:
    """Say whether one of `keys` signed the request, not too long before or after `now` (UTC)."""
    match = _AUTHORIZATION.fullmatch(request.authorization or "")
    if match is None or request.date is None or request.content_hash is None:
        return False
    actual_hash = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    if not _same(actual_hash, request.content_hash) or not _is_recent(request.date, now):
        return False
    return any(
        _same(_signature(request, request.date, host, actual_hash, key), match["signature"])
        for key in keys
        for host in request.hosts
    )


def _signature(request: SignedRequest, date: str, host: str, content_hash: str, key: str) -> str:
    text = f"{request.method}\n{request.path_and_query}\n{date};{host};{content_hash}"
    try:
        secret = base64.b64decode(key, validate=True)
    except binascii.Error:
        return ""
    return base64.b64encode(hmac.digest(secret, text.encode(), "sha256")).decode()


def _is_recent(date: str, now: datetime) -> bool:
    try:
        sent = parsedate_to_datetime(date)
    except ValueError:
        return False
    if sent.tzinfo is None:
        sent = sent.replace(tzinfo=UTC)
    return abs(now - sent) <= _MAX_SKEW


def _same(one: str, other: str) -> bool:
    # Both are compared as bytes: compare_digest refuses strings outside ASCII.
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "surrogateescape"))
