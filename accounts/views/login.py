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
from django.utils.http import MAX_URL_LENGTH
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import known_devices
from accounts.forms.login import LoginForm
from accounts.http import AppRequest, go_to, is_own_url, submitted_fields
from accounts.services import audit
from accounts.services.client import can_verify_credentials
from accounts.services.cluster import requirements
from accounts.services.errors import AuthenticationFailed, NotSetUp, OutcomeUnknown, ServiceError, Unavailable
from accounts.services.sessions import user_agents
from accounts.services.signin import operators, throttle
from accounts.services.signin.operators import Operator
from accounts.views import errors
from usermgmt import metrics

INCORRECT = "Username or password is incorrect. Please try again."
EXPIRED = "This form has expired. Sign in again. If you see this again, your browser blocks cookies."
OUTAGE = "Elasticsearch is unavailable or can't verify passwords. Try again in a moment."
NOTICES = {
    "ended": "Your session has ended. Sign in again.",
    "refused": "Your session has ended because your password was changed or your account was deactivated. Sign in again.",
    "signed-out": "You're signed out.",
}


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@login_not_required
def login(request: AppRequest) -> HttpResponse:
    """Verify the credentials with the cluster, and start a session."""
    arrived = throttle.arrival_time()
    if request.method == "GET" and _signed_in(request):
        return redirect(_next(request))
    form = LoginForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if problem := _sign_in(request, form):
            form.add_error(None, problem)
            if problem != INCORRECT:
                return _render(request, form, status=503)
            form.add_error(None, requirements.native_realm_problem() or [])
            throttle.wait_until_slot(arrived)
            return _render(request, form)
        return _continue(request, form.cleaned_data["username"])
    if form.has_error(NON_FIELD_ERRORS, "incorrect"):  # a username with a colon can't exist
        metrics.SIGN_INS.labels("username_with_colon").inc()
        audit.record_failed_sign_in(form.cleaned_data["username"], "username_with_colon")
    return _render(request, form, notice=NOTICES.get(request.GET.get("reason", ""), ""))


def _sign_in(request: AppRequest, form: LoginForm) -> str:
    """Start the session; returns "" or the error message."""
    username = form.cleaned_data["username"]
    browser = user_agents.describe(request.headers.get("User-Agent", ""))
    try:
        request.user = operators.sign_in(
            request.session, **form.cleaned_data, browser=browser, device=known_devices.token(request, username)
        )
    except AuthenticationFailed as exc:
        metrics.SIGN_INS.labels(exc.code).inc()
        audit.record_failed_sign_in(username, exc.code)
        return INCORRECT
    except (NotSetUp, Unavailable, OutcomeUnknown) as exc:
        metrics.SIGN_INS.labels(exc.code).inc()
        return f"{errors.NOT_SET_UP}. {exc.problem}" if exc.problem else OUTAGE
    metrics.SIGN_INS.labels("success").inc()
    audit.record_sign_in(request.user.client.actor, request.session.document_id)
    return ""


def _continue(request: AppRequest, username: str) -> HttpResponse:
    """Go to the requested page, with the form that was submitted when the session ended."""
    rotate_token(request)
    response = _resume(request)
    known_devices.remember(request, response, username)
    return response


def _resume(request: AppRequest) -> HttpResponse:
    pending, to = _pending_form(request), _next(request)
    return render(request, "send_again.html", {"action": to, "typed": pending}) if pending else redirect(to)


def _pending_form(request: AppRequest) -> list[tuple[str, str]]:
    try:
        return [(str(name), str(value)) for name, value in json.loads(request.POST.get("pending_form", "[]"))]
    except (ValueError, TypeError):
        return []


def _render(
    request: AppRequest, form: LoginForm, *, notice: str = "", status: int = 200, page: str = "", pending_form: str = ""
) -> HttpResponse:
    context: dict[str, object] = {"form": form, "notice": notice, "next": page or _next(request)}
    context["pending_form"] = pending_form or request.POST.get("pending_form", "")
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
    """Redirect a request without a session to the sign-in page, and back afterwards."""
    return _require_sign_in(request, "ended" if settings.SESSION_COOKIE_NAME in request.COOKIES else "")


def credentials_rejected(request: AppRequest, exc: AuthenticationFailed) -> HttpResponse:
    """End a session whose credentials the cluster rejects, unless that may be caused by an outage."""
    if not can_verify_credentials():
        return errors.service_error(request, exc)
    request.session.flush()
    request.user = None  # type: ignore[assignment]
    return _require_sign_in(request, "refused")


def offer_again(request: AppRequest) -> HttpResponse:
    """Offer a form of a page that was opened before a sign-in in another tab."""
    context = {"action": request.get_full_path(), "typed": submitted_fields(request), "is_expired": True}
    return render(request, "send_again.html", context, status=403)


def form_expired(request: AppRequest) -> HttpResponse:
    """A sign-in form without a valid token: go on if the user has signed in in another tab, or show it again."""
    if operator := _signed_in(request):
        request.user = operator
        return _resume(request)
    form = LoginForm(initial={"username": request.POST.get("username", "")})
    return _render(request, form, notice=EXPIRED, status=403)


def _require_sign_in(request: AppRequest, reason: str) -> HttpResponse:
    """Redirect to the sign-in page; a submitted form is stored in it and can be resubmitted afterwards.

    The sign-in page doesn't fit into a part of a page. There, a button sends the form once more, to the sign-in page.
    """
    notice = f"{NOTICES.get(reason, '')} Your form is kept.".strip()
    if request.method == "POST" and request.htmx:
        context = {"action": request.get_full_path(), "typed": submitted_fields(request), "notice": notice}
        return render(request, "sign_in_again.html", context, status=401)
    if request.method == "POST":
        return _render(
            request,
            LoginForm(),
            notice=notice,
            status=401,
            page=request.get_full_path(),
            pending_form=json.dumps(submitted_fields(request)),
        )
    return go_to(request, _login_url(next=_current_page(request), **({"reason": reason} if reason else {})))


def _signed_in(request: AppRequest) -> Operator | None:
    try:
        return operators.from_session(request.session)
    except ServiceError:
        return None


def _current_page(request: AppRequest) -> str:
    """The page in the browser, unless its URL is too long to go back to. The URL of an htmx request is only a part of it."""
    page = request.htmx.current_url_abs_path if request.htmx else request.get_full_path()
    return page if page and len(page) <= MAX_URL_LENGTH else reverse("home")


def _login_url(**query: str) -> str:
    return f"{reverse('login')}?{urlencode(query)}"


def _next(request: AppRequest) -> str:
    """The page after the sign-in, only of usermgmt."""
    wanted = request.POST.get("next", request.GET.get("next", ""))
    return wanted if is_own_url(request, wanted) else reverse("home")
