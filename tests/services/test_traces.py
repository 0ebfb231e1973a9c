"""Spans of a request that has ended: one for the request, one for each stage, under the caller's own trace."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from components.core.stages import collected, stage
from services.request_record import RequestRecord
from services.traces import Traces, open_traces

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_request_and_its_stages_are_spans_of_the_caller_s_trace():
    exporter = InMemorySpanExporter()
    traces = Traces(InMemorySpanExporter())
    traces.provider.add_span_processor(SimpleSpanProcessor(exporter))
    record = RequestRecord(route="/recommend", status=200, release="digest")
    with collected() as stages:
        for name in ("candidates", "rank"):
            with stage(name):
                pass
    traces.tell(record, 0.5, stages, {"traceparent": PARENT, "authorization": "Bearer secret"})
    first, second, whole = exporter.get_finished_spans()
    assert [first.name, second.name, whole.name] == ["candidates", "rank", "POST /recommend"]
    assert {span.context.trace_id for span in (first, second, whole)} == {int(PARENT.split("-")[1], 16)}
    assert first.parent.span_id == second.parent.span_id == whole.context.span_id
    assert whole.end_time - whole.start_time == pytest.approx(0.5e9, rel=1e-3)
    assert whole.attributes["shoploop.request_id"] == record.request_id
    assert not any("secret" in str(value) for value in whole.attributes.values())


def test_they_are_off_unless_asked_for():
    assert open_traces("off") is None
