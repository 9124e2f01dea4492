"""Query clauses that several packages use."""

from typing import Any


def contains(field: str, text: str) -> dict[str, Any]:
    """A `wildcard` query for values that contain the text, taken literally and regardless of case."""
    literal = "".join("\\" + character if character in "*?\\" else character for character in text)
    return {"wildcard": {field: {"value": f"*{literal}*", "case_insensitive": True}}}
