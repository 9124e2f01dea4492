"""What a request is in this product: the types, and how dialogs ask and are answered."""

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.services.sessions import SessionStore
from accounts.services.signin.operators import Operator

A_YEAR = 365 * 24 * 60 * 60
# As WSGI has them; `request.headers` would first make another mapping of all headers.
HTMX: Final = "HTTP_HX_REQUEST"


class AppRequest(HttpRequest):
    """A request behind the middleware, in a view that asks for a signed-in operator."""

    htmx: HtmxDetails
    session: SessionStore
    user: Operator  # type: ignore[assignment]


def submitted_fields(request: HttpRequest) -> list[tuple[str, str]]:
    """What a person sent with a form that could not be taken, to be sent again: all but passwords."""
    fields = [(name, values) for name, values in request.POST.lists() if "password" not in name and name != "csrfmiddlewaretoken"]
    return [(name, str(value)) for name, values in fields for value in values]


def wants_fragment(request: AppRequest, target: str) -> bool:
    """Whether htmx asks for the part of the page that has this id; going back in the browser's history needs the page."""
    return request.META.get(HTMX) == "true" and request.htmx.target == target and not request.htmx.history_restore_request


def is_dialog(request: AppRequest) -> bool:
    """Whether the answer goes into the page's `<dialog>`."""
    return wants_fragment(request, "dialog-content")


def remember_choice(request: HttpRequest, response: HttpResponse, cookie: str, value: str) -> None:
    """Keep a choice of the person's for a year, in this browser."""
    response.set_cookie(cookie, value, max_age=A_YEAR, samesite="Lax", httponly=True, secure=request.is_secure())


def go_to(request: AppRequest, url: str) -> HttpResponse:
    """After a change: on to that page, from a dialog as from a page."""
    return HttpResponseClientRedirect(url) if request.htmx else redirect(url)
