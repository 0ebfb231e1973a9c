"""Spans of a request that has ended: one for the request, one for each stage, under the caller's own trace."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from components.core.errors import ConfigError
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


@pytest.fixture
def collector():
    """Where OTLP over HTTP arrives: its address, and the bodies that came in."""
    arrived = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self):
            arrived.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", arrived
        server.shutdown()
        thread.join()


def test_spans_arrive_at_a_collector(collector, monkeypatch):
    address, arrived = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    traces = open_traces("otlp")
    with collected() as stages, stage("rank"):
        pass
    traces.tell(RequestRecord(route="/search", status=200), 0.1, stages, {})
    traces.close()
    ((path, body),) = arrived
    (sent,) = ExportTraceServiceRequest.FromString(body).resource_spans
    assert path == "/v1/traces"
    assert {span.name for scope in sent.scope_spans for span in scope.spans} == {"rank", "POST /search"}
    assert ("service.name", "shoploop") in {(a.key, a.value.string_value) for a in sent.resource.attributes}


@pytest.mark.parametrize("endpoint", ["localhost:4318", "collector", "http://host:99999", "ftp://host"])
def test_an_endpoint_that_is_none_is_told_at_the_start(endpoint, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    words = r"OTEL_EXPORTER_OTLP_ENDPOINT names the collector of spans: .* is no address; write http://host:port"
    with pytest.raises(ConfigError, match=words):
        open_traces("otlp")
