"""The target of an HTTP request, decoded as Kestrel and ASP.NET decode it (pure)."""

import codecs
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_ESCAPED_SLASH = re.compile(r"%2f", re.IGNORECASE)


class BadTarget(ValueError):
    """The request target is one that the host answers with 400."""


@dataclass(frozen=True, slots=True)
class RequestTarget:
    """`path` as sent, its decoded `segments` without the leading slash, and `query` as sent, without the `?`."""

    path: str
    segments: tuple[str, ...]
    query: str


def parse_target(target: str) -> RequestTarget:
    """Parse an origin-form or absolute-form target; BadTarget if it is neither.

    Kestrel refuses what is not ASCII, and a NUL however written (aspnetcore, Kestrel `Http1Connection`).
    """
    if not target.isascii() or "\0" in target:
        raise BadTarget
    if target == "*":
        target = "/"  # OPTIONS * asks about the server as a whole
    elif not target.startswith("/"):
        scheme, separator, rest = target.partition("://")
        if not separator or scheme.lower() not in {"http", "https"}:
            raise BadTarget
        target = "/" + rest.partition("/")[2] if "/" in rest else "/"
    path, _, query = target.partition("#")[0].partition("?")
    segments = path[1:].split("/")
    if "%" in path:
        segments = [_decode_segment(segment) for segment in segments]
    if "." in segments or ".." in segments:
        segments = _without_dot_segments(segments)
    return RequestTarget(path, tuple(segments), query)


def parse_query(query: str) -> dict[str, str]:
    """Return the query's values, repeated ones joined by commas; names are case-insensitive, empty values left out.

    The host joins (`StringValues`) and drops empty values for a worker without the capability
    UseNullableValueDictionaryForHttp, which the Python worker is (azure-functions-host, `ToRpcHttp`).
    """
    values: dict[str, tuple[str, list[str]]] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = (unescape(part.replace("+", " ")) for part in pair.partition("="))
        values.setdefault(name.lower(), (name, []))[1].append(value)
    joined = {name: ",".join(found) for name, found in values.values()}
    return {name: value for name, value in joined.items() if value}


def unescape(text: str) -> str:
    """Percent-decode UTF-8; sequences that are not UTF-8 stay as they are (.NET `Uri.UnescapeDataString`)."""
    if "%" not in text:
        return text
    return unquote_to_bytes(text).decode("utf-8", "percent")


def _decode_segment(segment: str) -> str:
    # An escaped slash stays escaped, so that it does not part segments (aspnetcore, Kestrel `UrlDecoder`).
    kept = _ESCAPED_SLASH.findall(segment)
    decoded = [unescape(part) for part in _ESCAPED_SLASH.split(segment)]
    text = decoded[0] + "".join(slash + part for slash, part in zip(kept, decoded[1:], strict=True))
    if "\0" in text:
        raise BadTarget
    return text


def _without_dot_segments(segments: list[str]) -> list[str]:
    """RFC 3986, 5.2.4."""
    result: list[str] = []
    for segment in segments:
        if segment == "..":
            if result:
                result.pop()
        elif segment != ".":
            result.append(segment)
    if segments[-1] in {".", ".."}:
        result.append("")
    return result


def _keep_escaped(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"%{byte:02X}" for byte in error.object[error.start : error.end]), error.end


codecs.register_error("percent", _keep_escaped)
