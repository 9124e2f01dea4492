"""Queries of the list of API keys, for `_security/_query/api_key`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key
from typing import Any, Final, Literal

from accounts.services.api_keys.keys import active_query
from accounts.services.documents.queries import contains

State = Literal["", "active", "expired", "revoked"]
Expiration = Literal["", "never", "soon"]
Answer = Literal["", "yes", "unknown", "no"]
Sort = Literal["name", "owner", "created", "expires"]
Position = list[str | int | None]
Clause = dict[str, Any]

# What `escalation.is_administrator` says of the keys.
ADMINISTRATOR: Final[Mapping[Answer, bool | None]] = {"yes": True, "unknown": None, "no": False}
MAX_SEARCH_LENGTH: Final = 200
MAX_WORDS: Final = 10
SOON: Final = timedelta(days=30)
YEAR: Final = timedelta(days=365)
FIELDS: Final[dict[Sort, str]] = {"name": "name", "owner": "username", "created": "creation", "expires": "expiration"}
# Together they identify a key: `_id` can't be sorted by.
IDENTIFYING: Final = ("username", "creation", "name")


@dataclass(frozen=True)
class ApiKeyQuery:
    """A page of the list: the rows `after` or `before` a position, or the `last` page, else the first."""

    q: str = ""
    state: State = ""
    expiration: Expiration = ""
    is_old: bool = False
    type: Literal["", "rest", "cross_cluster"] = ""
    realm: str = ""
    administrator: Answer = ""  # which Elasticsearch can't search
    sort: Sort = "created"
    descending: bool = True
    size: int = 20
    after: Position | None = None
    before: Position | None = None
    last: bool = False
    number: int = 1

    @property
    def words(self) -> list[str]:
        return self.q[:MAX_SEARCH_LENGTH].split()[:MAX_WORDS]

    @property
    def is_filtered(self) -> bool:
        chosen = (self.state, self.expiration, self.is_old, self.type, self.realm, self.administrator)
        return bool(self.words or any(chosen))


def sort_clause(query: ApiKeyQuery, *, backwards: bool = False) -> list[Mapping[str, Any]]:
    """By the field, then by what identifies a key; `backwards` in exactly the opposite order. Keys that never expire are last."""
    order = "desc" if query.descending != backwards else "asc"
    field = FIELDS[query.sort]
    by_field = {field: {"order": order, "missing": "_first" if backwards else "_last"}}
    return [by_field, *({name: {"order": "desc" if backwards else "asc"}} for name in IDENTIFYING if name != field)]


def order_key(query: ApiKeyQuery) -> Callable[[Position], Any]:
    """The sort key of positions, for the order of `sort_clause`. A key without a name is last."""

    def compare(one: Position, other: Position) -> int:
        for number, (value, next_to) in enumerate(zip(one, other, strict=True)):
            if value == next_to:
                continue
            if value is None or next_to is None:
                return 1 if value is None else -1
            forwards = -1 if query.descending and number == 0 else 1
            return forwards if value > next_to else -forwards  # type: ignore[operator]  # both have the same type
        return 0

    return cmp_to_key(compare)


def clause(query: ApiKeyQuery) -> Clause:
    """All of it that Elasticsearch can search."""
    clauses = [*map(_word, query.words), *_conditions(query)]
    return {"bool": {"filter": clauses}} if clauses else {"match_all": {}}


def _word(word: str) -> Clause:
    return {"bool": {"should": [contains("name", word), contains("username", word), {"ids": {"values": [word]}}]}}


def _conditions(query: ApiKeyQuery) -> Iterator[Clause]:
    now = datetime.now(UTC)
    if query.state == "active":
        yield active_query()
    elif query.state == "expired":
        yield {"term": {"invalidated": False}}
        yield {"range": {"expiration": {"lte": _milliseconds(now)}}}
    elif query.state == "revoked":
        yield {"term": {"invalidated": True}}
    if query.expiration == "never":
        yield {"bool": {"must_not": [{"exists": {"field": "expiration"}}]}}
    elif query.expiration == "soon":
        yield active_query()
        yield {"range": {"expiration": {"lte": _milliseconds(now + SOON)}}}
    if query.is_old:
        yield {"range": {"creation": {"lt": _milliseconds(now - YEAR)}}}
    if query.type:
        yield {"term": {"type": query.type}}
    if query.realm:
        yield {"term": {"realm_name": query.realm}}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def without_position(query: ApiKeyQuery) -> ApiKeyQuery:
    """The same keys in the same order, from the start."""
    return replace(query, after=None, before=None, last=False, number=1)
