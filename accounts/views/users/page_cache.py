"""Pages whose template is written once in five minutes for a person, and filled with what changes each time."""

import secrets
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, Final

from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.html import escape
from django.utils.safestring import mark_safe

from accounts import context_processors
from accounts.http import AppRequest
from accounts.services.client import MemoryCache

MARK: Final = secrets.token_hex(16)  # nobody's name has it
# Pieces of HTML and names of places, in turn.
_pages: Final[MemoryCache[tuple[str, ...]]] = MemoryCache(maxsize=300, ttl=300)
OF_BASE: Final = ("csrf_token", "ends", "here")  # what base.html shows and is another at each request


class CachedPage:
    """One such page, for one request: made while its data is on the way, so that `render` has little left to do.

    `shape` is what the template may decide by, as it most likely is.
    """

    def __init__(self, request: AppRequest, template: str, shape: Mapping[str, Any]) -> None:
        self._request = request
        self._template = template
        self._shape = shape
        page, who = context_processors.page(request), request.user
        self._for_whom = (who.username, who.display_name, tuple(who.identity.privileges), page["theme"], page["nav"])
        self._of_base = {"ends": str(page["ends"]), "here": escape(page["here"])}
        self._has_messages = bool(get_messages(request))
        self._pieces = _pages.get(self._key(shape))
        self._add_token(self._pieces or ())

    def render(self, places: Mapping[str, str], **known: Any) -> HttpResponse:
        """As Django's `render`: `places` are pieces of HTML that the template may only show, `known` is what became of the shape.

        Nothing else in the template may depend on the request, but what base.html shows.
        """
        shape = {**self._shape, **known}
        if self._has_messages:
            return HttpResponse(self._written(shape, places))
        pieces = (self._pieces if shape == self._shape else _pages.get(self._key(shape))) or self._keep(shape, places)
        self._add_token(pieces)
        filling = {**self._of_base, **places}
        return HttpResponse("".join(filling[piece] if number % 2 else piece for number, piece in enumerate(pieces)))

    def _add_token(self, pieces: Collection[str]) -> None:
        """Once, and only where it is shown: a part of a page needs none."""
        if "csrf_token" in pieces and "csrf_token" not in self._of_base:
            self._of_base["csrf_token"] = get_token(self._request)

    def _key(self, shape: Mapping[str, Any]) -> Hashable:
        return self._template, self._for_whom, tuple(shape.values())

    def _keep(self, shape: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
        pieces = tuple(self._written(shape, {name: f"{MARK}{name}{MARK}" for name in [*OF_BASE, *names]}).split(MARK))
        _pages.set(self._key(shape), pieces)
        return pieces

    def _written(self, shape: Mapping[str, Any], places: Mapping[str, str]) -> str:
        html = {name: mark_safe(html) for name, html in places.items()}  # noqa: S308
        return render_to_string(self._template, {**shape, **html}, self._request)
