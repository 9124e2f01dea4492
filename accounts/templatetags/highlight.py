"""Highlights search words in a text."""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from accounts.services.users import fold

register = template.Library()


@register.filter
def highlight(text: str, words: Sequence[str]) -> SafeString:
    """The escaped text with `<mark>` around each search word, regardless of case and accents."""
    searched = fold(text)
    if not words or len(searched) != len(text):  # with decomposed accents, the positions differ
        return escape(text)
    pattern = "|".join(re.escape(fold(word)) for word in sorted(words, key=len, reverse=True))
    # With a capturing group every second part is a match.
    ends = list(accumulate(map(len, re.split(f"({pattern})", searched)), initial=0))
    parts = [escape(text[start:end]) for start, end in pairwise(ends)]
    return mark_safe("".join(f"<mark>{part}</mark>" if at % 2 else part for at, part in enumerate(parts)))  # noqa: S308
