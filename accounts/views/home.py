"""The home page, the theme, and the health endpoints."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from accounts.context_processors import THEME_COOKIE, THEMES
from accounts.decorators import requires_sign_in
from accounts.http import AppRequest, remember_choice
from accounts.services.client import can_verify_credentials


@require_GET
@requires_sign_in
def home(request: AppRequest) -> HttpResponse:
    """Redirect to the user list, or to the operator's own account if they can't view users."""
    return redirect("users" if request.user.can_read else "account")


@require_POST
@login_not_required
def theme(request: HttpRequest) -> HttpResponse:
    """Store the theme in a cookie, and redirect back."""
    back = request.POST.get("next", "")
    response = redirect(back if url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}) else "home")
    if request.POST.get("theme") in THEMES:
        remember_choice(request, response, THEME_COOKIE, request.POST["theme"])
    return response


@require_GET
@login_not_required
def livez(request: HttpRequest) -> HttpResponse:
    """200 as soon as the process serves."""
    return HttpResponse("ok", content_type="text/plain")


@require_GET
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """200 if Elasticsearch accepts the API key of usermgmt and can read its users, else 503."""
    ready = can_verify_credentials()
    return HttpResponse("ok" if ready else "Elasticsearch is unavailable", content_type="text/plain", status=200 if ready else 503)
