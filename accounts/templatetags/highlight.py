"""Marks in a text what somebody looked for."""

import re
from collections.abc import Sequence

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def highlight(text: str, words: Sequence[str]) -> SafeString:
    """The text, escaped, with `<mark>` around each part that is one of the words, whatever the case."""
    if not words:
        return escape(text)
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    # Split at a group: every second part is a match.
    parts = [escape(part) for part in re.split(f"({pattern})", text, flags=re.IGNORECASE)]
    return mark_safe("".join(f"<mark>{part}</mark>" if at % 2 else part for at, part in enumerate(parts)))  # noqa: S308
