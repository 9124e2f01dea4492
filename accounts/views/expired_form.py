"""A form whose token isn't valid: one of this site is kept and offered again, one of another site is rejected."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from accounts.http import AppRequest
from accounts.services import audit, request_context
from accounts.services.errors import AuthenticationFailed, ServiceError
from accounts.services.signin import operators
from accounts.views import errors, login


def csrf_failure(request: AppRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW.

    The page of a kept form was opened before a sign-in in another tab, or the browser has lost its cookies.
    """
    actor = _actor(request)
    if actor:  # requests of users who aren't signed in would let anyone fill the audit trail
        audit.record_access_denied(actor, *errors.page_and_target(request), "invalid_form_token")
    if errors.is_unknown_origin(request, reason):
        return errors.unknown_origin(request)
    if not _is_from_this_site(request, reason):
        return render(request, "403_csrf.html", status=403)
    if request.path in (reverse("login"), reverse("login_with_api_key")):
        return login.form_expired(request)
    return _kept(request)


def _is_from_this_site(request: HttpRequest, reason: str) -> bool:
    """Django compares the origin, if the browser sends it, before the token. Another site's form must not be offered."""
    return "Origin" in request.headers and not errors.has_other_origin(reason)


def _kept(request: AppRequest) -> HttpResponse:
    try:
        operator = operators.from_session(request.session)
    except AuthenticationFailed as exc:
        return login.credentials_rejected(request, exc)
    except ServiceError as exc:
        return errors.service_error(request, exc)
    if operator is None:
        return login.ask_to_sign_in(request)
    request.user = operator
    return login.offer_again(request)


def _actor(request: HttpRequest) -> request_context.Actor | None:
    try:
        return operators.actor_of(request.session)
    except ServiceError:
        return None
