"""Role templates: at each sign-in, Elasticsearch renders them with the data of the user, into the names of roles."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

MUSTACHE: Final = "mustache"
TAG: Final = "{{"


@dataclass(frozen=True, slots=True)
class Template:
    """`source`: the text of the template, or what identifies a stored one. `roles`: its names if it is a constant."""

    source: str
    format: str = "string"
    roles: tuple[str, ...] | None = None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """From an entry of `role_templates`, whose `template` is an object, or its JSON as a text."""
        template, format = _parsed(body.get("template")), str(body.get("format") or "string")
        if not isinstance(template, Mapping) or "source" not in template:
            return cls(_text(template), format)
        source = _text(template["source"])
        is_constant = template.get("lang", MUSTACHE) == MUSTACHE and TAG not in source
        return cls(source, format, _names(source, format) if is_constant else None)


def _names(source: str, format: str) -> tuple[str, ...] | None:
    """The names that a template without tags renders to; None if Elasticsearch can't read them."""
    if format != "json":
        return (source,)
    value = _parsed(source)
    if isinstance(value, str):
        return (value,) if value != source else None
    if isinstance(value, list) and all(name is None or isinstance(name, str) for name in value):
        return tuple(name for name in value if name is not None)
    return None


def _parsed(value: Any) -> Any:
    """The value of a text with JSON; anything else as it is."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
