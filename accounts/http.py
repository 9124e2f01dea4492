"""Request types, and helpers for fragments, dialogs, and redirects."""

import posixpath
from typing import Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.services.sessions import SessionStore
from accounts.services.signin.operators import Operator

YEAR_SECONDS = 365 * 24 * 60 * 60
# The WSGI name: `request.headers` would build a mapping of all headers first.
HTMX: Final = "HTTP_HX_REQUEST"


class AppRequest(HttpRequest):
    """A request as the middleware passes it to a view that requires a signed-in operator."""

    htmx: HtmxDetails
    session: SessionStore
    user: Operator  # type: ignore[assignment]


def submitted_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form that wasn't processed, to be submitted again: all but passwords."""
    fields = [(name, values) for name, values in request.POST.lists() if "password" not in name and name != "csrfmiddlewaretoken"]
    return [(name, str(value)) for name, values in fields for value in values]


def is_own_url(request: HttpRequest, url: str) -> bool:
    """Whether the URL, as browsers read it, is on this host and below BASE_PATH."""
    if not url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return False
    path = posixpath.normpath(unquote(urlsplit(url.replace("\\", "/")).path))
    return f"{path}/".startswith(f"{settings.BASE_PATH}/")


def wants_fragment(request: AppRequest, target: str) -> bool:
    """Whether htmx requests the part of the page with this ID. Going back in the browser's history needs the whole page."""
    return request.META.get(HTMX) == "true" and request.htmx.target == target and not request.htmx.history_restore_request


def is_dialog(request: AppRequest) -> bool:
    """Whether the response goes into the page's `<dialog>`."""
    return wants_fragment(request, "dialog-content")


def remember_choice(request: HttpRequest, response: HttpResponse, cookie: str, value: str) -> None:
    """Store a choice of the user for a year, in this browser."""
    response.set_cookie(cookie, value, max_age=YEAR_SECONDS, samesite="Lax", httponly=True, secure=request.is_secure())


def go_to(request: AppRequest, url: str) -> HttpResponse:
    """Redirect to a page after a change, from a dialog as well as from a page."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
