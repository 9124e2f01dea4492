"""The OpenAPI description of the user API, written by hand: openapi.json."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings

FILE: Final = Path(__file__).with_name("openapi.json")
PATH: Final = "/_security/openapi.json"


@cache
def text() -> bytes:
    """It as JSON."""
    return json.dumps(load(), ensure_ascii=False, separators=(",", ":")).encode()


@cache
def load() -> Mapping[str, Any]:
    """The file, with the length of passwords that this server requires."""
    api: dict[str, Any] = json.loads(FILE.read_bytes())
    api["components"]["schemas"]["NewPassword"]["minLength"] = settings.PASSWORD_MIN_LENGTH
    return api


def resolved(api: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a `$ref` refers to, or the part itself."""
    if "$ref" not in part:
        return part
    found: Any = api
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)
