"""Pages whose template is written once in five minutes for a person, and filled with what changes each time."""

import secrets
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.contrib.messages import get_messages
from django.core.cache import cache
from django.core.cache.utils import make_template_fragment_key
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import mark_safe

from accounts import context_processors
from accounts.requests import AppRequest

SECONDS: Final = 300
MARK: Final = secrets.token_hex(16)  # nobody's name has it
OF_BASE: Final = ("csrf_token", "ends", "here")  # what base.html shows and is another at each request


def render(request: AppRequest, template: str, shape: Mapping[str, Any], places: Mapping[str, str]) -> HttpResponse:
    """As Django's `render`: `shape` is what the template may decide by, and `places` are pieces of HTML that it may only show.

    Nothing else in the template may depend on the request, but what base.html shows.
    """
    if get_messages(request):
        return HttpResponse(_written(request, template, shape, places))
    page = context_processors.page(request)
    pieces = _kept(request, page, template, shape, places)
    filling = {**places, "ends": str(page["ends"]), "here": escape(page["here"])}
    if "csrf_token" in pieces:  # a part of a page needs none
        filling["csrf_token"] = get_token(request)
    return HttpResponse("".join(filling[piece] if number % 2 else piece for number, piece in enumerate(pieces)))


def _kept(
    request: AppRequest, page: Mapping[str, Any], template: str, shape: Mapping[str, Any], names: Collection[str]
) -> list[str]:
    """Pieces of HTML and names of places, in turn."""
    who = request.user
    key = make_template_fragment_key(
        template, [*shape.values(), who.username, who.display_name, who.identity.privileges, page["theme"], page["nav"]]
    )
    pieces: list[str] | None = cache.get(key)
    if pieces is None:
        marks = {name: f"{MARK}{name}{MARK}" for name in [*OF_BASE, *names]}
        pieces = _written(request, template, shape, marks).split(MARK)
        cache.set(key, pieces, SECONDS)
    return pieces


def _written(request: AppRequest, template: str, shape: Mapping[str, Any], places: Mapping[str, str]) -> str:
    return render_to_string(template, {**shape, **{name: mark_safe(html) for name, html in places.items()}}, request)  # noqa: S308
