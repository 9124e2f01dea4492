"""Formats values of any type."""

import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def pretty(value: Any) -> str:
    """A string unchanged, anything else as JSON. Not escaped: the template does that."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
