"""Spans that hold no secret: attributes by name from a list, values scrubbed, and of an exception its code alone.

OpenTelemetry's own way with an exception is to record its message and its stack. Azure's errors may quote what was
sent, so neither is recorded here. Where no SDK is configured, all of this does next to nothing.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode

from shared.errors import AppError
from shared.redaction import scrub
from shared.telemetry.names import SCOPE, Attribute

type Value = str | int | float | bool | None
type Attributes = Mapping[Attribute, Value]

_LONGEST = 300
# it asks for the SDK's own at each use, until there is one
_tracer = trace.get_tracer(SCOPE)


class Told:
    """A span that is open; what is told of it goes through the list of names and the scrubber."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        self._span = span

    def tell(self, attributes: Attributes) -> None:
        """Set attributes; None says nothing."""
        if self._span.is_recording():
            for name, value in shown(attributes).items():
                self._span.set_attribute(name, value)

    def tell_error(self, code: str) -> None:
        """Tell an error that is no failure of the span's own, such as a refusal."""
        self.tell({Attribute.ERROR_TYPE: code, Attribute.ERROR_CODE: code})

    def failed(self, code: str) -> None:
        """Mark it as failed, with an error's code, or the name of an exception's type."""
        self.tell_error(code)
        self._span.set_status(Status(StatusCode.ERROR, scrub(code)))


@contextmanager
def span(name: str, attributes: Attributes, *, kind: SpanKind = SpanKind.INTERNAL) -> Generator[Told]:
    """Open a span within the current one; an exception that leaves it is its error, and goes on."""
    with _tracer.start_as_current_span(
        name, kind=kind, record_exception=False, set_status_on_exception=False
    ) as opened:
        told = Told(opened)
        told.tell(attributes)
        try:
            yield told
        except BaseException as error:
            told.failed(code_of(error))
            raise


@contextmanager
def without_trace_state() -> Generator[None]:
    """Keep a caller's `tracestate` header from what is stored; the trace goes on.

    W3C lets anybody write into it what they like, a key as well as anything:
    https://www.w3.org/TR/trace-context/#tracestate-header
    """
    current = trace.get_current_span().get_span_context()
    if not current.trace_state:
        yield
        return
    plain = SpanContext(current.trace_id, current.span_id, current.is_remote, current.trace_flags)
    token = context.attach(trace.set_span_in_context(NonRecordingSpan(plain)))
    try:
        yield
    finally:
        context.detach(token)


def code_of(error: BaseException) -> str:
    """Return an error's code: our own error's, else the name of the exception's type."""
    return error.code if isinstance(error, AppError) else type(error).__name__


def shown(attributes: Attributes) -> dict[str, str | int | float | bool]:
    """Return attributes as they may leave the process: text scrubbed and bounded, what is None left out."""
    return {
        Attribute(name).value: value if isinstance(value, (int, float)) else _text(str(value))
        for name, value in attributes.items()
        if value is not None
    }


def _text(value: str) -> str:
    # Cutting first could leave half a key, which nobody recognises as one. Half a surrogate pair has no bytes: an
    # exporter that stumbles over it would lose all that it was about to send.
    return scrub(value).encode("utf-8", "replace").decode()[:_LONGEST]
