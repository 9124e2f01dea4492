"""How well pages, users, and roles match a search."""

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from accounts.services.users import MAX_SEARCH_LENGTH, MAX_WORDS, fold

WORD_END: Final = r"(?![^\W_])"


class Fit(IntEnum):
    """Best first: the whole name, its start, whole words, starts of words, parts of words."""

    WHOLE = 1
    START = 2
    WORDS = 3
    WORD_STARTS = 4
    PARTS = 5


def words_of(text: str) -> list[str]:
    """The words of a search text, taken literally; a text that is too long is truncated."""
    return text[:MAX_SEARCH_LENGTH].split()[:MAX_WORDS]


def fit(words: Sequence[str], name: str, *others: str) -> Fit | None:
    """How a name with these other texts matches, regardless of case and accents; None unless each word is in one of them."""
    words, texts = [fold(word) for word in words], [fold(text) for text in (name, *others)]
    if not all(any(word in text for text in texts) for word in words):
        return None
    typed = " ".join(words)
    if texts[0].startswith(typed):
        return Fit.WHOLE if texts[0] == typed else Fit.START
    if not all(any(_has_word(word, text) for text in texts) for word in words):
        return Fit.PARTS
    return Fit.WORDS if all(any(_has_word(word, text, WORD_END) for text in texts) for word in words) else Fit.WORD_STARTS


def _has_word(word: str, text: str, end: str = "") -> bool:
    """Whether a word of the text starts (with `end`: and ends) like this; `_`, `.`, and other symbols separate words."""
    return re.search(rf"(?<![^\W_]){re.escape(word)}{end}", text) is not None
