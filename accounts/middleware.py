"""Around every view: the request's id, the headers of a page, the session, who is signed in, and service errors as pages."""

import ipaddress
import uuid
from collections.abc import Callable, Mapping
from contextvars import copy_context
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.sessions import middleware
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from accounts.decorators import declares_access, renews_session
from accounts.http import AppRequest
from accounts.services import audit, request_context
from accounts.services.errors import AccessDenied, AuthenticationFailed, ServiceError
from accounts.services.signin import operators
from accounts.views import errors, login
from usermgmt.logging import request_id as current_request_id

NO_OUTCOME = "The change was applied, but its outcome couldn't be written to the audit trail. The event is shown as “Unknown”."
UNDECLARED = "This page doesn't declare who can open it, so it is closed. This is a bug: report it."

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def request_id(get_response: GetResponse) -> GetResponse:
    """Give the request an id of our own making, for log lines, the cluster's logs, the audit trail and the error page.

    The audit trail is told the source address too, and the session's hash once there is one. All of them end with the request:
    the next one may be answered by the same thread.
    """

    def of_this_request(request: HttpRequest) -> HttpResponseBase:
        current_request_id.set(uuid.uuid4().hex)
        request_context.source_address.set(source_address(request.META, behind_proxy=settings.BEHIND_PROXY))
        request_context.session_id.set("")
        request_context.missing_outcomes.set([])
        response = get_response(request)
        response["X-Request-ID"] = current_request_id.get()
        return response

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return copy_context().run(of_this_request, request)

    return middleware


def source_address(meta: Mapping[str, str], *, behind_proxy: bool) -> str:
    """The address that the request came from; "" when there is none.

    A proxy in front adds the address that it sees at the end of X-Forwarded-For. What stands before it, and all of it without
    a proxy, is whatever the sender likes to claim.
    """
    claimed = meta.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip() if behind_proxy else ""
    try:
        return str(ipaddress.ip_address(claimed or meta.get("REMOTE_ADDR", "")))
    except ValueError:
        return ""


def page_headers(get_response: GetResponse) -> GetResponse:
    """What a browser may do with a page: load only from here, and store nothing, for pages hold personal data.

    Static files are answered before this.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response["Cache-Control"] = "no-store"
        response["Content-Security-Policy"] = settings.CONTENT_SECURITY_POLICY
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response

    return middleware


def bounded(get_response: GetResponse) -> GetResponse:
    """Refuse a request that is larger than two exports, before anything reads it into a file."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        length = str(request.META.get("CONTENT_LENGTH") or "")
        if length.isdecimal() and int(length) > settings.LARGEST_REQUEST:
            return errors.too_large(request)
        return get_response(request)

    return middleware


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, with a page where the session cannot be written, and without the end of a cookie that a view did not end.

    A request that began with an older cookie may be answered after another one has brought a newer: the browser would lose that.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save a session that was changed; say so when Elasticsearch does not take it."""
        is_ended_by_view = settings.SESSION_COOKIE_NAME in response.cookies
        try:
            response = super().process_response(request, response)
        except ServiceError as exc:
            return errors.service_error(request, exc)
        if not is_ended_by_view and not request.session.session_key:
            response.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return response


def csrf_cookie_once(get_response: GetResponse) -> GetResponse:
    """Keep Django from sending the CSRF cookie with each form: a browser has it until it is closed, so nothing is to be renewed."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.COOKIES.get(settings.CSRF_COOKIE_NAME) == request.META.get("CSRF_COOKIE"):
            request.META["CSRF_COOKIE_NEEDS_UPDATE"] = False
        return response

    return middleware


class OperatorMiddleware:
    """Puts the signed-in operator on `request.user` (None: nobody), and asks for a sign-in unless a view opts out."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Nobody is signed in until a view asks for it."""
        request.user = None  # type: ignore[assignment]
        response = self._unless_refused(request, self.get_response(request))
        if request_context.missing_outcomes.get():
            messages.warning(request, NO_OUTCOME)
        return response

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse | None:
        """Load the operator for a view that needs one; django.contrib.auth's `login_not_required` marks those that do not.

        A view that doesn't declare who can open it is closed to everybody.
        """
        if not declares_access(view):
            raise PermissionDenied(UNDECLARED)
        if not getattr(view, "login_required", True):
            return None
        try:
            request.user = operators.from_session(request.session, renews=renews_session(request, view))  # type: ignore[arg-type, assignment]
        except ServiceError as exc:
            return self.process_exception(request, exc)
        if request.session.session_key:
            request_context.session_id.set(request.session.document_id)  # type: ignore[attr-defined]
        return None if request.user else login.ask_to_sign_in(request)  # type: ignore[arg-type]

    def _unless_refused(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """A page for which nothing was asked in the person's name may belong to somebody who was deactivated since."""
        if request.user is None:
            return response
        try:
            operators.require_valid_credentials(request.user)  # type: ignore[arg-type]
        except ServiceError as exc:
            return self.process_exception(request, exc) or response
        return response

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        """A service error that no view has an answer for becomes its page; a refusal is noted in the trail."""
        if isinstance(exc, PermissionDenied | AccessDenied) and request.user and not getattr(exc, "is_recorded", False):
            _note_refusal(request, exc)  # type: ignore[arg-type]
        if isinstance(exc, AuthenticationFailed):
            return login.credentials_refused(request, exc)  # type: ignore[arg-type]
        if isinstance(exc, ServiceError):
            return errors.service_error(request, exc)
        return None


def _note_refusal(request: AppRequest, exc: PermissionDenied | AccessDenied) -> None:
    """By our own rules in our own words; the cluster's words name the privilege and repeat the whole call."""
    reason = str(exc) if isinstance(exc, PermissionDenied) else exc.code
    audit.record_access_denied(request.user.client.actor, *errors.page_and_target(request), reason)
