"""Patterns in roles, as Elasticsearch reads them: of usernames (`run_as`), indices, and actions.

`*` and `?` are wildcards, a backslash makes the next character literal, and `/…/` is a regular expression of Lucene.
"""

import re
from functools import lru_cache
from typing import Final

# Operators that Python doesn't have, or that mean something else there.
ONLY_LUCENE: Final = re.compile(r'[~<>&@#"]|[*+?}][*+?{]')
# Can take hours, and users choose the patterns of their API keys: a repeated group, two groups, or three repetitions. Escaped and
# bracketed characters count, too, on purpose: without a parser nothing is missed, and the pattern is only left to Elasticsearch.
SLOW: Final = re.compile(r"\)[*+?{]|\(.*\(|([*+?{].*){3}", re.DOTALL)
MAX_LENGTH: Final = 200
ANCHORS: Final = re.compile(r"(?<!\[)[\^$]")


@lru_cache(maxsize=4096)
def matches(pattern: str, name: str) -> bool | None:
    """Whether the pattern matches the whole name; None for a regular expression that is left to Elasticsearch."""
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        return _matches_expression(pattern[1:-1], name)
    return re.fullmatch(_wildcards(pattern), name, re.DOTALL) is not None


def _matches_expression(expression: str, name: str) -> bool | None:
    if len(expression) > MAX_LENGTH or ONLY_LUCENE.search(expression) or SLOW.search(expression):
        return None
    try:
        return re.fullmatch(ANCHORS.sub(r"\\\g<0>", expression), name, re.DOTALL | re.ASCII) is not None
    except (re.error, OverflowError):
        return None


def _wildcards(pattern: str) -> str:
    """As a regular expression that tries each star once: atomic groups take the first place where the text behind a star fits."""
    texts = [""]
    for part in re.findall(r"\\.|.", pattern, re.DOTALL):
        if part == "*":
            texts.append("")
        else:
            texts[-1] += "." if part == "?" else re.escape(part[-1])
    first, *rest = texts
    if not rest:
        return first
    *others, last = rest
    return first + "".join(f"(?>.*?{text})" for text in others if text) + f".*{last}"
