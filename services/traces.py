"""OpenTelemetry: a span for the request and one for every stage, made when it has ended. Off unless asked for.

SHOPLOOP_TRACES=console prints them, otlp sends them where OTEL_EXPORTER_OTLP_ENDPOINT says; the standard variables of
OpenTelemetry hold for the rest. A caller's `traceparent` is taken up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from components.core.addresses import http_parts
from components.core.errors import ConfigError
from components.core.stages import Stage
from services.request_record import RequestRecord

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Traces:
    """Spans of one worker."""

    def __init__(self, exporter: SpanExporter):
        """exporter: where they go, in batches, beside the traffic."""
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self.provider = TracerProvider(resource=Resource.create({"service.name": "shoploop"}))
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self.provider.get_tracer("shoploop")

    def tell(self, record: RequestRecord, seconds: float, stages: Iterable[Stage], carrier: Mapping[str, str]) -> None:
        """Spans of a request that has ended; carrier: its headers."""
        from opentelemetry import propagate, trace

        offset = time.time() - time.perf_counter()
        attributes = {
            "http.route": record.route,
            "http.response.status_code": record.status or 499,
            "shoploop.request_id": record.request_id,
            "shoploop.release": record.release or "",
            "shoploop.data_digest": record.data_digest or "",
        }
        span = self._tracer.start_span(
            f"POST {record.route}" if record.route != "other" else "other",
            context=propagate.extract(carrier),
            attributes=attributes,
            start_time=_nanoseconds(record.began + offset),
        )
        inside = trace.set_span_in_context(span)
        for stage in stages:
            part = self._tracer.start_span(stage.name, context=inside, start_time=_nanoseconds(stage.began + offset))
            part.end(_nanoseconds(stage.began + stage.seconds + offset))
        span.end(_nanoseconds(record.began + seconds + offset))

    def close(self) -> None:
        """Send what waits."""
        self.provider.shutdown()


def open_traces(kind: str) -> Traces | None:
    """As SHOPLOOP_TRACES says: off, console or otlp. ConfigError where an endpoint is none."""
    if kind == "off":
        return None
    if kind == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return Traces(ConsoleSpanExporter())
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    for name in ENDPOINTS:  # the exporter would take anything, and lose every span
        if text := os.environ.get(name):
            _check_endpoint(name, text)
    return Traces(OTLPSpanExporter())


def _check_endpoint(name: str, text: str) -> None:
    try:
        http_parts(text)
    except ValueError as e:
        raise ConfigError(f"{name} names the collector of spans: {e}") from None


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
