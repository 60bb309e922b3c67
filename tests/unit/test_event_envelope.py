"""The envelope of an event: the same from both schemas, exact where it identifies, harmless where it is shown."""

from types import SimpleNamespace

import pytest

from shared.event_envelope import Event, event_of
from tests.support.events import SCHEMAS, Schema, event, received
from tests.support.fakes import CASK_KEY, JWT, LEGACY_KEY
from tests.support.leaks import find_leaks


def envelope(**attributes: str) -> Event:
    """Return an envelope, all of it given unless said otherwise."""
    return Event(
        **{"id": "event-1", "type": "Some.Type", "source": "/a/source", "subject": "a subject"} | attributes,
        data={"a": 1},
    )


@pytest.mark.parametrize("schema", SCHEMAS)
def test_both_schemas_make_the_same_envelope(schema: Schema) -> None:
    """What the worker makes of an event, of Event Grid's schema or a CloudEvent, has its attributes in one place."""
    wire = event("Some.Type", {"a": 1}, source="/a/source", subject="a subject", schema=schema, id="event-1")
    got = received(wire)
    assert (got.id, got.type, got.source, got.subject) == ("event-1", "Some.Type", "/a/source", "a subject")
    assert got.data == {"a": 1}


@pytest.mark.parametrize("schema", SCHEMAS)
@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (None, ""),
        ("", ""),
        (7, "7"),
        (1.5, "1.5"),
        (10**4000, "1" + "0" * 4000),
        (True, ""),
        ([], ""),
        ({"id": 1}, ""),
        (" event-1 ", " event-1 "),
        ("\ud800\x00", "\ud800\x00"),
    ],
    ids=["null", "empty", "number", "fraction", "huge number", "true", "list", "object", "blanks", "no text of UTF-8"],
)
def test_an_id_of_any_kind_becomes_a_text(schema: Schema, sent: object, text: str) -> None:
    """A number is its text, another text stays exactly as it is, and everything else is none."""
    assert received(event("Some.Type", {}, schema=schema) | {"id": sent}).id == text


@pytest.mark.parametrize("missing", ["id", "topic", "subject", "eventType", "data", "source", "type"])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_is_missing_is_empty(schema: Schema, missing: str) -> None:
    """The worker lets events pass without the attributes that they should have."""
    wire = event("Some.Type", {}, schema=schema)
    wire.pop(missing, None)
    got = received(wire)
    assert all(isinstance(text, str) for text in (got.id, got.type, got.source, got.subject))


def test_an_object_of_no_kind_is_an_empty_envelope() -> None:
    """Whatever is handed in, there is an envelope, which is then of no known type."""
    assert event_of(object()).shown == {"eventId": "", "eventType": "", "eventSource": "", "eventSubject": ""}
    assert event_of(SimpleNamespace(id=int("9" * 4000) ** 2, get_json=None)).id == ""


@pytest.mark.parametrize("encoded", ["eyJhIjogMX0=", 1, ["x"]])
def test_binary_data_is_not_taken_for_no_data(encoded: object) -> None:
    """A CloudEvent with data_base64 has data that is no JSON, whatever the worker makes of it."""
    wire = event("Some.Type", None, schema="cloudevents") | {"data_base64": encoded}
    assert received(wire).data == b""
    del wire["data"]
    assert received(wire).data == b""


def test_an_event_without_data_has_none() -> None:
    """Extensions of a CloudEvent make no data."""
    assert received(event("Some.Type", None, schema="cloudevents") | {"traceparent": "00-1-2-01"}).data is None


def test_each_delivery_of_an_event_has_the_same_identity() -> None:
    """Source and id identify it; type, subject and data do not."""
    identity = envelope().identity
    assert len(identity) == 64
    assert envelope(type="Other", subject="other").identity == identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (envelope(), envelope(id="event-2")),
        (envelope(), envelope(id="event-1 ")),
        (envelope(), envelope(id="EVENT-1")),
        (envelope(), envelope(source="/another/source")),
        (envelope(source="a", id="b\nc"), envelope(source="a\nb", id="c")),
        (envelope(source="a", id='b", "c'), envelope(source='a", "b', id="c")),
        (envelope(id="x" * 100_000), envelope(id="x" * 100_001)),
        (envelope(id="\ud800"), envelope(id="\ud801")),
        (envelope(id="a\x00"), envelope(id="a")),
    ],
    ids=["id", "blank", "case", "source", "line break", "quotes", "length", "half a surrogate pair", "NUL"],
)
def test_another_event_has_another_identity(one: Event, other: Event) -> None:
    """No two pairs of source and id coincide, however alike they look in a log."""
    assert one.identity != other.identity


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("event-1", "event-1"),
        ("é 事件", "é 事件"),
        ("a\nb\r\x00\x1b[31m", "a b   [31m"),
        ("a\u202eb\u2028c\ud800d\u200be", "a b c d e"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
        ("x" * 2000, "x" * 299 + "…"),
        ("x" * 2001, "(2001 characters that are not shown)"),
        ("x" * 1_000_000, "(1000000 characters that are not shown)"),
    ],
    ids=["plain", "foreign", "controls", "marks", "longest", "too long", "long", "not shown", "huge"],
)
def test_what_a_log_shows_is_bounded_and_on_one_line(text: str, shown: str) -> None:
    """Line breaks, direction marks and length forge no log line and fill none."""
    assert envelope(id=text).shown["eventId"] == shown


@pytest.mark.parametrize("secret", [LEGACY_KEY, CASK_KEY, f"endpoint=https://x/;accesskey={LEGACY_KEY}", JWT])
@pytest.mark.parametrize("name", ["id", "type", "source", "subject"])
@pytest.mark.parametrize("before", [0, 250, 280, 1950], ids=lambda length: f"behind {length} characters")
def test_nothing_like_a_key_is_shown(name: str, secret: str, before: int) -> None:
    """Whoever puts a key or a token into an envelope does not get it logged, not even a part that the cut leaves."""
    got = envelope(**{name: "a " * (before // 2) + secret})
    text = f"{got.shown} {got!r} {got}"
    assert find_leaks(text, [LEGACY_KEY, CASK_KEY]) == []
    assert LEGACY_KEY[:20] not in text
    assert CASK_KEY[:20] not in text


def test_data_is_never_printed() -> None:
    """The data of an event may hold anything."""
    got = Event(id="1", type="t", source="s", subject="", data={"s3cr3t": "s3cr3t"})
    assert "s3cr3t" not in f"{got!r} {got} {got.shown}"
