"""OpenTelemetry's own SDK with exporters in memory: what a test reads is what an exporter would get."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode

type Point = tuple[dict[str, Any], float]


class _Spans(SpanExporter):
    """Keeps spans while a test looks at them."""

    def __init__(self) -> None:
        self.kept: list[ReadableSpan] | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Keep them."""
        if self.kept is not None:
            self.kept.extend(spans)
        return SpanExportResult.SUCCESS


class Telemetry:
    """What was told since the test began."""

    def __init__(self, spans: list[ReadableSpan], reader: InMemoryMetricReader) -> None:
        self.spans = spans
        self._reader = reader

    def named(self, name: str) -> list[ReadableSpan]:
        """Return the ended spans of a name."""
        return [span for span in self.spans if span.name == name]

    def only(self, name: str) -> ReadableSpan:
        """Return the one ended span of a name."""
        (span,) = self.named(name)
        return span

    def metrics(self) -> dict[str, list[Point]]:
        """Return and forget what was measured: by metric, attributes and the sum, or the last value."""
        found: dict[str, list[Point]] = {}
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points: Any = metric.data.data_points
                    found.setdefault(metric.name, []).extend(
                        (dict(point.attributes), point.value if hasattr(point, "value") else point.sum)
                        for point in points
                    )
        return found

    def everything(self) -> str:
        """Return all spans and metrics as text, to be searched."""
        return "\n".join([*(span.to_json() for span in self.spans), json.dumps(self.metrics())])


def attributes(span: ReadableSpan) -> Mapping[str, Any]:
    """Return a span's attributes."""
    return dict(span.attributes or {})


def is_failed(span: ReadableSpan) -> bool:
    """Say whether a span is marked as failed."""
    return span.status.status_code is StatusCode.ERROR


@cache
def _providers() -> tuple[_Spans, InMemoryMetricReader]:
    # a process has one of each, for good
    exporter = _Spans()
    tracing = TracerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(tracing)
    delta = AggregationTemporality.DELTA
    reader = InMemoryMetricReader(preferred_temporality={Counter: delta, Histogram: delta})
    metrics.set_meter_provider(MeterProvider([reader]))
    return exporter, reader


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """What the code under test tells OpenTelemetry."""
    exporter, reader = _providers()
    reader.get_metrics_data()
    exporter.kept = []
    yield Telemetry(exporter.kept, reader)
    exporter.kept = None
