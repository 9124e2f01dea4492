"""Addresses of pages that have no argument, looked up once: `reverse` needs a hundredth of a page's time for each."""

from functools import cache

from django.urls import get_script_prefix, reverse


def of_page(name: str) -> str:
    """The address of the page of that name in `urls`. Raises NoReverseMatch."""
    return _of_page(name, get_script_prefix())


@cache
def _of_page(name: str, prefix: str) -> str:
    return reverse(name)
