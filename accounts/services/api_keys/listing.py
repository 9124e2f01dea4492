"""The list of all API keys of all realms: filters, order, and pages (`_security/_query/api_key`).

A page is found by the row next to it (`search_after`), as in the list of users.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from accounts.services import errors
from accounts.services.api_keys.keys import ApiKey, active_query, from_api
from accounts.services.api_keys.privileges import escalations_of
from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.documents.queries import contains
from accounts.services.roles import escalation
from accounts.services.roles.escalation import Escalation

State = Literal["", "active", "expired", "revoked"]
Expiration = Literal["", "never", "soon"]
Sort = Literal["name", "owner", "created", "expires"]
Position = list[str | int | None]
Clause = dict[str, Any]

BATCH_SIZE: Final = 1000
REALMS: Final = {"terms": {"field": "realm_name", "size": 1000}}
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
        return bool(self.words or self.state or self.expiration or self.is_old or self.type or self.realm)


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key, and how whoever has it becomes an administrator, certain paths first."""

    key: ApiKey
    escalations: tuple[Escalation, ...]

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "ListedKey":
        return cls(from_api(body), escalations_of(body))

    @property
    def is_administrator(self) -> bool | None:
        return escalation.is_administrator(self.escalations)


@dataclass(frozen=True)
class ApiKeyPage:
    """A page of the list, the number of all matching keys, and the positions of its first and last row."""

    rows: list[ListedKey]
    total: int
    number: int
    size: int
    start: Position | None = None
    end: Position | None = None
    has_next: bool = False

    @property
    def range(self) -> str:
        first = (self.number - 1) * self.size + 1 if self.rows else 0
        return f"{first:,}\u2013{(self.number - 1) * self.size + len(self.rows):,} of {self.total:,}"

    @property
    def place(self) -> str:
        return f"{self.number:,} of {max(1, -(-self.total // self.size)):,}"


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of keys: of all, by filter (not by type, which needs a script), and by realm."""

    total: int
    by_filter: Mapping[str, int]
    by_realm: Mapping[str, int]


def find(client: PersonClient, query: ApiKeyQuery) -> ApiKeyPage:
    """A page of the keys that match; the first page if there is nothing at the position.

    One call. Raises AccessDenied without `read_security`.
    """
    if query.last:
        bodies, total = _read(client, query, None, query.size, backwards=True)
        rest = total % query.size or query.size
        return _page(query, bodies[-rest:], total, max(1, -(-total // query.size)), has_next=False)
    if query.before and query.number > 1:
        bodies, total = _read(client, query, query.before, query.size, backwards=True)
        if len(bodies) == query.size:
            return _page(query, bodies, total, query.number, has_next=True)
    if query.after:
        bodies, total = _read(client, query, query.after, query.size + 1)
        if bodies:
            return _page(query, bodies[: query.size], total, query.number, has_next=len(bodies) > query.size)
    bodies, total = _read(client, query, None, query.size)
    return _page(query, bodies, total, 1, has_next=total > len(bodies))


def count(client: PersonClient, query: ApiKeyQuery) -> int:
    """How many keys match."""
    with _type_is_searchable(query):
        return int(client.query_api_keys(query=_clause(query), size=0)["total"])


def batches(client: PersonClient, query: ApiKeyQuery) -> Iterator[list[ListedKey]]:
    """All keys that match, in the order of the query. Another thread reads the next batch while the caller processes this one."""

    def read(after: Position | None) -> list[Mapping[str, Any]]:
        return _read(client, query, after, BATCH_SIZE)[0]

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(copy_context().run, read, None)
        while True:
            bodies = pending.result()
            is_last = len(bodies) < BATCH_SIZE
            if not is_last:
                pending = pool.submit(copy_context().run, read, bodies[-1]["_sort"])
            yield [ListedKey.of(body) for body in bodies]
            if is_last:
                return


@cached_per_scope
def summary(client: PersonClient) -> Summary:
    """The numbers of all keys, in one call, cached. Raises AccessDenied without `read_security`."""
    filters = {
        **{state: ApiKeyQuery(state=state) for state in ("active", "expired", "revoked")},
        **{expiration: ApiKeyQuery(expiration=expiration) for expiration in ("never", "soon")},
        "old": ApiKeyQuery(is_old=True),
    }
    answer = client.query_api_keys(
        size=0,
        aggs={
            "filters": {"filters": {"filters": {name: _clause(query) for name, query in filters.items()}}},
            "realms": REALMS,
        },
    )
    found = answer["aggregations"]
    return Summary(
        answer["total"],
        {name: bucket["doc_count"] for name, bucket in found["filters"]["buckets"].items()},
        {
            bucket["key"]: bucket["doc_count"]
            for bucket in sorted(found["realms"]["buckets"], key=lambda bucket: str(bucket["key"]))
        },
    )


def active_realms(client: PersonClient) -> list[str]:
    """The realms of the owners of active keys. Raises AccessDenied without `read_security`."""
    answer = client.query_api_keys(query=active_query(), size=0, aggs={"realms": REALMS})
    return sorted(bucket["key"] for bucket in answer["aggregations"]["realms"]["buckets"])


def _page(query: ApiKeyQuery, bodies: list[Mapping[str, Any]], total: int, number: int, *, has_next: bool) -> ApiKeyPage:
    start, end = (bodies[0]["_sort"], bodies[-1]["_sort"]) if bodies else (None, None)
    return ApiKeyPage([ListedKey.of(body) for body in bodies], total, number, query.size, start, end, has_next)


def _read(
    client: PersonClient, query: ApiKeyQuery, position: Position | None, size: int, *, backwards: bool = False
) -> tuple[list[Mapping[str, Any]], int]:
    """Keys after the position (`backwards`: before it), in the order of the query, and the number of all that match."""
    with _type_is_searchable(query):
        answer = client.query_api_keys(
            query=_clause(query),
            sort=sort_clause(query, backwards=backwards),
            size=size,
            search_after=position,
            with_limited_by=True,
        )
    return answer["api_keys"][::-1] if backwards else answer["api_keys"], answer["total"]


@contextmanager
def _type_is_searchable(query: ApiKeyQuery) -> Iterator[None]:
    """Elasticsearch finds the type of a key with a script, and some clusters run none. Raises SearchNeedsScripts there."""
    try:
        yield
    except errors.Invalid as exc:
        if not query.type:
            raise
        raise errors.SearchNeedsScripts(str(exc)) from None


def sort_clause(query: ApiKeyQuery, *, backwards: bool = False) -> list[Mapping[str, Any]]:
    """By the field, then by what identifies a key; `backwards` in exactly the opposite order. Keys that never expire are last."""
    order = "desc" if query.descending != backwards else "asc"
    field = FIELDS[query.sort]
    by_field = {field: {"order": order, "missing": "_first" if backwards else "_last"}}
    return [by_field, *({name: {"order": "desc" if backwards else "asc"}} for name in IDENTIFYING if name != field)]


def _clause(query: ApiKeyQuery) -> Clause:
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
