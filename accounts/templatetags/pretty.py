"""Values of unknown shape, readable."""

import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def pretty(value: Any) -> str:
    """A text as it is, anything else as JSON; escaped by the template as any text."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
