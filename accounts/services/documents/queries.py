"""Clauses of queries that several packages use."""

from typing import Any


def contains(field: str, text: str) -> dict[str, Any]:
    """A `wildcard` query for values that contain the text, taken literally and regardless of case."""
    literal = "".join("\\" + letter if letter in "*?\\" else letter for letter in text)
    return {"wildcard": {field: {"value": f"*{literal}*", "case_insensitive": True}}}
