"""The wall holds for what is exported: the very handler that Azure Monitor's distribution attaches sees no key."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.instrumentation.logging.handler import LoggingHandler  # pyright: ignore[reportMissingTypeStubs]
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor

from shared.logs import configure_logging
from tests.support.fakes import LEGACY_KEY
from tests.support.log_wall import SECRETS, Discreet, Mute

type Exported = Callable[[], list[dict[str, Any]]]


class Odd:
    """Something with a text of its own."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


MAKERS: dict[str, Callable[[str], object]] = {
    "text": str,
    "object": lambda text: {"inner": [text]},
    "list": lambda text: [f"accesskey={text}"],
    "bytes": str.encode,
    "anything": Odd,
}


def _told(record: LogRecord) -> dict[str, Any]:
    return {"body": record.body, "attributes": dict(record.attributes or {}), "event": record.event_name}


@pytest.fixture(params=["handler first", "wall first"])
def logger(request: pytest.FixtureRequest) -> Iterator[tuple[logging.Logger, Exported]]:
    """Return a logger whose handler was attached before, or after, the wall was put up; and what was exported."""
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    exporter = InMemoryLogRecordExporter()
    provider = LoggerProvider()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = logging.getLogger("tests.exported")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    steps: list[Callable[[], None]] = [
        lambda: logger.addHandler(LoggingHandler(logger_provider=provider)),
        configure_logging,
    ]
    for step in steps if request.param == "handler first" else reversed(steps):
        step()
    yield logger, lambda: [_told(data.log_record) for data in exporter.get_finished_logs()]
    logger.handlers.clear()
    provider.shutdown()
    logging.setLogRecordFactory(factory)


@SECRETS
def test_message_and_arguments_are_scrubbed(logger: tuple[logging.Logger, Exported], secret: str) -> None:
    """The body has no key, and the rest of it stays."""
    logger[0].info("got %s", secret)
    (record,) = logger[1]()
    assert record["body"].startswith("got ")
    assert secret not in str(record)


@SECRETS
@pytest.mark.parametrize("kind", [RuntimeError, KeyError, Discreet])
def test_an_exception_is_scrubbed(logger: tuple[logging.Logger, Exported], secret: str, kind: type[Exception]) -> None:
    """An exception's message, which the handler takes from its arguments, and its stack show no key."""
    try:
        raise kind(secret) from ValueError(f"accesskey={secret}")
    except kind:
        logger[0].exception("failed")
    (record,) = logger[1]()
    assert record["body"] == "failed"
    assert secret not in str(record)


def test_arguments_alone_give_an_exception_away(logger: tuple[logging.Logger, Exported]) -> None:
    """An exception whose text hides a key is exported by its arguments: so they are looked at, too."""
    try:
        raise Discreet(LEGACY_KEY)
    except Discreet:
        logger[0].exception("failed")
    assert LEGACY_KEY not in str(logger[1]())


def test_a_clean_exception_is_exported_whole(logger: tuple[logging.Logger, Exported]) -> None:
    """Where nothing is found, type, message and stack arrive."""
    try:
        raise RuntimeError("plain")
    except RuntimeError:
        logger[0].exception("failed")
    exported = logger[1]()[0]["attributes"]
    assert (exported["exception.type"], exported["exception.message"]) == ("RuntimeError", "plain")
    assert "test_a_clean_exception" in exported["exception.stacktrace"]


@SECRETS
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_extra_fields_are_scrubbed(
    logger: tuple[logging.Logger, Exported], secret: str, make: Callable[[str], object]
) -> None:
    """What a log call gives as `extra` becomes an attribute: without the key, whatever holds it."""
    logger[0].info("m", extra={"field": make(secret)})
    (record,) = logger[1]()
    assert "field" in record["attributes"]
    assert secret not in str(record)


@SECRETS
def test_the_name_of_an_extra_field_is_scrubbed(logger: tuple[logging.Logger, Exported], secret: str) -> None:
    """A key is no name of a field either."""
    logger[0].info("m", extra={secret: 1})
    assert secret not in str(logger[1]())


def test_clean_extra_fields_stay_as_they_are(logger: tuple[logging.Logger, Exported]) -> None:
    """Numbers, texts and structures arrive as they were given; what cannot be shown is redacted."""
    given = {"a": 1, "b": "text", "c": {"d": (1, "x")}, "e": True}
    logger[0].info("m", extra={**given, "f": Mute()})
    exported = logger[1]()[0]["attributes"]
    assert {name: exported[name] for name in given} == given
    assert exported["f"] == "REDACTED"
