"""Health endpoints, for load balancers and process managers."""

from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.services.client import can_verify_credentials

# What load balancers send.
METHODS: Final = ["GET", "HEAD", "OPTIONS"]


@require_http_methods(METHODS)
@login_not_required
def livez(request: HttpRequest) -> HttpResponse:
    """200 as soon as the process serves."""
    return HttpResponse("ok", content_type="text/plain")


@require_http_methods(METHODS)
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if Elasticsearch accepts the API key of usermgmt and can read its users, else 503."""
    ready = can_verify_credentials()
    return HttpResponse("ok" if ready else "Elasticsearch is unavailable", content_type="text/plain", status=200 if ready else 503)
