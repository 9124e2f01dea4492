"""Request ID, response headers, session, signed-in operator, and error pages for service errors."""

import secrets
from collections.abc import Callable
from contextvars import copy_context
from datetime import UTC
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.contrib import messages
from django.contrib.sessions import middleware
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponsePermanentRedirect
from django.http.response import HttpResponseBase
from django.middleware import security
from django.urls import resolve
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts import proxies
from accounts.decorators import declares_access, renews_session
from accounts.http import AppRequest
from accounts.services import audit, request_context
from accounts.services.errors import AccessDenied, AuthenticationFailed, ServiceError
from accounts.services.signin import operators
from accounts.source_address import source_address
from accounts.views import errors, login
from usermgmt.logging import request_id as current_request_id

NO_OUTCOME = "The outcome of the change couldn't be written to the audit trail. The event is shown as “Unknown”."
UNDECLARED = "This page doesn't declare who can open it, so it is closed. This is a bug: report it."

TIME_ZONE_COOKIE: Final = "usermgmt_time_zone"

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def request_id(get_response: GetResponse) -> GetResponse:
    """Generate the request ID for log lines, the cluster's logs, the audit trail, and the error page.

    Also sets the source address and the session hash of audit events. All of them are reset with each request, because
    threads are reused.
    """

    def in_context(request: HttpRequest) -> HttpResponseBase:
        current_request_id.set(secrets.token_hex(16))  # all of it random, as samplers of traces expect
        request_context.source_address.set(source_address(request.META, behind_proxy=settings.BEHIND_PROXY))
        request_context.session_id.set("")
        request_context.missing_outcomes.set([])
        response = get_response(request)
        response["X-Request-ID"] = current_request_id.get()
        return response

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return copy_context().run(in_context, request)

    return middleware


def reader_time_zone(get_response: GetResponse) -> GetResponse:
    """Pages and date filters use the time zone of the browser, which its script stores in a cookie; without it, UTC.

    Files, the audit trail, and commands use UTC.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        name = request.COOKIES.get(TIME_ZONE_COOKIE, "")
        with timezone.override(ZoneInfo(name) if name in _time_zones() else UTC):
            return get_response(request)

    return middleware


@cache
def _time_zones() -> set[str]:
    return available_timezones()


def health_checks(get_response: GetResponse) -> GetResponse:
    """Answer `/livez`, `/readyz`, and `/metrics` before the Host header is checked: clients send the address of the machine.

    `OPTIONS *` asks about the server, not about a page, and is answered like `/livez`.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        is_ping = (request.method, request.path_info) == ("OPTIONS", "*")
        path = "/livez" if is_ping else request.path_info
        if path in ("/livez", "/readyz", "/metrics"):
            response: HttpResponse = resolve(path).func(request)
            response["Content-Length"] = str(len(response.content))  # otherwise set by CommonMiddleware
            return response
        return get_response(request)

    return middleware


def cookie_path(get_response: GetResponse) -> GetResponse:
    """Restrict all cookies to BASE_PATH: other applications on this host don't receive them, and have the same names."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for cookie in response.cookies.values():
            cookie["path"] = settings.BASE_PATH or "/"
        return response

    return middleware


def page_headers(get_response: GetResponse) -> GetResponse:
    """Restrict pages to same-origin resources, and forbid caching because they contain personal data.

    Static files are served before this middleware.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response["Cache-Control"] = "no-store"
        response["Content-Security-Policy"] = settings.CONTENT_SECURITY_POLICY
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response

    return middleware


class SecurityMiddleware(security.SecurityMiddleware):
    """Django's, without a redirect to HTTPS that would lead back to itself: `proxy_is_configured` answers the request."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        """Set `request.proxy_mismatch`, or redirect to HTTPS if the request was sent without."""
        request.proxy_mismatch = ""  # type: ignore[attr-defined]
        redirect = super().process_request(request)
        if not redirect:
            return None
        if reason := proxies.mismatch(request.META, was_redirected=proxies.HTTPS_COOKIE in request.COOKIES):
            request.proxy_mismatch = reason  # type: ignore[attr-defined]
            return None
        # A browser that stored the redirect would repeat it even when the proxy is configured.
        redirect["Cache-Control"] = "no-store"
        redirect.set_cookie(proxies.HTTPS_COOKIE, max_age=proxies.HTTPS_COOKIE_SECONDS, secure=True, httponly=True, samesite="Lax")
        return redirect


def proxy_is_configured(get_response: GetResponse) -> GetResponse:
    """Answer a request of a proxy that the settings don't match with a page. Its static files are served before."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        reason: str = request.proxy_mismatch  # type: ignore[attr-defined]
        return errors.proxy_mismatch(request, reason) if reason else get_response(request)

    return middleware


def bounded(get_response: GetResponse) -> GetResponse:
    """Reject a request that is larger than two exports, before anything reads it into a file."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        length = str(request.META.get("CONTENT_LENGTH") or "")
        if length.isdecimal() and int(length) > settings.LARGEST_REQUEST:
            return errors.too_large(request)
        return get_response(request)

    return middleware


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, with an error page if the session can't be saved, and without deleting a cookie that the view didn't delete.

    A slow request with an old cookie may end after another one has set a new cookie. Django would delete the new one.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save a changed session; a service error becomes its page."""
        is_ended_by_view = settings.SESSION_COOKIE_NAME in response.cookies
        try:
            response = super().process_response(request, response)
        except ServiceError as exc:
            return errors.service_error(request, exc)
        if not is_ended_by_view and not request.session.session_key:
            response.cookies.pop(settings.SESSION_COOKIE_NAME, None)
        return response


def csrf_cookie_once(get_response: GetResponse) -> GetResponse:
    """Send the CSRF cookie only if the browser doesn't have it.

    Otherwise, a response that arrives late would replace the token of a sign-in in the meantime.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.COOKIES.get(settings.CSRF_COOKIE_NAME) == request.META.get("CSRF_COOKIE"):
            request.META["CSRF_COOKIE_NEEDS_UPDATE"] = False
        return response

    return middleware


class OperatorMiddleware:
    """Sets `request.user` to the signed-in operator or None, and requires a sign-in unless the view opts out."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.user = None  # type: ignore[assignment]
        response = _with_page(request, self._revalidated(request, self.get_response(request)))
        if request_context.missing_outcomes.get():
            messages.warning(request, NO_OUTCOME)
        return response

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse | None:
        """Load the operator, except for views with django.contrib.auth's `login_not_required`.

        Raises PermissionDenied for a view that doesn't declare who can open it.
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

    def _revalidated(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Verify the credentials if the view made no request with them: the user may have been deactivated since the sign-in."""
        if request.user is None:
            return response
        try:
            operators.require_valid_credentials(request.user)  # type: ignore[arg-type]
        except ServiceError as exc:
            return self.process_exception(request, exc) or response
        return response

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        """Turn a service error that no view handles into its page; record denied access in the audit trail."""
        if isinstance(exc, PermissionDenied | AccessDenied) and request.user and not getattr(exc, "is_recorded", False):
            _record_access_denied(request, exc)  # type: ignore[arg-type]
        if isinstance(exc, AuthenticationFailed):
            return login.credentials_rejected(request, exc)  # type: ignore[arg-type]
        if isinstance(exc, ServiceError):
            return errors.service_error(request, exc)
        return None


def _with_page(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Give the empty response to a method that isn't allowed a page."""
    return errors.method_not_allowed(request, response) if isinstance(response, HttpResponseNotAllowed) else response


def _record_access_denied(request: AppRequest, exc: PermissionDenied | AccessDenied) -> None:
    """The reason is the policy's message or an error code: the cluster's message repeats the whole request."""
    reason = str(exc) if isinstance(exc, PermissionDenied) else exc.code
    audit.record_access_denied(request.user.client.actor, *errors.page_and_target(request), reason)
