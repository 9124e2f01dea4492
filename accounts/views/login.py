"""Signing in and out."""

import json
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import known_devices
from accounts.forms.login import LoginForm
from accounts.http import AppRequest, go_to, submitted_fields
from accounts.services import audit
from accounts.services.client import can_verify_credentials
from accounts.services.errors import AuthenticationFailed, NotSetUp, OutcomeUnknown, ServiceError, Unavailable
from accounts.services.sessions import user_agents
from accounts.services.signin import operators, throttle
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
    arrived = throttle.arrival_time()
    if request.method == "GET" and _is_signed_in(request):
        return redirect(_next(request))
    form = LoginForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if problem := _sign_in(request, form):
            form.add_error(None, problem)
            if problem != INCORRECT:
                return _render(request, form, status=503)
            throttle.wait_until_slot(arrived)
            return _render(request, form)
        return _go_on(request, form.cleaned_data["username"])
    if form.has_error(NON_FIELD_ERRORS, "incorrect"):  # a name with a colon: the cluster need not be asked
        audit.record_failed_sign_in(form.data["username"], "Colon")
    return _render(request, form, notice=NOTICES.get(request.GET.get("reason", ""), ""))


def _sign_in(request: AppRequest, form: LoginForm) -> str:
    """Begin the session; "" when done, else what to tell the person."""
    username = form.cleaned_data["username"]
    browser = user_agents.describe(request.headers.get("User-Agent", ""))
    try:
        request.user = operators.sign_in(
            request.session, **form.cleaned_data, browser=browser, device=known_devices.token(request, username)
        )
    except AuthenticationFailed as exc:
        audit.record_failed_sign_in(username, type(exc).__name__)
        return INCORRECT
    except NotSetUp:
        return NOT_SET_UP
    except (Unavailable, OutcomeUnknown):
        return OUTAGE
    audit.record_sign_in(request.user.client.actor, request.session.document_id)
    return ""


def _go_on(request: AppRequest, username: str) -> HttpResponse:
    """To where the person wanted to go, with what they had typed when their session ended."""
    rotate_token(request)
    kept, to = _kept(request), _next(request)
    response = render(request, "send_again.html", {"action": to, "typed": kept}) if kept else redirect(to)
    known_devices.remember(request, response, username)
    return response


def _kept(request: AppRequest) -> list[tuple[str, str]]:
    try:
        return [(str(name), str(value)) for name, value in json.loads(request.POST.get("kept", "[]"))]
    except (ValueError, TypeError):
        return []


def _render(
    request: AppRequest, form: LoginForm, *, notice: str = "", status: int = 200, place: str = "", kept: str = ""
) -> HttpResponse:
    context = {"form": form, "notice": notice, "next": place or _next(request), "kept": kept or request.POST.get("kept", "")}
    return render(request, "login.html", context, status=status)


@require_POST
@login_not_required
def logout(request: AppRequest) -> HttpResponse:
    """End the session."""
    actor, session_id = operators.actor_of(request.session), request.session.document_id
    request.session.flush()
    if actor:
        audit.record_sign_out(actor, session_id)
    response = redirect(_login_url(reason="signed-out"))
    response.delete_cookie(settings.SESSION_COOKIE_NAME, samesite="Lax")
    return response


def ask_to_sign_in(request: AppRequest) -> HttpResponse:
    """Send a person without a session to the sign-in, and back to where they wanted to go."""
    return _interrupt(request, "ended" if settings.SESSION_COOKIE_NAME in request.COOKIES else "")


def credentials_refused(request: AppRequest, exc: AuthenticationFailed) -> HttpResponse:
    """When the cluster does not accept a session's credentials any more: end it, unless this may be an outage."""
    if not can_verify_credentials():
        return errors.service_error(request, exc)
    request.session.flush()
    request.user = None  # type: ignore[assignment]
    return _interrupt(request, "refused")


def _interrupt(request: AppRequest, reason: str) -> HttpResponse:
    """Ask for a sign-in in the middle of something; a form that was sent is kept until after it."""
    if request.method == "POST" and not request.htmx:
        notice = f"{NOTICES.get(reason, '')} What you typed is kept.".strip()
        return _render(
            request,
            LoginForm(),
            notice=notice,
            status=401,
            place=request.get_full_path(),
            kept=json.dumps(submitted_fields(request)),
        )
    return go_to(request, _login_url(next=_place(request), **({"reason": reason} if reason else {})))


def _is_signed_in(request: AppRequest) -> bool:
    try:
        return operators.from_session(request.session) is not None
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
