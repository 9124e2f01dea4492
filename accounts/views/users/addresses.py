"""Addresses of pages that have no argument, and those of the list of users, in which everything stands that it shows."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Final
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import get_script_prefix, reverse

# Where in the list one is; other rows begin at their first page.
PAGING: Final = ("after", "before", "last", "page")


def page_url(name: str) -> str:
    """The address of the page of that name in `urls`, looked up once: `reverse` needs a hundredth of a page's time for each.

    Raises NoReverseMatch.
    """
    return _of_page(name, get_script_prefix())


@cache
def _of_page(name: str, prefix: str) -> str:
    return reverse(name)


class UserListAddresses:
    """Addresses of the list, each with some parameters of the present one changed."""

    def __init__(self, shown: QueryDict) -> None:
        self._path = page_url("users")
        kept = [(name, values) for name, values in shown.lists() if name not in PAGING and any(values)]
        self._parameters = {name: _encoded(name, *values) for name, values in kept}

    def to(self, **changes: str | Sequence[str]) -> str:
        """The first page, unless the changes say another one; an empty change takes a parameter away."""
        changed = {name: _encoded(name, *([value] if isinstance(value, str) else value)) for name, value in changes.items()}
        return f"{self._path}?{'&'.join(filter(None, {**self._parameters, **changed}.values()))}"


@lru_cache(maxsize=1024)
def _encoded(name: str, *values: str) -> str:
    return urlencode([(name, value) for value in values if value])
