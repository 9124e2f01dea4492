"""Rules in plain language: as one line, and as an outline.

Elasticsearch reads a text with `*` as a pattern, and a text between two slashes as a regular expression of Lucene. Everything else,
also a text with `?`, is compared as it is.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Rule = Mapping[str, Any]
NAMES: Final = {"username": "username", "dn": "distinguished name", "groups": "a group", "realm.name": "realm"}
SIMPLE_NAME: Final = re.compile(r"[\w.@-]+")
# What matches every text, and so every username and every name of a realm: neither is ever empty.
ANY_TEXT: Final = re.compile(r"\*+|\*+\?\**|\?\*+|/(\.[*+]|@)/")
MAX_DEPTH: Final = 20
AS_JSON: Final = json.JSONEncoder(ensure_ascii=False)  # `dumps` makes one for each text
TOO_DEEP: Final = "a rule that is nested too deeply to be shown in words"


@dataclass(frozen=True, slots=True)
class Outline:
    """A condition, or a heading and the conditions that it is about."""

    text: str
    parts: tuple["Outline", ...] = ()


def is_pattern(value: object) -> bool:
    return isinstance(value, str) and ("*" in value or is_expression(value))


def is_expression(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == "/"


def is_any_text(value: object) -> bool:
    return isinstance(value, str) and ANY_TEXT.fullmatch(value) is not None


def values_of(value: object) -> list[Any]:
    """The values of a field, one of which has to match."""
    return value if isinstance(value, list) else [value]


def describe(rule: Rule, depth: int = 0) -> str:
    """The rule in one line, for example `realm is "saml1" and not (username is one of "ann", "bob")`."""
    if depth > MAX_DEPTH:
        return TOO_DEEP
    match rule:
        case {"all": []}:
            return "always true"
        case {"any": []}:
            return "never true"
        case {"all": list(parts)}:
            return _joined(parts, " and ", depth)
        case {"any": list(parts)}:
            return _joined(parts, " or ", depth)
        case {"except": part}:
            return f"not ({describe(part, depth + 1)})"
        case {"field": Mapping() as field} if len(field) == 1:
            return " or ".join(_conditions(*next(iter(field.items()))))
    return f"unknown rule {_quoted(rule)}"


def outline(rule: Rule, depth: int = 0) -> Outline:
    """The rule as a list of conditions, which can have lists of their own."""
    if depth > MAX_DEPTH:
        return Outline(TOO_DEEP)
    match rule:
        case {"all": [part]} | {"any": [part]}:
            return outline(part, depth + 1)
        case {"all": [_, *_] as parts}:
            return Outline("All of these are true:", tuple(outline(part, depth + 1) for part in parts))
        case {"any": [_, *_] as parts}:
            return Outline("At least one of these is true:", tuple(outline(part, depth + 1) for part in parts))
        case {"except": part}:
            return Outline("This is not true:", (outline(part, depth + 1),))
    return Outline(describe(rule, depth))


def _joined(parts: Sequence[Rule], word: str, depth: int) -> str:
    if len(parts) == 1:
        return describe(parts[0], depth + 1)
    texts = (describe(part, depth + 1) for part in parts)
    return word.join(f"({text})" if _is_compound(part) else text for part, text in zip(parts, texts, strict=True))


def _is_compound(rule: Rule) -> bool:
    """Whether its words need parentheses inside of others."""
    match rule:
        case {"all": [part]} | {"any": [part]}:
            return _is_compound(part)
        case {"all": [_, *_]} | {"any": [_, *_]}:
            return True
        case {"field": Mapping() as field} if len(field) == 1:
            kinds = {None if each is None else is_pattern(each) for each in values_of(next(iter(field.values())))}
            return len(kinds) > 1  # see `_conditions`
    return False


def _conditions(name: str, value: object) -> Iterator[str]:
    """One for the values that are compared, one for patterns, and one for no value at all."""
    subject = NAMES.get(name) or (name if SIMPLE_NAME.fullmatch(name) else _quoted(name))
    values = values_of(value)
    if name in ("username", "realm.name") and len(values) == 1 and is_any_text(value):
        yield f"any {subject}"
        return
    compared = [each for each in values if each is not None and not is_pattern(each)]
    patterns = [each for each in values if is_pattern(each)]
    if compared:
        yield f"{subject} is {_one_of(compared)}"
    if patterns:
        yield f"{subject} matches {_one_of(patterns)}"
    if None in values:
        yield f"{subject} is not set"


def _one_of(values: Sequence[object]) -> str:
    texts = list(map(_value, values))
    return texts[0] if len(texts) == 1 else f"one of {', '.join(texts)}"


def _value(value: object) -> str:
    return f"the regular expression {_quoted(value)}" if isinstance(value, str) and is_expression(value) else _quoted(value)


def _quoted(value: object) -> str:
    """As JSON, so that no text can be taken for words. Invisible characters are escaped."""
    text = AS_JSON.encode(value)
    return text if text.isprintable() else json.dumps(value)
