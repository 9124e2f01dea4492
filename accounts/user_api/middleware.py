"""Requests of programs leave the way of the pages before session, cookies, and CSRF are looked at."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from accounts.user_api import responses, views

PREFIX: Final = "_"
HEALTH: Final = ("/livez", "/readyz")


def user_api(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Answer the paths of Elasticsearch, and `/` for programs, unless USER_API is off; with USER_API=only, there are no pages."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        # Programs that join a URL and a path may send two slashes, and expect JSON nevertheless.
        is_path_of_api = request.path_info.lstrip("/").startswith(PREFIX)
        if settings.USER_API != "off" and (is_path_of_api or _is_root_of_api(request)):
            return _completed(views.respond(request))
        if settings.USER_API == "only" and request.path_info not in HEALTH:
            return responses.text_error(HTTPStatus.NOT_FOUND, views.USERS_ONLY)
        return get_response(request)

    return middleware


def _is_root_of_api(request: HttpRequest) -> bool:
    """Whether a program asks for the cluster's version: it sends credentials, and a browser wants a page."""
    is_program = "HTTP_AUTHORIZATION" in request.META and "text/html" not in request.META.get("HTTP_ACCEPT", "")
    return not request.path_info.strip("/") and is_program


def _completed(response: HttpResponse) -> HttpResponse:
    """With what other middleware does for pages, which have the same origin."""
    response["Content-Length"] = str(len(response.content))
    response["X-Content-Type-Options"] = "nosniff"
    # Django would log the path, which has the username.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
