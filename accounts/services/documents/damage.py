"""Documents that another program wrote or changed, so that a field is missing or has another type."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from functools import lru_cache, wraps
from types import UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from accounts.services import errors

T = TypeVar("T")
Check = Callable[[Any], bool]

REASON: Final = "Damaged: a field is missing or invalid"
SLUG: Final = re.compile(r"[-a-zA-Z0-9_]+")
UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What reading such a document raises.
ERRORS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def checked(read: Callable[[type[T], Mapping[str, Any]], T]) -> Callable[[type[T], Mapping[str, Any]], T]:
    """For the class method of a dataclass that reads a document: raises DocumentDamaged if a field isn't as it is declared."""

    @wraps(read)
    def checking(cls: type[T], document: Mapping[str, Any]) -> T:
        try:
            if not SLUG.fullmatch(document.get("_id", "none")):
                raise ValueError("no page can have this ID")
            found = read(cls, document)
            require_types(found)
        except ERRORS as exc:
            raise errors.DocumentDamaged(f"{document.get('_index')} {document.get('_id')}: {type(exc).__name__}") from None
        return found

    return checking


def readable(read: Callable[[Mapping[str, Any]], T], documents: Iterable[Mapping[str, Any]]) -> tuple[list[T], list[str]]:
    """What can be read, and the IDs of the documents that can't."""
    found: list[T] = []
    damaged: list[str] = []
    for document in documents:
        try:
            found.append(read(document))
        except errors.DocumentDamaged:
            damaged.append(document["_id"])
    return found, damaged


def require_types(found: Any) -> None:
    """Raise TypeError unless each field of a dataclass has a value of its declared type."""
    kind: Any = type(found)
    for name, check in _checks(kind):
        if not check(getattr(found, name)):
            raise TypeError(name)


@lru_cache(maxsize=64)
def _checks(kind: Any) -> list[tuple[str, Check]]:
    hints = get_type_hints(kind)
    return [(field.name, _check(hints[field.name])) for field in fields(kind)]


def _check(hint: Any) -> Check:
    """Whether a value has this type."""
    origin, args = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: True
    if origin is Literal:
        return lambda value: isinstance(value, str) and value in args
    if origin in (Union, UnionType):
        return _any_of([_check(each) for each in args])
    if origin is not None and issubclass(origin, Mapping):
        key, item = map(_check, args)
        return lambda value: isinstance(value, Mapping) and all(key(name) and item(each) for name, each in value.items())
    if origin is list or (origin is tuple and args[-1] is ...):
        item = _check(args[0])
        return lambda value: isinstance(value, origin) and all(map(item, value))
    if origin is tuple:
        parts = [_check(each) for each in args]
        return lambda value: isinstance(value, tuple) and len(value) == len(parts) and all(map(_passes, parts, value))
    if hint is datetime:
        return lambda value: isinstance(value, datetime) and value.tzinfo is not None
    if hint is int:
        return lambda value: type(value) is int
    return _instance_of(origin or hint)


def _passes(check: Check, value: Any) -> bool:
    return check(value)


def text_at(source: Any, name: str) -> str:
    """The text of a field, or ""."""
    value = source.get(name) if isinstance(source, Mapping) else None
    return value if isinstance(value, str) else ""


def _any_of(checks: list[Check]) -> Check:
    return lambda value: any(check(value) for check in checks)


def _instance_of(kind: type[Any]) -> Check:
    if is_dataclass(kind):
        return lambda value: isinstance(value, kind) and all(check(getattr(value, name)) for name, check in _checks(kind))
    return lambda value: isinstance(value, kind)
