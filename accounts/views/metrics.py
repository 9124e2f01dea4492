"""Metrics, for Prometheus."""

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe

from usermgmt.metrics import CONTENT_TYPE, exposition

TEXT = "text/plain; charset=utf-8"


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    """What was counted since the server started, for `Authorization: Bearer METRICS_TOKEN`. No call to Elasticsearch."""
    if not settings.METRICS_TOKEN:
        return HttpResponse("Metrics are off.", content_type=TEXT, status=HTTPStatus.NOT_FOUND)
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not constant_time_compare(token.strip(), settings.METRICS_TOKEN):
        challenge = {"WWW-Authenticate": "Bearer"}
        return HttpResponse("The token is missing or wrong.", content_type=TEXT, status=HTTPStatus.UNAUTHORIZED, headers=challenge)
    return HttpResponse(exposition(), content_type=CONTENT_TYPE)
