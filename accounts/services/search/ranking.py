"""How well a thing fits what somebody looks for. Pure; pages, users and roles are judged alike."""

import re
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from accounts.services.users import MAX_SEARCH_LENGTH, MAX_WORDS

END: Final = r"(?![^\W_])"


class Fit(IntEnum):
    """The best first: the name itself, its start, whole words, the beginnings of words, parts of them."""

    WHOLE = 1
    START = 2
    WORDS = 3
    BEGINNINGS = 4
    PARTS = 5


def words_of(text: str) -> list[str]:
    """The words that somebody typed, in lower case and taken literally; a text that is too long loses its end."""
    return text[:MAX_SEARCH_LENGTH].lower().split()[:MAX_WORDS]


def fit(words: Sequence[str], name: str, *others: str) -> Fit | None:
    """How a thing of this name, of which `others` is known too, fits; None when a word is in none of the texts."""
    texts = [text.lower() for text in (name, *others)]
    if not all(any(word in text for text in texts) for word in words):
        return None
    typed = " ".join(words)
    if texts[0].startswith(typed):
        return Fit.WHOLE if texts[0] == typed else Fit.START
    if not all(any(_stands(word, text) for text in texts) for word in words):
        return Fit.PARTS
    return Fit.WORDS if all(any(_stands(word, text, END) for text in texts) for word in words) else Fit.BEGINNINGS


def _stands(word: str, text: str, end: str = "") -> bool:
    """Whether a word of the text begins (with `end`: and ends) like this; `_`, `.` and the like stand between words."""
    return re.search(rf"(?<![^\W_]){re.escape(word)}{end}", text) is not None
