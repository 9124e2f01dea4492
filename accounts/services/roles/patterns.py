"""Patterns in roles, as Elasticsearch reads them: of usernames (`run_as`), indices, and actions.

`*` and `?` are wildcards, a backslash makes the next character literal, and `/…/` is a regular expression of Lucene.
"""

import re
from functools import lru_cache
from typing import Final

# Operators that Python doesn't have, or that mean something else there.
ONLY_LUCENE: Final = re.compile(r'[~<>&@#"]|[*+?}][*+?{]')
ANCHORS: Final = re.compile(r"(?<!\[)[\^$]")


@lru_cache(maxsize=4096)
def matches(pattern: str, name: str) -> bool | None:
    """Whether the pattern matches the whole name; None for a regular expression that only Elasticsearch can evaluate."""
    if len(pattern) > 1 and pattern[0] == pattern[-1] == "/":
        return _matches_expression(pattern[1:-1], name)
    return re.fullmatch(_wildcards(pattern), name, re.DOTALL) is not None


def _matches_expression(expression: str, name: str) -> bool | None:
    if ONLY_LUCENE.search(expression):
        return None
    try:
        return re.fullmatch(ANCHORS.sub(r"\\\g<0>", expression), name, re.DOTALL | re.ASCII) is not None
    except re.error:
        return None


def _wildcards(pattern: str) -> str:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    known = {"*": ".*", "?": "."}
    return "".join(known.get(part) or re.escape(part[-1]) for part in parts)
