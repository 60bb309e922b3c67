"""The log wall: no record of the process shows a key, whoever writes it and whoever takes it."""

import io
import logging
import sys
from collections.abc import Iterator

import pytest

from shared.logs import configure_logging
from shared.redaction import REDACTED, Secret, guard_logs, scrub_record
from tests.support.fakes import LEGACY_KEY
from tests.support.log_wall import SECRETS, Discreet, Mute


@pytest.fixture(autouse=True)
def _wall() -> Iterator[None]:
    """Put the wall up for one test and take it away again."""
    factory = logging.getLogRecordFactory()
    guard_logs()
    yield
    logging.setLogRecordFactory(factory)


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """Return a logger of this test's own that passes nothing on."""
    logger = logging.getLogger("tests.log_wall")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.handlers.clear()


@pytest.fixture
def output(logger: logging.Logger) -> io.StringIO:
    """Return what a plain handler of the logger writes."""
    stream = io.StringIO()
    logger.addHandler(logging.StreamHandler(stream))
    return stream


class Exporter(logging.Handler):
    """A handler that keeps the records themselves, as exporters of telemetry read them."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the record."""
        self.records.append(record)


@SECRETS
def test_a_message_is_scrubbed(logger: logging.Logger, output: io.StringIO, secret: str) -> None:
    """A key in the message itself is not written."""
    logger.info(f"got {secret} back")  # noqa: G004  # what the wall is for
    assert secret not in output.getvalue()
    assert output.getvalue().startswith("got ")


@SECRETS
def test_arguments_are_scrubbed(logger: logging.Logger, output: io.StringIO, secret: str) -> None:
    """A key in an argument is not written, whatever holds it."""
    logger.info("%s %r %s", secret, [secret], {"key": secret})
    logger.info("%(key)s", {"key": secret})
    assert secret not in output.getvalue()
    assert REDACTED in output.getvalue()


@SECRETS
def test_a_message_that_is_no_text_is_scrubbed(logger: logging.Logger, output: io.StringIO, secret: str) -> None:
    """An object that is logged as it is shows no key either."""
    logger.info(ValueError(secret))
    logger.info({"key": secret})
    assert secret not in output.getvalue()


@SECRETS
def test_a_traceback_is_scrubbed(logger: logging.Logger, output: io.StringIO, secret: str) -> None:
    """An exception, its cause, its notes and its group show no key, and the rest of the traceback stays."""
    try:
        try:
            raise LookupError(f"inner {secret}")
        except LookupError as inner:
            error = ExceptionGroup("group", [RuntimeError(f"outer {secret}")])
            error.add_note(f"note {secret}")
            raise error from inner
    except ExceptionGroup:
        logger.exception("failed")
    written = output.getvalue()
    assert secret not in written
    assert "LookupError: inner" in written
    assert "RuntimeError: outer" in written
    assert "note " in written


@SECRETS
def test_a_stack_is_scrubbed(logger: logging.Logger, output: io.StringIO, secret: str) -> None:
    """A record's stack shows no key."""
    logger.handle(logger.makeRecord(logger.name, logging.INFO, "f", 1, "m", (), None, sinfo=f"Stack\n  key = {secret}"))
    assert secret not in output.getvalue()
    assert "Stack" in output.getvalue()


@SECRETS
def test_what_exporters_read_is_scrubbed(logger: logging.Logger, secret: str) -> None:
    """Who reads the record itself, as exporters do, finds no key in it: not in msg, args or exc_info."""
    handler = Exporter()
    logger.addHandler(handler)
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        logger.exception("failed with %s", secret)
    record = handler.records[0]
    assert secret not in str(vars(record))
    assert record.exc_info is None


def error_record(error: Exception) -> logging.LogRecord:
    """Return the scrubbed record of an error."""
    info = (type(error), error, None)
    return scrub_record(logging.LogRecord("n", logging.INFO, "f", 1, "failed", (), info))


@SECRETS
def test_an_exception_goes_for_what_it_holds_as_for_what_it_says(secret: str) -> None:
    """Exporters take its arguments for its message, and print its notes: a key in either is one too many."""
    noted = RuntimeError("plain")
    noted.add_note(f"note {secret}")
    for error, said in ((Discreet(secret), "discreet"), (noted, "plain"), (Discreet(Mute()), "discreet")):
        record = error_record(error)
        assert record.exc_info is None
        assert record.exc_text is not None
        assert said in record.exc_text
        assert not record.exc_text.endswith("\n")
        assert secret not in str(vars(record))
    assert error_record(Discreet("plain")).exc_info is not None


@SECRETS
def test_a_broken_log_call_shows_no_key(
    logger: logging.Logger, output: io.StringIO, capsys: pytest.CaptureFixture[str], secret: str
) -> None:
    """Where arguments do not fit the format, logging reports them on stderr: without the key."""
    logger.info("%d and %s", secret)  # noqa: PLE1206  # the point
    logger.info("no place for it", secret)  # noqa: PLE1205  # the point
    assert secret not in output.getvalue()
    assert secret not in capsys.readouterr().err


@SECRETS
def test_child_loggers_and_later_handlers_are_behind_the_wall(
    logger: logging.Logger, output: io.StringIO, secret: str
) -> None:
    """The wall stands around records, not around loggers or handlers that happen to exist."""
    child = logging.getLogger(f"{logger.name}.made.later")
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    child.addHandler(handler)
    child.warning("child %s", secret)
    child.removeHandler(handler)
    assert secret not in output.getvalue() + stream.getvalue()
    assert "child" in output.getvalue()
    assert "child" in stream.getvalue()


def test_a_secret_is_redacted_without_the_wall() -> None:
    """The first wall is the Secret itself: a short one, that no pattern knows, does not show."""
    logging.setLogRecordFactory(logging.LogRecord)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.emit(logging.LogRecord("n", logging.INFO, "f", 1, "%s %r", (Secret("1234"), Secret("1234")), None))
    assert stream.getvalue() == f"{REDACTED} {REDACTED}\n"


def test_a_clean_record_keeps_its_arguments_and_its_exception() -> None:
    """Where nothing is found, exporters get the record as it was."""
    try:
        raise RuntimeError("plain")
    except RuntimeError:
        info = sys.exc_info()
    record = scrub_record(logging.LogRecord("n", logging.INFO, "f", 1, "%s is %d", ("x", 1), info))
    assert record.msg == "%s is %d"
    assert record.args == ("x", 1)
    assert record.exc_info == info


def test_the_wall_is_put_up_once() -> None:
    """Asked for twice, it stands once."""
    factory = logging.getLogRecordFactory()
    guard_logs()
    assert logging.getLogRecordFactory() is factory


def test_the_wall_keeps_the_factory_that_was_there() -> None:
    """Another library's record factory goes on working behind the wall."""

    class Marked(logging.LogRecord):
        mark = "kept"

    logging.setLogRecordFactory(Marked)
    guard_logs()
    record = logging.getLogger("tests.log_wall").makeRecord("n", logging.INFO, "f", 1, LEGACY_KEY, (), None)
    assert isinstance(record, Marked)
    assert record.getMessage() == REDACTED


@pytest.mark.parametrize("name", ["azure.core", "azure.identity", "azure.mgmt", "azure.monitor", "msal"])
def test_the_sdks_are_quiet(name: str) -> None:
    """At INFO the SDKs say nothing; their warnings are heard; azure.functions, the worker's own, is left alone."""
    configure_logging()
    assert logging.getLogger(name).level == logging.WARNING
    child = logging.getLogger(f"{name}.pipeline.policies.http_logging_policy")
    assert not child.isEnabledFor(logging.INFO)
    assert child.isEnabledFor(logging.WARNING)
    assert logging.getLogger("azure.functions").level == logging.NOTSET
