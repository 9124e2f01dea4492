"""Signing in and out."""

from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.forms.login import LoginForm
from accounts.requests import AppRequest, go_to
from accounts.services import connection, operators
from accounts.services.errors import CredentialsRefused, NotSetUp, ServiceError, Unavailable
from accounts.views import errors

INCORRECT = "Username or password is incorrect. Please try again."
OUTAGE = "Elasticsearch can't be reached, or can't check passwords just now. Try again in a moment."
NOT_SET_UP = "This product is not set up for the cluster yet. An administrator can run the command: manage.py setup_cluster"
NOTICES = {
    "ended": "Your session has ended. Sign in again.",
    "refused": "Elasticsearch does not accept your sign-in any more: your password was changed, or your account was deactivated.",
    "signed-out": "You are signed out.",
}


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@login_not_required
def login(request: AppRequest) -> HttpResponse:
    """Check the credentials with the cluster, and begin a session."""
    if request.method == "GET" and _is_signed_in(request):
        return redirect(_next(request))
    form = LoginForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_valid():
        try:
            operator = operators.authenticate(**form.cleaned_data)
            operators.sign_in(request.session, operator, **form.cleaned_data)
            request.session.save()
        except CredentialsRefused:
            certain = connection.can_check_credentials()
            form.add_error(None, INCORRECT if certain else OUTAGE)
            status = 200 if certain else 503
        except (Unavailable, NotSetUp) as exc:
            form.add_error(None, NOT_SET_UP if isinstance(exc, NotSetUp) else OUTAGE)
            status = 503
        else:
            rotate_token(request)
            return redirect(_next(request))
    notice = NOTICES.get(request.GET.get("reason", ""), "")
    return render(request, "login.html", {"form": form, "next": _next(request), "notice": notice}, status=status)


@require_POST
@login_not_required
def logout(request: AppRequest) -> HttpResponse:
    """End the session."""
    request.session.flush()
    return redirect(_login_url(reason="signed-out"))


def ask_to_sign_in(request: AppRequest) -> HttpResponse:
    """Send a person without a session to the sign-in, and back to where they wanted to go."""
    had_one = settings.SESSION_COOKIE_NAME in request.COOKIES
    return go_to(request, _login_url(next=_place(request), **({"reason": "ended"} if had_one else {})))


def credentials_refused(request: AppRequest, exc: CredentialsRefused) -> HttpResponse:
    """When the cluster does not accept a session's credentials any more: end it, unless this may be an outage."""
    if not connection.can_check_credentials():
        return errors.service_error(request, exc)
    request.session.flush()
    request.user = None  # type: ignore[assignment]
    return go_to(request, _login_url(next=_place(request), reason="refused"))


def _is_signed_in(request: AppRequest) -> bool:
    try:
        return operators.of_session(request.session) is not None
    except ServiceError:
        return False


def _place(request: AppRequest) -> str:
    """The page that the person is on; a form's address would only be half of what they did."""
    if request.htmx:
        return request.htmx.current_url_abs_path or reverse("home")
    return request.get_full_path()


def _login_url(**query: str) -> str:
    return f"{reverse('login')}?{urlencode(query)}"


def _next(request: AppRequest) -> str:
    """Where to go after signing in, if it is a page of ours."""
    wanted = request.POST.get("next", request.GET.get("next", ""))
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return wanted if is_ours else reverse("home")
