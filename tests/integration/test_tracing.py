"""Traces: the spans of real calls, what they must not contain, and processes of a server that export them."""

import base64
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import elasticsearch._otel
import pytest
from django.test import Client
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from accounts.services.client import clients
from tests.support.nodes import TestNode, one_version
from tests.support.server import ROOT, children_of, serve
from usermgmt import spans, tracing

pytestmark = one_version

OPERATOR, PASSWORD = "operator-canary", "password-canary"
AUTHORIZATION = {"Authorization": "Basic " + base64.b64encode(f"{OPERATOR}:{PASSWORD}".encode()).decode()}


@pytest.fixture
def exported(node: TestNode, monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """The spans, also those that elasticsearch-py would record if another program had set up OpenTelemetry for the process."""
    node.put_user(OPERATOR, password=PASSWORD, roles=["user_admin"])
    node.put_user("jdoe-canary")
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(elasticsearch._otel, "_tracer", provider.get_tracer("elasticsearch-api"))
    clients._clients.cache_clear()
    monkeypatch.setattr(tracing, "recorder", spans.Recorder(SimpleSpanProcessor(exporter)))
    yield exporter
    clients._clients.cache_clear()


def _requests(exporter: InMemorySpanExporter) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.kind is SpanKind.SERVER]


def _calls(exporter: InMemorySpanExporter, request: ReadableSpan) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.parent and span.parent.span_id == request.context.span_id]


def test_spans(exported: InMemorySpanExporter, signed_in: Callable[..., Client]) -> None:
    browser = signed_in(OPERATOR, PASSWORD)
    page = browser.get("/users/edit/jdoe-canary?q=query-canary")
    browser.get("/users/edit/nobody-canary")
    browser.post("/users/deactivate/jdoe-canary")
    Client().post("/login", {"username": OPERATOR, "password": "wrong-canary"})
    b"".join(browser.get("/users/export?format=csv&q=canary"))
    Client(headers=AUTHORIZATION).get("/_security/user/jdoe-canary")
    Client().get("/readyz")

    requests = _requests(exported)
    assert [(span.name, (span.attributes or {})["http.response.status_code"]) for span in requests] == [
        ("POST login", 302),
        ("GET user_edit", 200),
        ("GET user_edit", 404),
        ("POST user_deactivate", 302),
        ("POST login", 200),
        ("GET user_export", 200),
        ("GET /_security/user/{username}", 200),
    ]
    assert (requests[-1].attributes or {})["http.route"] == "/_security/user/{username}"
    assert (requests[1].attributes or {})["usermgmt.request.id"] == page["X-Request-ID"]

    calls = {span.name: span for span in _calls(exported, requests[1])}
    call = calls["security.get_user"]
    assert (call.kind, call.status.status_code) == (SpanKind.CLIENT, StatusCode.UNSET)
    assert dict(call.attributes or {}) == {"db.system.name": "elasticsearch", "db.operation.name": "security.get_user"}
    (failed,) = [span for span in _calls(exported, requests[4]) if span.name == "security.authenticate"]
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description is None
    assert (failed.attributes or {})["error.type"] == "authentication_failed"
    assert "security.query_user" in [span.name for span in _calls(exported, requests[5])]
    assert "user_api.read" in [span.name for span in _calls(exported, requests[6])]

    everything = [span for request in requests for span in (request, *_calls(exported, request))]
    assert sorted(span.to_json() for span in exported.get_finished_spans()) == sorted(span.to_json() for span in everything)
    assert not any(span.events for span in everything)
    assert "canary" not in "".join(span.to_json() for span in everything)


class Collector(ThreadingHTTPServer):
    """Takes traces as an OpenTelemetry collector does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiving)
        self.requests: list[tuple[str, str | None, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[tuple[dict[str, Any], Any]]:
        """Each with the attributes of its resource."""
        found = []
        for _, _, body in self.requests:
            for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                found += [(_values(each.resource), span) for scope in each.scope_spans for span in scope.spans]
        return found


class Receiving(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, self.headers["Authorization"], body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _values(message: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in message.attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        yield collector
        collector.shutdown()


def _get(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(url, headers=AUTHORIZATION)) as response:  # noqa: S310
        assert response.status == 200


def test_each_process_of_a_server_exports(node: TestNode, collector: Collector, tmp_path: Path) -> None:
    node.put_user(OPERATOR, password=PASSWORD, roles=["user_admin"])
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20token-canary",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process",
    }
    file = tmp_path / "env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    url, process = serve(node, tmp_path / "log", ENV_FILE=str(file), WEB_WORKERS="2", REQUEST_LOG="true")
    try:
        workers = [int(child) for child in children_of(process)]
        for stopped in workers:  # the other one must answer
            os.kill(stopped, signal.SIGSTOP)
            _get(f"{url}/_security/user/{OPERATOR}")
            os.kill(stopped, signal.SIGCONT)
    finally:
        process.terminate()
        process.wait(timeout=30)
    assert {(path, authorization) for path, authorization, _ in collector.requests} == {("/v1/traces", "Bearer token-canary")}

    found = collector.spans()
    assert {resource["process.pid"] for resource, _ in found} == set(workers)
    assert {resource["service.name"] for resource, _ in found} == {"usermgmt"}
    requests = {span.span_id: span for _, span in found if not span.parent_span_id}
    calls = [span for _, span in found if span.parent_span_id]
    assert [span.name for span in requests.values()] == ["GET /_security/user/{username}"] * 2
    assert {span.parent_span_id for span in calls} == requests.keys()
    assert "user_api.read" in {span.name for span in calls}
    log = (tmp_path / "log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if '"usermgmt.requests"' in line]
    assert {line["trace"]["id"] for line in lines} == {span.trace_id.hex() for span in requests.values()}
    assert b"canary" not in b"".join(body for _, _, body in collector.requests)
    assert "canary" not in "".join(line for line in log.splitlines() if '"usermgmt.requests"' not in line)


def test_server_without_the_packages(node: TestNode, tmp_path: Path) -> None:
    node.put_user(OPERATOR, password=PASSWORD, roles=["user_admin"])
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['opentelemetry'] = None")
    variables = {"PYTHONPATH": str(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    url, process = serve(node, tmp_path / "log", **variables)
    try:
        _get(f"{url}/_security/user/{OPERATOR}")
        _get(f"{url}/login")
    finally:
        process.terminate()
        process.wait(timeout=30)
    problem = "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the packages of OpenTelemetry aren't installed."
    assert f"There are no traces: {problem} Install usermgmt[locked,otel]" in (tmp_path / "log").read_text()
    settings = {"ENV_FILE": os.devnull, "ELASTICSEARCH_HOSTS": node.url, "SECRET_KEY": "x" * 64, "ELASTICSEARCH_API_KEY": "key"}
    check = [sys.executable, "manage.py", "check"]
    environment = {**os.environ, **settings, **variables}
    run = subprocess.run(check, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert f"(accounts.W006) There are no traces.\n\tHINT: {problem}" in run.stderr
