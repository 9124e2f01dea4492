"""Query clauses that several packages use."""

from typing import Any


def contains(field: str, text: str) -> dict[str, Any]:
    """A `wildcard` query for values that contain the text, taken literally and regardless of case.

    Elasticsearch rejects long texts that repeat themselves, from 315 times the same letter. So searches take 200 characters.
    """
    return {"wildcard": {field: {"value": f"*{literal(text)}*", "case_insensitive": True}}}


def literal(text: str) -> str:
    """The text as a part of a `wildcard` pattern."""
    return "".join("\\" + character if character in "*?\\" else character for character in text)
