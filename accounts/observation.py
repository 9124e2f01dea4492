"""Counts each request for the metrics, and writes its line of the request log and its span, if they are on."""

import logging
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from time import perf_counter
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.services import request_context
from accounts.services.request_context import Observation
from usermgmt import metrics, tracing

logger = logging.getLogger("usermgmt.requests")

NO_VIEW: Final = "none"  # a path that doesn't exist, or a request that was rejected or redirected before its view
NANOSECONDS: Final = 1_000_000_000


def observed(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Observe all requests but those that are answered before, and static files. A download is observed until it ends."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(settings.STATIC_URL):
            return get_response(request)
        observation, started = Observation(), perf_counter()
        request_context.observation.set(observation)
        if tracing.recorder:
            # Any client can send a trace of its own, and thereby decide whether the request is recorded. A proxy can prevent that.
            observation.span = tracing.recorder.start_request(request.method, request.headers if settings.BEHIND_PROXY else {})
        response = get_response(request)
        finish = partial(_finish, request, response, observation, started)
        if response.streaming:
            _when_closed(response, finish)
        else:
            finish()
        return response

    return middleware


def log_fields(request: HttpRequest, status: int, observation: Observation, seconds: float) -> dict[str, Any]:
    """The ECS fields of a line: no path and no query string, which have names and what users search for."""
    fields = {
        "event.dataset": "usermgmt.requests",
        "event.outcome": "success" if status < 400 else "failure",
        "event.duration": int(seconds * NANOSECONDS),
        "http.request.method": request.method,
        "http.response.status_code": status,
        "usermgmt.view": observation.view,
        "usermgmt.elasticsearch.calls": observation.calls,
        "usermgmt.elasticsearch.duration": int(observation.seconds_of_calls * NANOSECONDS),
    }
    if address := request_context.source_address.get():
        fields["source.ip"] = address
    if observation.username:
        fields["user.name"] = observation.username
    return fields


def _when_closed(response: HttpResponseBase, finish: Callable[[], None]) -> None:
    """The server closes a download in another thread, which doesn't know the request."""
    context, close = copy_context(), response.close

    def close_and_finish() -> None:
        close()
        context.run(finish)

    response.close = close_and_finish  # type: ignore[method-assign]


def _finish(request: HttpRequest, response: HttpResponseBase, observation: Observation, started: float) -> None:
    seconds, status = perf_counter() - started, response.status_code
    match = request.resolver_match
    route = f"/{match.route}" if match else observation.view  # of the user API, which calls its views by their routes
    observation.view = observation.view or (match.view_name if match else NO_VIEW)
    metrics.REQUESTS.labels(observation.view, f"{status // 100}xx").observe(seconds)
    if settings.REQUEST_LOG:
        if user := getattr(request, "user", None):
            observation.username = user.username
        message = f"{request.method} {observation.view} {status}"
        logger.info(message, extra=log_fields(request, status, observation, seconds))
    if tracing.recorder and observation.span:
        full_route = f"{settings.BASE_PATH}{route}" if route else ""
        tracing.recorder.end_request(observation.span, request.method, observation.view, full_route, status)
