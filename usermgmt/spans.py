"""The spans of requests and of their calls to Elasticsearch. Imported only while traces are on (tracing.py).

Names and attributes are names from the code: never usernames, paths, search terms, headers, or messages of exceptions.
"""

import threading
from collections.abc import Mapping
from typing import Final

from opentelemetry import propagate
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, SpanKind, StatusCode, set_span_in_context

from usermgmt.logging import request_id

METHODS: Final = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
SECONDS_FOR_LAST_SPANS: Final = 3  # of a process that ends, also if the collector doesn't answer


class RequestIdGenerator(RandomIdGenerator):
    """The trace ID is the request ID, so that `trace.id` in our log lines is that of the trace."""

    def generate_trace_id(self) -> int:
        return int(request_id.get() or "0", 16) or super().generate_trace_id()


class Recorder:
    """Starts and ends spans, and hands them to a processor, which exports them."""

    def __init__(self, processor: SpanProcessor) -> None:
        """Sampler, limits, and resource are those of the environment.

        The provider isn't made the global one: libraries would then add spans of their own, with URLs that have usernames.
        """
        self._provider = TracerProvider(resource=_resource(), id_generator=RequestIdGenerator(), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("usermgmt")

    def start_request(self, method: str | None, headers: Mapping[str, str]) -> Span:
        """`headers`: may have the trace of the caller, which the span then continues."""
        parent = propagate.extract(headers)
        attributes = {"http.request.method": _known(method), "usermgmt.request.id": request_id.get()}
        return self._tracer.start_span(_known(method), parent, SpanKind.SERVER, attributes)

    def end_request(self, span: Span, method: str | None, view: str, route: str, status: int) -> None:
        """`route`: the pattern of the path; "" for a request that reached no view."""
        span.update_name(f"{_known(method)} {view}")
        span.set_attribute("http.response.status_code", status)
        if route:
            span.set_attribute("http.route", route)
        if status >= 500:
            _fail(span, str(status))
        span.end()

    def start_call(self, request: Span, api: str) -> Span:
        attributes = {"db.system.name": "elasticsearch", "db.operation.name": api}
        return self._tracer.start_span(api, set_span_in_context(request), SpanKind.CLIENT, attributes)

    def end_call(self, span: Span, error: str) -> None:
        """`error`: the code of an error; "" for a success."""
        if error:
            _fail(span, error)
        span.end()

    def stop(self) -> None:
        """Export the spans that are left."""
        stopping = threading.Thread(target=self._provider.shutdown, daemon=True)
        stopping.start()
        stopping.join(SECONDS_FOR_LAST_SPANS)


def _resource() -> Resource:
    resource = Resource.create()
    is_named = not str(resource.attributes[SERVICE_NAME]).startswith("unknown_service")
    return resource if is_named else resource.merge(Resource({SERVICE_NAME: "usermgmt"}))


def _known(method: str | None) -> str:
    """A client can send any word as the method; `_OTHER` is OpenTelemetry's name for those."""
    return method if method in METHODS else "_OTHER"


def _fail(span: Span, error: str) -> None:
    span.set_attribute("error.type", error)
    span.set_status(StatusCode.ERROR)
