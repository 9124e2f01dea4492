"""Health endpoints, for load balancers and process managers."""

from typing import Final

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from accounts.services.cluster import requirements
from accounts.services.errors import ServiceError

# What load balancers send.
METHODS: Final = ["GET", "HEAD", "OPTIONS"]


@require_http_methods(METHODS)
@login_not_required
def livez(request: HttpRequest) -> HttpResponse:
    """200 as soon as the process serves."""
    return _text("ok")


@require_http_methods(METHODS)
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if users can sign in, else 503, with the reason, or the problems with which usermgmt works in part."""
    try:
        problems = requirements.require_readiness()
    except ServiceError as exc:
        return _text(exc.problem or "Elasticsearch is unavailable", status=503)
    return _text("\n".join(["ok", *(exc.problem for exc in problems)]))


def _text(content: str, status: int = 200) -> HttpResponse:
    return HttpResponse(content, content_type="text/plain; charset=utf-8", status=status)
