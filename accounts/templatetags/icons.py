"""heroicons' tags, made once for each icon: the library builds its SVG anew at every call, a quarter of a page's time.

settings.TEMPLATES puts this in the place of the library's own tags.
"""

from functools import cache

from django import template
from django.utils.safestring import SafeString, mark_safe

from usermgmt import icons

register = template.Library()


@register.simple_tag
def heroicon_micro(name: str, size: int = 16) -> SafeString:
    """A small filled icon."""
    return _icon("micro", name, size)


@register.simple_tag
def heroicon_mini(name: str, size: int = 20) -> SafeString:
    """A filled icon."""
    return _icon("mini", name, size)


@register.simple_tag
def heroicon_outline(name: str, size: int = 24) -> SafeString:
    """A drawn icon."""
    return _icon("outline", name, size)


@cache
def _icon(style: str, name: str, size: int) -> SafeString:
    """What the stylesheet makes an icon of, or the icon itself. Raises heroicons.IconDoesNotExist."""
    name = str(name) + ""  # a template's words are marked as safe, which the library does not expect
    if (style, name) not in icons.ICONS or size != icons.SIZES[style]:
        return mark_safe(icons.svg(style, name, size))  # noqa: S308
    return mark_safe(f"<i class={style}-{name}></i>")  # noqa: S308
