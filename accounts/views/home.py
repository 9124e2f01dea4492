"""The home page and the theme."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from accounts.context_processors import THEME_COOKIE, THEMES
from accounts.decorators import requires_sign_in, starts_export
from accounts.http import AppRequest, is_own_url, remember_choice


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
    # The page of an export would be another export.
    response = redirect(back if is_own_url(request, back) and not starts_export(back) else "home")
    if request.POST.get("theme") in THEMES:
        remember_choice(request, response, THEME_COOKIE, request.POST["theme"])
    return response
