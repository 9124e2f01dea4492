"""The styles and scripts of every page, looked up once: their files do not change while a process serves."""

from functools import cache

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def page_assets(operator: object) -> SafeString:
    """What a page loads; somebody who is signed in has a search field too."""
    return _assets(operator is not None and operator != "")


@cache
def _assets(is_signed_in: bool) -> SafeString:
    return render_to_string("_assets.html", {"is_signed_in": is_signed_in})
