"""heroicons' tags, made once for each icon: the library builds its SVG anew at every call, a quarter of a page's time.

settings.TEMPLATES puts this in the place of the library's own tags.
"""

from functools import cache
from typing import Final

from django import template
from django.templatetags.static import static
from django.utils.safestring import SafeString, mark_safe

from usermgmt import icons

register = template.Library()

MINI: Final = 20  # pixels; the stylesheet gives it to an SVG that says nothing


@register.simple_tag
def heroicon_micro(name: str, size: int = 16) -> SafeString:
    """A small filled icon."""
    return _icon("micro", name, size)


@register.simple_tag
def heroicon_mini(name: str, size: int = MINI) -> SafeString:
    """A filled icon."""
    return _icon("mini", name, size)


@register.simple_tag
def heroicon_outline(name: str, size: int = 24) -> SafeString:
    """A drawn icon."""
    return _icon("outline", name, size)


@cache
def _icon(style: str, name: str, size: int) -> SafeString:
    """An SVG that points to the icon's symbol, or the icon itself. Raises heroicons.IconDoesNotExist."""
    name = str(name) + ""  # a template's words are marked as safe, which the library does not expect
    if (style, name) not in icons.ICONS:
        return mark_safe(icons.svg(style, name, size))  # noqa: S308
    # A page has twenty of the minis: their size stands in the stylesheet.
    dimensions = "" if size == MINI else f' width="{size}" height="{size}"'
    return mark_safe(f'<svg{dimensions} aria-hidden=true><use href="{static(icons.FILE)}#{style}-{name}"/></svg>')  # noqa: S308
