"""Documents that another program wrote or changed, so that a field is missing or has another type."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import lru_cache, wraps
from types import UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from accounts.services import errors

T = TypeVar("T")

REASON: Final = "Damaged: a field is missing or invalid"
SLUG: Final = re.compile(r"[-a-zA-Z0-9_]+")
UNKNOWN_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
# What reading such a document raises. JSON in one of its texts can be nested too deeply to be read.
ERRORS: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def is_moment(value: Any) -> bool:
    """Whether it is a time that can be shown in any time zone."""
    return isinstance(value, datetime) and value.tzinfo is not None and MINYEAR < value.year < MAXYEAR


# For fields of dataclasses: a time in ISO format, and the ID of something that has a page.
MomentText = Annotated[str, lambda text: is_moment(datetime.fromisoformat(text))]
Slug = Annotated[str, SLUG.fullmatch]


def checked(read: Callable[[type[T], Mapping[str, Any]], T]) -> Callable[[type[T], Mapping[str, Any]], T]:
    """For the class method of a dataclass that reads a document: raises DocumentDamaged if a field isn't as it is declared."""

    @wraps(read)
    def checking(cls: type[T], document: Mapping[str, Any]) -> T:
        try:
            if not SLUG.fullmatch(document.get("_id", "none")):
                raise ValueError("no page can have this ID")
            found = read(cls, document)
            if not _is_instance(found, cls):
                raise TypeError("a field has another type")
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


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value has this type, and so has everything in it."""
    if hint is Any:
        return True
    if isinstance(hint, type):
        return _is_instance(value, hint)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, each) for each in args)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin is Annotated:
        return _fits(value, args[0]) and all(check(value) for check in args[1:])
    if not _is_instance(value, origin):
        return False
    if issubclass(origin, Mapping):
        return all(_fits(name, args[0]) and _fits(each, args[1]) for name, each in value.items())
    if origin is tuple and args[-1] is not ...:
        return len(value) == len(args) and all(map(_fits, value, args))
    return origin not in (list, tuple) or all(_fits(each, args[0]) for each in value)


def _is_instance(value: Any, kind: Any) -> bool:
    """Whether a value is one of this class, and each field of a dataclass has its declared type."""
    if kind is datetime:
        return is_moment(value)
    if kind is int:  # a boolean is an instance of it, too
        return type(value) is int
    if not (isinstance(value, kind) and is_dataclass(value)):
        return isinstance(value, kind)
    return all(_fits(getattr(value, name), hint) for name, hint in _fields(kind))


@lru_cache(maxsize=64)  # without it, reading an item of a review takes more than twice as long
def _fields(kind: Any) -> list[tuple[str, Any]]:
    """The names of a dataclass's fields, with their types."""
    hints = get_type_hints(kind, include_extras=True)
    return [(field.name, hints[field.name]) for field in fields(kind)]


def text_at(source: Any, *names: str) -> str:
    """The text at this path of a document, or ""."""
    for name in names:
        source = source.get(name) if isinstance(source, Mapping) else None
    return source if isinstance(source, str) else ""
