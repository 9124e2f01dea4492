"""Pages of users: native users found by Elasticsearch, with the reserved ones sorted in.

A page is found by the row next to it (`search_after`), not by its number: this costs the same at the end of 100,000 users as at
the start, and no user is missing or listed twice while others are added.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from typing import Any, Final

from accounts.services import audit, errors, roles
from accounts.services.client import PersonClient
from accounts.services.users import administrators, text_search, unknown_roles, users
from accounts.services.users.administrators import NOBODY, Administration
from accounts.services.users.query import (
    NO_ACTIVITY,
    Position,
    UserQuery,
    filter_clause,
    matches,
    order_key,
    position_of,
    sort_clause,
)
from accounts.services.users.text_search import Clause
from accounts.services.users.users import User

BATCH_SIZE: Final = 1000
# More than these aren't compared within a request; each batch takes 20 ms or more.
MAX_READ: Final = 10_000


@dataclass(frozen=True)
class UserPage:
    """A page of the user list, the number of all users, and the positions of its first and last row."""

    users: list[User]
    total: int
    number: int
    size: int
    start: Position | None = None
    end: Position | None = None
    has_next: bool = False

    @property
    def has_previous(self) -> bool:
        return self.number > 1

    @property
    def first(self) -> int:
        """The position of the first user of the page, from 1; 0 for an empty page."""
        return (self.number - 1) * self.size + 1 if self.users else 0

    @property
    def last(self) -> int:
        return (self.number - 1) * self.size + len(self.users)

    @property
    def summary(self) -> str:
        return f"Showing {self.range}" if self.total else "No users"

    @property
    def range(self) -> str:
        return f"{self.first:,}\u2013{self.last:,} of {self.total:,}"

    @property
    def place(self) -> str:
        return f"{self.number:,} of {max(1, -(-self.total // self.size)):,}"


def search(client: PersonClient, query: UserQuery) -> UserPage:
    """A page of the users that match. Raises AccessDenied without `read_security`.

    Two calls, and one each for search words and the flag unknown-roles. Before the first page and after the last one, the first
    page is returned.
    """
    known = roles.names(client) if "unknown-roles" in query.flags else frozenset[str]()
    administration = administration_for(client, query)
    return _requested_page(MatchingUsers(client, query, known, users.reserved(client), administration=administration), query)


def administration_for(client: PersonClient, query: UserQuery) -> Administration:
    """Who is an administrator, if the query depends on it. Otherwise no call."""
    return administrators.of_all_roles(client) if query.needs_administration else NOBODY


def list_page(client: PersonClient, query: UserQuery) -> UserPage:
    """The same for the user list: nonexistent roles may be cached for CACHE_SECONDS, like existing roles."""
    administration = administration_for(client, query)
    if "unknown-roles" in query.flags:
        known, unknown = roles.names(client), unknown_roles.names(client)
        # Reserved users have reserved roles, all of which exist.
        matching = MatchingUsers(
            client, query, known, [], None if unknown is None else unknown - known, administration=administration
        )
    else:
        matching = MatchingUsers(client, query, frozenset(), users.reserved(client), administration=administration)
    return _requested_page(matching, query)


def _requested_page(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    if query.last:
        return _last_page(matching, query)
    if query.before:
        return _page_before(matching, query)
    if query.after:
        return _page_after(matching, query)
    return _first_page(matching, query)


def count_each(client: PersonClient, queries: Iterable[UserQuery]) -> list[int | None]:
    """The number of users that match each query, None if the cluster doesn't allow to search for it.

    A small call each, and one each for reserved users, roles, anonymous access, and search words.
    """
    known, reserved, administration = roles.names(client), users.reserved(client), administrators.of_all_roles(client)
    words_clause = cache(partial(text_search.words_clause, client))

    def count(query: UserQuery) -> int | None:
        try:
            words = words_clause(tuple(query.words)) if query.words else None
            return MatchingUsers(client, query, known, reserved, words=words, max_read=0, administration=administration).rows(
                None, 0
            )[1]
        except errors.SearchNotAllowed:
            return None

    return [count(query) for query in queries]


def _last_page(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    """Only the remaining rows, so that paging back shows the same pages as paging forward."""
    rows, total = matching.rows(None, query.size, backwards=True)
    number = max(1, -(-total // query.size))
    return _page(query, rows[-(total % query.size or query.size) :], total, number, has_next=False)


def _first_page(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    rows, total = matching.rows(None, query.size)
    return _page(query, rows, total, 1, has_next=total > query.size)


def _page_after(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    rows, total = matching.rows(query.after, query.size + 1)
    if not rows:  # the users after the position were deleted
        return _first_page(matching, query)
    return _page(query, rows[: query.size], total, query.number, has_next=len(rows) > query.size)


def _page_before(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    rows, total = matching.rows(query.before, query.size, backwards=True)
    if len(rows) < query.size or query.number <= 1:  # this is the start of the list
        return _first_page(matching, query)
    return _page(query, rows, total, query.number, has_next=True)


def _page(query: UserQuery, rows: "list[Row]", total: int, number: int, *, has_next: bool) -> UserPage:
    start, end = (rows[0][0], rows[-1][0]) if rows else (None, None)
    return UserPage([user for _, user in rows], total, number, query.size, start, end, has_next)


Row = tuple[Position, User]


class MatchingUsers:
    """The users that match a query, in its order."""

    def __init__(
        self,
        client: PersonClient,
        query: UserQuery,
        known: frozenset[str],
        reserved: list[User],
        unknown: frozenset[str] | None = None,
        words: Clause | None = None,
        max_read: float | None = None,
        administration: Administration = NOBODY,
    ) -> None:
        """`known`: existing roles.

        Read if they are needed and None: nonexistent roles of users (`unknown`), the clause for the search words (`words`).
        `max_read`: how many users are read and compared here if the cluster doesn't allow the query; None: MAX_READ.
        """
        self._client = client
        self._query = query
        self._known = known
        self._unknown = unknown
        self._words = words
        self._max_read = MAX_READ if max_read is None else max_read
        self._administration = administration
        self._order = order_key(query)
        self._all_reserved = reserved if query.kind != "native" else []
        self._compared: list[Row] | None = None

    def rows(self, position: Position | None, size: int, *, backwards: bool = False) -> tuple[list[Row], int]:
        """Up to `size` rows after a position (`backwards`: before it), in order, and the number of all matches.

        Without a position: the first rows (`backwards`: the last ones). Raises SearchNotAllowed if the cluster doesn't allow the
        query and there are too many users to compare.
        """
        natives, total = self._natives(position, size, backwards=backwards) if self._query.kind != "reserved" else ([], 0)
        reserved = [(position_of(user, self._query), user) for user in self._reserved]
        merged = sorted([*natives, *self._beyond(reserved, position, backwards=backwards)], key=lambda row: self._order(row[0]))
        wanted = merged[max(0, len(merged) - size) :] if backwards else merged[:size]
        return wanted, total + len(reserved)

    def _beyond(self, rows: list[Row], position: Position | None, *, backwards: bool) -> Iterable[Row]:
        if position is None:
            return rows
        limit = self._order(position)
        return [row for row in rows if (self._order(row[0]) < limit if backwards else self._order(row[0]) > limit)]

    def _natives(self, position: Position | None, size: int, *, backwards: bool) -> tuple[Iterable[Row], int]:
        if self._compared is None:
            try:
                if not self._query.is_searchable:
                    raise errors.FilterNotSearchable("the filter needs metadata or the audit trail")
                return self._read(self._filter, position, size, backwards=backwards)
            except errors.SearchNotAllowed:
                self._compared = self._compare()
                if self._compared is None:
                    raise
        return self._beyond(self._compared, position, backwards=backwards), len(self._compared)

    @cached_property
    def _reserved(self) -> list[User]:
        return self._matching(self._all_reserved)

    @cached_property
    def _filter(self) -> Clause | None:
        if self._words is None and self._query.words:
            self._words = text_search.words_clause(self._client, self._query.words)
        return filter_clause(self._query, self._words, self._known, self._unknown, self._administration)

    def _compare(self) -> list[Row] | None:
        """All matching native users, None if there are too many to compare."""
        is_active = "past-end-date" in self._query.flags or "ends-soon" in self._query.flags
        status = "active" if is_active and not self._query.status else self._query.status
        allowed = filter_clause(replace(self._query, flags=(), status=status), None, self._known, self._unknown)
        found: list[Row] = []
        rows, total = self._read(allowed, None, BATCH_SIZE if self._max_read else 0)
        while rows and total <= self._max_read:
            matching = {user.username for user in self._matching([user for _, user in rows])}
            found += [row for row in rows if row[1].username in matching]
            rows, total = self._read(allowed, rows[-1][0], BATCH_SIZE)
        return found if total <= self._max_read else None

    def _matching(self, among: list[User]) -> list[User]:
        activity = audit.activity_of([user.username for user in among]) if self._query.needs_activity else {}
        return [
            user
            for user in among
            if matches(user, self._query, self._known, self._administration, activity.get(user.username, NO_ACTIVITY))
        ]

    def _read(
        self, clause: Clause | None, position: Position | None, size: int, *, backwards: bool = False
    ) -> tuple[list[Row], int]:
        sort = sort_clause(self._query, backwards=backwards)
        after: Any = None if position is None else list(position)[-len(sort) :]
        answer = self._client.query_user(
            query=clause, sort=sort, size=size, search_after=after, with_profile_uid=self._query.activity or None
        )
        rows = [((body["_sort"][0], body["username"]), users.user_from_api(body)) for body in answer["users"]]
        return rows, answer["total"]
