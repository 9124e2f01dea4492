"""The list of all API keys of all realms, in pages (`_security/_query/api_key`).

A page is found by the row next to it (`search_after`), as in the list of users.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from typing import Final

from accounts.services import errors
from accounts.services.api_keys.keys import ApiKey, Key, active_query, from_api
from accounts.services.api_keys.privileges import escalations_of
from accounts.services.api_keys.query import ADMINISTRATOR, ApiKeyQuery, Position, clause, order_key, sort_clause
from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.roles import escalation
from accounts.services.roles.escalation import Escalation

# Position, number of keys, whether backwards; returns keys, and the number of all that match.
Reader = Callable[[Position | None, int, bool], tuple[list[Key], int]]
BATCH_SIZE: Final = 1000
MAX_READ: Final = 10_000  # More than these aren't compared within a request; each batch takes 100 ms or more.
REALMS: Final = {"terms": {"field": "realm_name", "size": 1000}}


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key, and how whoever has it becomes an administrator, certain paths first."""

    key: ApiKey
    escalations: tuple[Escalation, ...]

    @classmethod
    def of(cls, body: Key) -> "ListedKey":
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

    One call, or one for each BATCH_SIZE keys if they have to be compared here. Raises AccessDenied without `read_security`,
    TooManyKeys.
    """
    read = _reader(client, query)
    if query.last:
        bodies, total = read(None, query.size, True)
        rest = total % query.size or query.size
        return _page(query, bodies[-rest:], total, max(1, -(-total // query.size)), has_next=False)
    if query.before and query.number > 1:
        bodies, total = read(query.before, query.size, True)
        if len(bodies) == query.size:
            return _page(query, bodies, total, query.number, has_next=True)
    if query.after:
        bodies, total = read(query.after, query.size + 1, False)
        if bodies:
            return _page(query, bodies[: query.size], total, query.number, has_next=len(bodies) > query.size)
    bodies, total = read(None, query.size, False)
    return _page(query, bodies, total, 1, has_next=total > len(bodies))


def count(client: PersonClient, query: ApiKeyQuery) -> int:
    """How many keys match. With `administrator`, all others are read and compared."""
    if query.administrator:
        return sum(map(len, batches(client, query)))
    with _type_is_searchable(query):
        return int(client.query_api_keys(query=clause(query), size=0)["total"])


def batches(client: PersonClient, query: ApiKeyQuery) -> Iterator[list[ListedKey]]:
    """All keys that match, in the order of the query. Another thread reads the next batch while the caller processes this one."""

    def read(after: Position | None) -> list[Key]:
        return _read(client, query, after, BATCH_SIZE, False)[0]

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(copy_context().run, read, None)
        while True:
            bodies = pending.result()
            is_last = len(bodies) < BATCH_SIZE
            if not is_last:
                pending = pool.submit(copy_context().run, read, bodies[-1]["_sort"])
            yield [ListedKey.of(body) for body in bodies if _fits(body, query)]
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
            "filters": {"filters": {"filters": {name: clause(query) for name, query in filters.items()}}},
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


def _page(query: ApiKeyQuery, bodies: list[Key], total: int, number: int, *, has_next: bool) -> ApiKeyPage:
    start, end = (bodies[0]["_sort"], bodies[-1]["_sort"]) if bodies else (None, None)
    return ApiKeyPage([ListedKey.of(body) for body in bodies], total, number, query.size, start, end, has_next)


def _reader(client: PersonClient, query: ApiKeyQuery) -> Reader:
    """Reads matching keys. Elasticsearch can't search for what they can do: these are compared here, all at once."""
    if not query.administrator:
        return partial(_read, client, query)
    found, key = _compared(client, query), order_key(query)

    def read(position: Position | None, size: int, backwards: bool) -> tuple[list[Key], int]:
        beyond = found
        if position is not None:
            limit = key(position)
            beyond = [body for body in found if (key(body["_sort"]) < limit if backwards else key(body["_sort"]) > limit)]
        return beyond[-size:] if backwards else beyond[:size], len(found)

    return read


def _compared(client: PersonClient, query: ApiKeyQuery) -> list[Key]:
    """All keys that match, in the order of the query. Raises TooManyKeys."""
    found: list[Key] = []
    after: Position | None = None
    while True:
        bodies, total = _read(client, query, after, BATCH_SIZE, False)
        if total > MAX_READ:
            raise errors.TooManyKeys(f"the filter depends on what {total:,} API keys can do")
        found += [body for body in bodies if _fits(body, query)]
        if len(bodies) < BATCH_SIZE:
            return found
        after = bodies[-1]["_sort"]


def _fits(body: Key, query: ApiKeyQuery) -> bool:
    """Whether a key that Elasticsearch found matches what it can't search."""
    if not query.administrator:
        return True
    return escalation.is_administrator(escalations_of(body)) is ADMINISTRATOR[query.administrator]


def _read(client: PersonClient, query: ApiKeyQuery, position: Position | None, size: int, backwards: bool) -> tuple[list[Key], int]:
    """Keys after the position (`backwards`: before it), in the order of the query, and the number of all that match."""
    with _type_is_searchable(query):
        answer = client.query_api_keys(
            query=clause(query),
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
