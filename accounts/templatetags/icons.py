"""The tags of heroicons, cached: the library rebuilds the SVG at every call, a quarter of the time of a page.

settings.TEMPLATES replaces the library's tags with these.
"""

from functools import cache

from django import template
from django.utils.safestring import SafeString, mark_safe

from usermgmt import icons

register = template.Library()


@register.simple_tag
def heroicon_micro(name: str, size: int = 16) -> SafeString:
    return _icon("micro", name, size)


@register.simple_tag
def heroicon_mini(name: str, size: int = 20) -> SafeString:
    return _icon("mini", name, size)


@register.simple_tag
def heroicon_outline(name: str, size: int = 24) -> SafeString:
    return _icon("outline", name, size)


@cache
def _icon(style: str, name: str, size: int) -> SafeString:
    """An element for an icon of the sprite, else the SVG itself. Raises heroicons.IconDoesNotExist."""
    name = str(name) + ""  # a plain str: the library doesn't expect a template's SafeString
    if (style, name) not in icons.ICONS or size != icons.SIZES[style]:
        return mark_safe(icons.svg(style, name, size))  # noqa: S308
    return mark_safe(f"<i class={style}-{name}></i>")  # noqa: S308
