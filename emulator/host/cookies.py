"""Cookies that a function sets, as ASP.NET writes them."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

_SAME_SITE = {1: "lax", 2: "strict", 3: "none"}


def set_cookie_header(cookie: Any) -> str:
    """Turn an RpcHttpCookie into the value of a Set-Cookie header.

    The order is that of aspnetcore's SetCookieHeaderValue; the value is escaped as `ResponseCookies.Append` does.
    An empty domain or path is left out: to a browser that means the same (RFC 6265, 5.2.3 and 5.2.4).
    """
    parts = [f"{cookie.name}={quote(cookie.value, safe='')}"]
    if cookie.expires.HasField("value"):
        expires = datetime.fromtimestamp(cookie.expires.value.seconds, UTC)
        parts.append(f"expires={format_datetime(expires, usegmt=True)}")
    if cookie.max_age.HasField("value"):
        parts.append(f"max-age={int(cookie.max_age.value)}")
    if cookie.domain.value:
        parts.append(f"domain={cookie.domain.value}")
    if cookie.path.value:
        parts.append(f"path={cookie.path.value}")
    if cookie.secure.value:
        parts.append("secure")
    if cookie.same_site in _SAME_SITE:
        parts.append(f"samesite={_SAME_SITE[cookie.same_site]}")
    if cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)
