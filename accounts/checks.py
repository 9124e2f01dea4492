"""System checks (`manage.py check`)."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.decorators import declares_access


@register(Tags.security, Tags.urls)
def access_is_declared(**options: Any) -> list[CheckMessage]:
    """Check that every view of the URLconf declares who can open it."""
    return [
        Error(
            f"The view {view.__module__}.{view.__qualname__} ('{route}') doesn't declare who can open it.",
            hint="Decorate it with one of accounts.decorators, or with login_not_required.",
            obj=view,
            id="accounts.E001",
        )
        for route, view in _views(get_resolver().url_patterns)
        if not declares_access(view)
    ]


def _views(patterns: Sequence[URLPattern | URLResolver], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        else:
            yield route, pattern.callback
