"""Highlights search words in a text."""

import re
from collections.abc import Sequence

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def highlight(text: str, words: Sequence[str]) -> SafeString:
    """The escaped text with `<mark>` around each search word, case-insensitive."""
    if not words:
        return escape(text)
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    # With a capturing group every second part is a match.
    parts = [escape(part) for part in re.split(f"({pattern})", text, flags=re.IGNORECASE)]
    return mark_safe("".join(f"<mark>{part}</mark>" if at % 2 else part for at, part in enumerate(parts)))  # noqa: S308
