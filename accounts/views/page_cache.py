"""Caches the rendered template of a page for each operator, and fills its slots at each request."""

import secrets
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, Final

from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.utils.html import escape, strip_spaces_between_tags
from django.utils.safestring import mark_safe

from accounts import context_processors
from accounts.http import AppRequest
from accounts.services.client import MemoryCache

SEPARATOR: Final = secrets.token_hex(16)  # no value contains it
# HTML and slot names alternate.
_pages: Final[MemoryCache[tuple[str, ...]]] = MemoryCache(maxsize=300, ttl=settings.PAGE_CACHE_SECONDS)
BASE_SLOTS: Final = ("csrf_token", "seconds_left", "current_url")  # output of base.html that differs at each request


class CachedPage:
    """A cached page for one request.

    `variant`: the values that the template may branch on. The lookup uses the expected ones before the data is loaded.
    """

    def __init__(self, request: AppRequest, template: str, variant: Mapping[str, Any]) -> None:
        self._request = request
        self._template = template
        self._variant = variant
        page, operator = context_processors.page(request), request.user
        shown_of_operator = (operator.username, operator.display_name, operator.api_key, tuple(operator.identity.privileges))
        self._audience = (*shown_of_operator, page["theme"], page["nav"])
        self._base_slots = {"seconds_left": str(page["seconds_left"]), "current_url": escape(page["current_url"])}
        self._has_messages = bool(get_messages(request))
        self._pieces = _pages.get(self._key(variant))
        self._add_token(self._pieces or ())

    def render(self, slots: Mapping[str, str], **known: Any) -> HttpResponse:
        """Like Django's `render`. `slots`: HTML that the template may only output; `known`: values of the variant that differ.

        Nothing else in the template may depend on the request, except what base.html outputs.
        """
        variant = {**self._variant, **known}
        # Messages are shown once.
        pieces = self._rendered(variant, slots) if self._has_messages else self._cached(variant, slots)
        self._add_token(pieces)
        filling = {**self._base_slots, **slots}
        return HttpResponse("".join(filling[piece] if number % 2 else piece for number, piece in enumerate(pieces)))

    def _add_token(self, pieces: Collection[str]) -> None:
        """Create the CSRF token only for a page that outputs it."""
        if "csrf_token" in pieces and "csrf_token" not in self._base_slots:
            self._base_slots["csrf_token"] = get_token(self._request)

    def _key(self, variant: Mapping[str, Any]) -> Hashable:
        return self._template, self._audience, tuple(variant.values())

    def _cached(self, variant: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
        key = self._key(variant)
        pieces = self._pieces if variant == self._variant else _pages.get(key)
        if not pieces:
            pieces = self._rendered(variant, names)
            _pages.set(key, pieces)
        return pieces

    # Indentation would be 3 % of the page.
    def _rendered(self, variant: Mapping[str, Any], names: Iterable[str]) -> tuple[str, ...]:
        slots = {name: mark_safe(f"{SEPARATOR}{name}{SEPARATOR}") for name in [*BASE_SLOTS, *names]}  # noqa: S308
        return tuple(
            strip_spaces_between_tags(render_to_string(self._template, {**variant, **slots}, self._request)).split(SEPARATOR)
        )
