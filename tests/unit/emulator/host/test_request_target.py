"""Request targets: decoded as Kestrel and ASP.NET decode them."""

import pytest

from emulator.host.request_target import BadTarget, parse_query, parse_target, unescape


@pytest.mark.parametrize(
    ("target", "segments", "query"),
    [
        ("/", ("",), ""),
        ("/a/b", ("a", "b"), ""),
        ("/a/b/?x=1#y", ("a", "b", ""), "x=1"),
        ("/a%2Fb/c%2fd", ("a%2Fb", "c%2fd"), ""),
        ("/%C3%BC/%c3/%zz/%", ("ü", "%C3", "%zz", "%"), ""),
        ("/a/./b/../c", ("a", "c"), ""),
        ("/a/%2E%2e/c/..", ("",), ""),
        ("/../a/..", ("",), ""),
        ("//a", ("", "a"), ""),
        ("http://host/a?b=/c", ("a",), "b=/c"),
        ("HTTPS://host", ("",), ""),
        ("*", ("",), ""),
    ],
)
def test_a_target_is_cut_into_decoded_segments(target: str, segments: tuple[str, ...], query: str) -> None:
    """An escaped slash stays, other escapes are UTF-8, dot segments are resolved."""
    parsed = parse_target(target)
    assert (parsed.segments, parsed.query) == (segments, query)


@pytest.mark.parametrize("target", ["", "a", "host:443", "ftp://x/", "/\udcff", "/ü", "/%00", "/\0"])
def test_a_malformed_target_is_refused(target: str) -> None:
    """Neither a path nor a URL, not ASCII, or with a NUL."""
    with pytest.raises(BadTarget):
        parse_target(target)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1&A=2&a=3", {"a": "1,2,3"}),
        ("a=&b&=c&&", {"": "c"}),
        ("a=&a=1", {"a": ",1"}),
        ("a=x+y%2By=z", {"a": "x y+y=z"}),
        ("%C3%BC=%ED%A0%80", {"ü": "%ED%A0%80"}),
    ],
)
def test_a_query_gives_one_text_a_name(query: str, expected: dict[str, str]) -> None:
    """Names in any case, values joined by commas, none that is empty."""
    assert parse_query(query) == expected


def test_unescaping_never_makes_anything_but_text() -> None:
    """Every byte that is not UTF-8 comes back as its escape."""
    text = unescape("".join(f"%{byte:02x}" for byte in range(256)))
    text.encode()
    assert text.endswith("%FE%FF")
