"""JSON from outside, read as strictly as Elasticsearch reads it."""

import json
from typing import Any, NoReturn


def parse(text: str) -> Any:
    """Raises ValueError, RecursionError."""
    return json.loads(text, object_pairs_hook=_object, parse_constant=_not_a_number)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Elasticsearch takes no key twice: which value would count?"""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _not_a_number(text: str) -> NoReturn:
    raise ValueError(f"{text} isn't a number")
