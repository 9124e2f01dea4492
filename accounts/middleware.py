"""Around every view: the request's id, no caching, the session, who is signed in, and service errors as pages."""

import uuid
from collections.abc import Callable
from typing import Any

from django.contrib.sessions import middleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from accounts.services import operators, origin
from accounts.services.errors import CredentialsRefused, ServiceError
from accounts.views import errors, login
from usermgmt.logging import request_id as current_request_id

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def request_id(get_response: GetResponse) -> GetResponse:
    """Give the request an id of our own making, for log lines, the cluster's logs and the error page."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        token = current_request_id.set(uuid.uuid4().hex)
        try:
            origin.source_address.set(request.META.get("REMOTE_ADDR", ""))
            response = get_response(request)
            response["X-Request-ID"] = current_request_id.get()
            return response
        finally:
            current_request_id.reset(token)

    return middleware


def never_cache_pages(get_response: GetResponse) -> GetResponse:
    """Pages hold personal data and belong to one person: nobody stores them. Static files are answered before this."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response["Cache-Control"] = "no-store"
        response["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        patch_vary_headers(response, ["HX-Request", "Cookie"])
        return response

    return middleware


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, with a page where the session cannot be written."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save a session that was changed; say so when Elasticsearch does not take it."""
        try:
            return super().process_response(request, response)
        except ServiceError as exc:
            return errors.service_error(request, exc)


class OperatorMiddleware:
    """Puts the signed-in operator on `request.user` (None: nobody), and asks for a sign-in unless a view opts out."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Nobody is signed in until a view asks for it."""
        request.user = None  # type: ignore[assignment]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> HttpResponse | None:
        """Load the operator for a view that needs one; django.contrib.auth's `login_not_required` marks those that do not."""
        if not getattr(view, "login_required", True):
            return None
        try:
            request.user = operators.of_session(request.session)  # type: ignore[arg-type, assignment]
        except ServiceError as exc:
            return self.process_exception(request, exc)
        return None if request.user else login.ask_to_sign_in(request)  # type: ignore[arg-type]

    def process_exception(self, request: HttpRequest, exc: Exception) -> HttpResponse | None:
        """A service error that no view has an answer for becomes its page."""
        if isinstance(exc, CredentialsRefused):
            return login.credentials_refused(request, exc)  # type: ignore[arg-type]
        if isinstance(exc, ServiceError):
            return errors.service_error(request, exc)
        return None
