"""The OpenAPI description of the user API, written by hand: openapi.json."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("openapi.json")
PATH: Final = "/_security/openapi.json"


@cache
def text() -> bytes:
    """The file."""
    return FILE.read_bytes()


@cache
def load() -> Mapping[str, Any]:
    """Its content."""
    api: Mapping[str, Any] = json.loads(text())
    return api


def resolved(api: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` refers to, or the part itself."""
    if "$ref" not in part:
        return part
    found: Any = api
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)
