"""Traces without a node: what the environment asks for, and the span of a request."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.urls import resolve
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pytest_django import Settings

from accounts.checks import traces_are_possible
from accounts.observation import observed
from usermgmt import spans, tracing
from usermgmt.logging import request_id

TOP = Path(__file__).resolve().parents[2]
GUIDE = (TOP / "docs/operate.md").read_text().partition("## Traces")[2]
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(tracing, "recorder", spans.Recorder(SimpleSpanProcessor(exporter)))
    token = request_id.set("0123456789abcdef0123456789abcdef")
    yield exporter
    request_id.reset(token)


def _set(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SERVICE_NAME": "usermgmt"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_TRACES_EXPORTER": "none"},
        {**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"},
        {**ENDPOINT, "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_off(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    _set(monkeypatch, variables)
    assert tracing.configured() is None
    assert traces_are_possible() == []


@pytest.mark.parametrize(
    "variables",
    [
        ENDPOINT,
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://collector.example.org/v1/traces"},
        {"OTEL_TRACES_EXPORTER": "otlp"},
        {**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
        {**ENDPOINT, "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=ApiKey%20bm9uZTpub25l, x-tenant = a b,"},
    ],
)
def test_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variables: dict[str, str]) -> None:
    _set(monkeypatch, variables)
    assert traces_are_possible() == []
    tracing.start()
    assert tracing.recorder
    tracing.stop()
    assert tracing.recorder is None
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"OTEL_TRACES_EXPORTER": "canary"}, "OTEL_TRACES_EXPORTER must be otlp or none"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "canary"}, "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL must be http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "canary:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://me:canary@collector"}, "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "canary"}, "OTEL_EXPORTER_OTLP_HEADERS must be headers"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "a=b,authorization=Bearer;canary"}, "OTEL_EXPORTER_OTLP_HEADERS must be headers"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "authorization=canary%0A1"}, "OTEL_EXPORTER_OTLP_HEADERS must be headers"),
        ({"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "authorization=canary-é"}, "OTEL_EXPORTER_OTLP_TRACES_HEADERS must be headers"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "max_queue_size must be a positive integer"),
    ],
)
def test_wrong(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variables: dict[str, str], message: str) -> None:
    _set(monkeypatch, ENDPOINT | variables)
    with pytest.raises(ImproperlyConfigured, match=message):
        tracing.configured()
    (found,) = traces_are_possible()
    assert found.id == "accounts.W006"
    assert message in str(found.hint)
    tracing.start()
    assert tracing.recorder is None
    assert f"There are no traces: {found.hint}" in caplog.messages
    assert "canary" not in caplog.text + str(found)


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "usermgmt"),
        ({"OTEL_SERVICE_NAME": "users"}, "users"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=accounts,deployment.environment.name=test"}, "accounts"),
    ],
)
def test_service_name(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str) -> None:
    _set(monkeypatch, variables)
    exporter = InMemorySpanExporter()
    recorder = spans.Recorder(SimpleSpanProcessor(exporter))
    recorder.end_call(recorder.start_request("GET", {}), "")
    assert exporter.get_finished_spans()[0].resource.attributes["service.name"] == name


def test_nothing_is_imported_while_off() -> None:
    program = "import sys, usermgmt.asgi; print([name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    environment = {"ENV_FILE": os.devnull, "ELASTICSEARCH_HOSTS": "http://127.0.0.1:1", "SECRET_KEY": "x" * 64}
    assert subprocess.check_output([sys.executable, "-c", program], cwd=TOP, env=environment, text=True) == "[]\n"


def _answer(request: HttpRequest, status: int = HTTPStatus.OK) -> HttpResponse:
    request.resolver_match = resolve(request.path_info)
    return HttpResponse(status=status)


def test_span_of_a_request(exported: InMemorySpanExporter, settings: Settings) -> None:
    settings.BASE_PATH = "/es-users"
    observed(_answer)(RequestFactory().get("/users/edit/jdoe-canary?q=canary", headers={**CALLER, "x-canary": "canary"}))
    (span,) = exported.get_finished_spans()
    assert (span.name, span.kind, span.parent) == ("GET user_edit", SpanKind.SERVER, None)
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/es-users/users/edit/<username:username>",
        "usermgmt.request.id": request_id.get(),
    }
    assert f"{span.context.trace_id:032x}" == request_id.get(), "log lines have the trace ID"
    assert "canary" not in span.to_json()


def test_guide_has_all_attributes(exported: InMemorySpanExporter) -> None:
    recorder = tracing.recorder
    assert recorder
    request = recorder.start_request("GET", {})
    recorder.end_call(recorder.start_call(request, "search"), "unavailable")
    recorder.end_request(request, "GET", "users", "/users/", 500)
    attributes = {name for span in exported.get_finished_spans() for name in span.attributes or {}}
    names = re.findall(r"^\| (`[^|]+`) \|", GUIDE.partition("| Attribute |")[2], re.MULTILINE)
    assert attributes == set(re.findall("`(.+?)`", " ".join(names)))


def test_trace_of_the_caller_behind_a_proxy(exported: InMemorySpanExporter, settings: Settings) -> None:
    settings.BEHIND_PROXY = True
    observed(_answer)(RequestFactory().get("/users/", headers=CALLER))
    observed(_answer)(RequestFactory().get("/users/", headers={"traceparent": "00-canary-01"}))
    continued, own = exported.get_finished_spans()
    assert continued.parent
    assert f"{continued.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert f"{continued.parent.span_id:016x}" == "b7ad6b7169203331"
    assert (continued.attributes or {})["usermgmt.request.id"] == request_id.get()
    assert own.parent is None


@pytest.mark.parametrize(("status", "code", "error"), [(404, StatusCode.UNSET, None), (503, StatusCode.ERROR, "503")])
def test_failed_request(exported: InMemorySpanExporter, status: int, code: StatusCode, error: str | None) -> None:
    observed(lambda request: HttpResponse(status=status))(RequestFactory().generic("CANARY", "/users/edit/canary"))
    (span,) = exported.get_finished_spans()
    attributes = dict(span.attributes or {})
    assert span.name == "_OTHER none"
    assert (span.status.status_code, attributes.get("error.type")) == (code, error)
    assert "http.route" not in attributes
    assert "CANARY" not in span.to_json().upper()


def test_span_of_a_download_ends_with_it(exported: InMemorySpanExporter) -> None:
    response = observed(lambda request: StreamingHttpResponse(iter([b"first", b"last"])))(RequestFactory().get("/users/export"))
    assert isinstance(response, StreamingHttpResponse)
    assert b"".join(response) == b"firstlast"
    assert exported.get_finished_spans() == ()
    response.close()
    assert [span.name for span in exported.get_finished_spans()] == ["GET none"]


def test_static_files_have_no_span(exported: InMemorySpanExporter) -> None:
    observed(lambda request: HttpResponse())(RequestFactory().get("/static/app.css"))
    assert exported.get_finished_spans() == ()


@pytest.mark.parametrize(("ratio", "share"), [("0", 0), ("0.5", 0.5), ("1", 1)])
def test_request_ids_can_be_sampled(monkeypatch: pytest.MonkeyPatch, ratio: str, share: float) -> None:
    """The sampler takes the second half of a trace ID for a random number, which that of a UUID isn't."""
    from accounts import middleware

    _set(monkeypatch, {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": ratio})
    exporter = InMemorySpanExporter()
    monkeypatch.setattr(tracing, "recorder", spans.Recorder(SimpleSpanProcessor(exporter)))
    answer = middleware.request_id(observed(lambda request: HttpResponse()))
    for _ in range(400):
        answer(RequestFactory().get("/users/"))
    assert len(exporter.get_finished_spans()) / 400 == pytest.approx(share, abs=0.2)


class StuckExporter(SpanExporter):
    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        self.was_waited_for = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.may_go_on.wait()
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Called after OpenTelemetry has waited for 30 seconds."""
        self.was_waited_for = True


def test_stop_does_not_wait_for_a_collector_that_is_stuck(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "SECONDS_FOR_LAST_SPANS", 0.1)
    exporter = StuckExporter()
    recorder = spans.Recorder(BatchSpanProcessor(exporter))
    recorder.end_call(recorder.start_request("GET", {}), "")
    recorder.stop()
    assert not exporter.was_waited_for
    exporter.may_go_on.set()
