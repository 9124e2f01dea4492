"""Signing in and out."""

import json
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import Http404, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import MAX_URL_LENGTH
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import known_devices
from accounts.decorators import ask_to_export, starts_export
from accounts.forms.login import ApiKeyForm, LoginForm
from accounts.http import AppRequest, go_to, has_secrets, is_dialog, is_own_url, submitted_fields
from accounts.services import audit
from accounts.services.client import can_verify_credentials
from accounts.services.cluster import requirements
from accounts.services.errors import AuthenticationFailed, NotSetUp, OutcomeUnknown, ServiceError, Unavailable
from accounts.services.sessions import user_agents
from accounts.services.signin import operators, throttle
from accounts.services.signin.entered_keys import EnteredKey
from accounts.services.signin.operators import Operator
from accounts.views import errors
from usermgmt import metrics

INCORRECT = "Username or password is incorrect. Please try again."
INCORRECT_API_KEY = "API key is incorrect, expired, or revoked. Please try again."
EXPIRED = "This form has expired. Sign in again. If you see this again, your browser blocks cookies."
OUTAGE = "Elasticsearch is unavailable or can't verify {}. Try again in a moment."
LEFT_OUT: Final = ("without_passwords", "without_files")  # of a kept form
NOTICES = {
    "ended": "Your session has ended. Sign in again.",
    "refused": "Your session has ended because your password was changed or your account was deactivated. Sign in again.",
    "refused-api-key": "Your session has ended because your API key has expired or was revoked. Sign in again.",
    "signed-out": "You're signed out.",
}


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
@login_not_required
def login(request: AppRequest) -> HttpResponse:
    """Verify the credentials with the cluster, and start a session.

    A POST without a username comes from the page for API keys, with the form that it keeps.
    """
    arrived = throttle.arrival_time()
    if request.method == "GET" and _signed_in(request):
        return redirect(_next(request))
    form = LoginForm(request.POST if "username" in request.POST else None)
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
        throttle.wait_until_slot(arrived)
    return _render(request, form, notice=_notice(request))


@sensitive_post_parameters("api_key")
@require_http_methods(["GET", "POST"])
@login_not_required
def login_with_api_key(request: AppRequest) -> HttpResponse:
    """The same with an API key. Raises Http404 unless an administrator has turned it on."""
    if not settings.API_KEY_SIGN_IN:
        raise Http404("API_KEY_SIGN_IN")
    arrived = throttle.arrival_time()
    if request.method == "GET" and _signed_in(request):
        return redirect(_next(request))
    form = ApiKeyForm(request.POST if "api_key" in request.POST else None)
    if not form.is_valid():
        return _render(request, form, notice=_notice(request))
    problem = _sign_in_with_api_key(request, form)
    if not problem:
        return _continue(request)
    form.add_error(None, problem)
    if problem != INCORRECT_API_KEY:
        return _render(request, form, status=503)
    throttle.wait_until_slot(arrived)
    return _render(request, form)


def _sign_in(request: AppRequest, form: LoginForm) -> str:
    """Start the session; returns "" or the error message."""
    username = form.cleaned_data["username"]
    try:
        return _start_session(
            request,
            lambda browser: operators.sign_in(
                request.session, **form.cleaned_data, browser=browser, device=known_devices.token(request, username)
            ),
            OUTAGE.format("passwords"),
        )
    except AuthenticationFailed as exc:
        metrics.SIGN_INS.labels(exc.code).inc()
        audit.record_failed_sign_in(username, exc.code)
        return INCORRECT


def _sign_in_with_api_key(request: AppRequest, form: ApiKeyForm) -> str:
    """Start the session; returns "" or the error message."""
    entered = form.cleaned_data["api_key"]
    try:
        return _start_session(
            request,
            lambda browser: operators.sign_in_with_api_key(request.session, entered, browser=browser),
            OUTAGE.format("API keys"),
        )
    except AuthenticationFailed:
        key = EnteredKey.read(entered)
        metrics.SIGN_INS.labels(audit.INCORRECT_API_KEY).inc()
        audit.record_failed_api_key(entered, key.id if key else "")
        return INCORRECT_API_KEY


def _start_session(request: AppRequest, start: Callable[[str], Operator], outage: str) -> str:
    """Returns "" or the error message. `start` takes the browser. Raises AuthenticationFailed."""
    try:
        request.user = start(user_agents.describe(request.headers.get("User-Agent", "")))
    except (NotSetUp, Unavailable, OutcomeUnknown) as exc:
        metrics.SIGN_INS.labels(exc.code).inc()
        return f"{errors.NOT_SET_UP}. {exc.problem}" if exc.problem else outage
    metrics.SIGN_INS.labels("success").inc()
    audit.record_sign_in(request.user.client.actor, request.session.document_id)
    return ""


def _continue(request: AppRequest, username: str = "") -> HttpResponse:
    """Go to the requested page, with the form that was submitted when the session ended. `username`: if it has a password."""
    rotate_token(request)
    response = _resume(request)
    if username:
        known_devices.remember(request, response, username)
    return response


def _resume(request: AppRequest) -> HttpResponse:
    pending, to = _pending_form(request), _next(request)
    if pending is None:
        return ask_to_export(request, to) if starts_export(to) else redirect(to)
    left_out = {name: name in request.POST for name in LEFT_OUT}
    context = {"action": to, "typed": pending, **left_out}
    return render(request, "send_again.html", context)


def _pending_form(request: AppRequest) -> list[tuple[str, str]] | None:
    """The fields of the form that was submitted when the session ended; some forms have none."""
    try:
        fields = json.loads(request.POST.get("pending_form", "null"))
        return [(str(name), str(value)) for name, value in fields] if isinstance(fields, list) else None
    except (ValueError, TypeError, RecursionError):
        return None


def _notice(request: AppRequest) -> str:
    return NOTICES.get(request.GET.get("reason", ""), "")


def _render(
    request: AppRequest,
    form: LoginForm | ApiKeyForm,
    *,
    notice: str = "",
    status: int = 200,
    page: str = "",
    pending_form: str = "",
    left_out: Mapping[str, bool] | None = None,
) -> HttpResponse:
    context = {
        "form": form,
        "notice": notice,
        "next": page or _next(request),
        "pending_form": pending_form or request.POST.get("pending_form", ""),
        **(left_out or {name: name in request.POST for name in LEFT_OUT}),
        "accepts_api_keys": settings.API_KEY_SIGN_IN,
    }
    template = "login_with_api_key.html" if isinstance(form, ApiKeyForm) else "login.html"
    return render(request, template, context, status=status)


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
    reason = "refused-api-key" if operators.uses_api_key(request.session) else "refused"
    request.session.flush()
    request.user = None  # type: ignore[assignment]
    return _require_sign_in(request, reason)


def offer_again(request: AppRequest) -> HttpResponse:
    """Offer a form of a page that was opened before a sign-in in another tab."""
    context = {"action": request.get_full_path(), "typed": submitted_fields(request), "is_expired": True, **_left_out(request)}
    return render(request, "send_again.html", context, status=403)


def form_expired(request: AppRequest) -> HttpResponse:
    """A sign-in form without a valid token: go on if the user has signed in in another tab, or show it again."""
    if operator := _signed_in(request):
        request.user = operator
        return _resume(request)
    is_of_api_key = settings.API_KEY_SIGN_IN and request.path == reverse("login_with_api_key")
    form = ApiKeyForm() if is_of_api_key else LoginForm(initial={"username": request.POST.get("username", "")})
    return _render(request, form, notice=EXPIRED, status=403)


def _require_sign_in(request: AppRequest, reason: str) -> HttpResponse:
    """Redirect to the sign-in page; a submitted form is stored in it and can be resubmitted afterwards.

    The sign-in page doesn't fit into a part of a page. There, a button sends the form once more, to the sign-in page.
    """
    kept = "Your form is kept, but not its files." if request.FILES else "Your form is kept."
    notice = f"{NOTICES.get(reason, '')} {kept}".strip()
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
            left_out=_left_out(request),
        )
    return go_to(request, _login_url(next=_current_page(request), **({"reason": reason} if reason else {})))


def _left_out(request: AppRequest) -> dict[str, bool]:
    """Which of LEFT_OUT the submitted form has."""
    return {"without_passwords": has_secrets(request), "without_files": bool(request.FILES)}


def _signed_in(request: AppRequest) -> Operator | None:
    try:
        return operators.from_session(request.session)
    except ServiceError:
        return None


def _current_page(request: AppRequest) -> str:
    """The page in the browser, unless its URL is too long to go back to. The URL of an htmx request is only a part of it.

    That of a dialog is a page, too, and has what was selected for it.
    """
    is_part = request.htmx and not is_dialog(request)
    page = request.htmx.current_url_abs_path if is_part else request.get_full_path()
    return page if page and len(page) <= MAX_URL_LENGTH else reverse("home")


def _login_url(**query: str) -> str:
    return f"{reverse('login')}?{urlencode(query)}"


def _next(request: AppRequest) -> str:
    """The page after the sign-in, only of usermgmt."""
    wanted = request.POST.get("next", request.GET.get("next", ""))
    return wanted if is_own_url(request, wanted) else reverse("home")
