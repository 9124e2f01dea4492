"""Request types, and helpers for fragments, dialogs, and redirects."""

import posixpath
from collections import Counter
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, RawPostDataException
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_variables
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.services.sessions import SessionStore
from accounts.services.signin.operators import Operator

YEAR_SECONDS = 365 * 24 * 60 * 60
# The WSGI name: `request.headers` would build a mapping of all headers first.
HTMX: Final = "HTTP_HX_REQUEST"
START_OF_FORM: Final = 64 << 10  # bytes
NOT_TYPED: Final = ("csrfmiddlewaretoken", "seen", "next")


class AppRequest(HttpRequest):
    """A request as the middleware passes it to a view that requires a signed-in operator."""

    htmx: HtmxDetails
    session: SessionStore
    user: Operator  # type: ignore[assignment]


def submitted_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form that wasn't processed, to be submitted again: all but passwords and API keys."""
    fields = [(name, values) for name, values in request.POST.lists() if not _is_secret(name) and name != "csrfmiddlewaretoken"]
    return [(name, str(value)) for name, values in fields for value in values]


def has_secrets(request: HttpRequest) -> bool:
    """Whether the form has passwords or API keys, which `submitted_fields` leaves out."""
    return any(_is_secret(name) and value for name, value in request.POST.items())


def _is_secret(name: str) -> bool:
    return "password" in name or name == "api_key"


def address(request: HttpRequest) -> str:
    """Of usermgmt for programs, with BASE_PATH and without a slash at its end."""
    return f"{request.scheme}://{request.get_host()}{settings.BASE_PATH}"


def is_own_url(request: HttpRequest, url: str) -> bool:
    """Whether the URL, as browsers read it, is on this host and below BASE_PATH."""
    if not url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return False
    return f"{path_of(url)}/".startswith(f"{settings.BASE_PATH}/")


def path_of(url: str) -> str:
    """The path of a URL as browsers read it, without a slash at its end."""
    return posixpath.normpath(unquote(urlsplit(url.replace("\\", "/")).path))


def is_from_own_page(request: HttpRequest) -> bool:
    """Whether one of our own pages made the browser send this request; False if the browser doesn't say.

    Browsers send `Sec-Fetch-Site` only to HTTPS and localhost, and old ones don't send it at all.
    """
    if site := request.headers.get("Sec-Fetch-Site"):
        return site == "same-origin"
    return is_own_url(request, request.headers.get("Referer", ""))


@sensitive_variables()
def typed_texts(request: HttpRequest) -> dict[str, str]:
    """The texts in a form that is too large to be processed: label and value of the fields that it has once, without secrets.

    Only the start is read. The forms have their many checkboxes, options, and hidden fields after the texts.
    """
    try:
        start = request.body[:START_OF_FORM]
    except RequestDataTooBig:
        start = request.read(START_OF_FORM)
    except RawPostDataException:  # a form with files, which Django has read
        return {}
    fields = parse_qsl(start.decode("ascii", "replace"))
    counts = Counter(name for name, _ in fields)
    is_whole = len(start) < START_OF_FORM
    return {
        name.replace("_", " ").capitalize(): value
        for name, value in (fields if is_whole else fields[:-1])
        if counts[name] == 1 and not _is_secret(name) and name not in NOT_TYPED
    }


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
