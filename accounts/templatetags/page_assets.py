"""The styles and scripts of every page. Cached, because the files don't change while a process runs."""

from functools import cache

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag
def page_assets() -> SafeString:
    return render_to_string("_assets.html") if settings.DEBUG else _page_assets()


@cache
def _page_assets() -> SafeString:
    return render_to_string("_assets.html")
