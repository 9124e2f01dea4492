"""Metrics, for Prometheus."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from accounts.services import errors, sessions
from usermgmt.metrics import CONTENT_TYPE, exposition

TEXT = "text/plain; charset=utf-8"
# Prometheus waits 10 seconds by default, and needs the other metrics most while Elasticsearch doesn't answer.
SECONDS_FOR_SESSIONS: Final = 2
_reader = ThreadPoolExecutor(1)


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """What was counted since the server started, for `Authorization: Bearer METRICS_TOKEN`, and the active sessions (one call)."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Metrics are off.", content_type=TEXT, status=HTTPStatus.NOT_FOUND)
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        challenge = {"WWW-Authenticate": "Bearer"}
        return HttpResponse("The token is missing or wrong.", content_type=TEXT, status=HTTPStatus.UNAUTHORIZED, headers=challenge)
    return HttpResponse(exposition(_number_of_sessions()), content_type=CONTENT_TYPE)


def _number_of_sessions() -> int | None:
    reading = _reader.submit(sessions.number_of_active)
    try:
        return reading.result(SECONDS_FOR_SESSIONS)
    except (errors.ServiceError, NotInTime):
        reading.cancel()  # if it still waits for the one before it; otherwise they would add up
        return None
