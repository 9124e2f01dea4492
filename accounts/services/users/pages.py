"""Pages of users: what is searched, filtered and sorted, and how one walks through them (`_security/_query/user`).

Native users are found by Elasticsearch; the few reserved ones, which its query does not know, are matched and sorted in here,
so that both stand in one order. A page is found by the row beside it (`search_after`), not by its number: it costs the same at
the end of 100,000 users as at the start, and nobody is missing or twice while others are added.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any, Final, Literal

from accounts.services import roles
from accounts.services.client import PersonClient
from accounts.services.users import unknown_roles, users
from accounts.services.users.users import User

Sort = Literal["username", "roles", "status"]
Flag = Literal["unknown-roles", "no-roles", "no-email"]
# What a row is sorted by, then its name; roles and the enabled flag are not unique.
Position = tuple[str | int | None, str]

FLAGS: Final[tuple[Flag, ...]] = ("unknown-roles", "no-roles", "no-email")
FIELDS: Final[dict[Sort, str]] = {"username": "username", "roles": "roles", "status": "enabled"}
MAX_SEARCH_LENGTH: Final = 200
MAX_WORDS: Final = 10
# Where Elasticsearch's standard tokenizer cuts a text, but for rare scripts.
NON_WORD: Final = re.compile(r"[^\w.'\u2019]+")


@dataclass(frozen=True)
class UserQuery:
    """What a list page asks for: the rows `after` or `before` another, or the `last` page, else the first."""

    q: str = ""
    roles: tuple[str, ...] = ()
    status: Literal["", "active", "deactivated"] = ""
    kind: Literal["", "native", "reserved"] = ""
    flags: tuple[Flag, ...] = ()
    sort: Sort = "username"
    descending: bool = False
    activity: bool = False  # also asks who has a profile in Kibana
    size: int = 20
    after: Position | None = None
    before: Position | None = None
    last: bool = False
    number: int = 1

    @property
    def is_filtered(self) -> bool:
        """Whether more than the kind is asked for."""
        return bool(self.q or self.roles or self.status or self.flags)

    @property
    def words(self) -> list[str]:
        """What is looked for; a text that is too long loses its end."""
        return self.q[:MAX_SEARCH_LENGTH].split()[:MAX_WORDS]


@dataclass(frozen=True)
class UserPage:
    """One page of a list, how many users there are in all, and the positions of its first and last row."""

    users: list[User]
    total: int
    number: int
    size: int
    start: Position | None = None
    end: Position | None = None
    has_next: bool = False

    @property
    def has_previous(self) -> bool:
        """Whether there is a page before it."""
        return self.number > 1

    @property
    def first(self) -> int:
        """The position of the page's first user, counted from 1; 0 when there is none."""
        return (self.number - 1) * self.size + 1 if self.users else 0

    @property
    def last(self) -> int:
        """The position of its last user."""
        return (self.number - 1) * self.size + len(self.users)

    @property
    def summary(self) -> str:
        """Which users these are, of how many, in words."""
        return f"Showing {self.first:,}\u2013{self.last:,} of {self.total:,}" if self.total else "No users"

    @property
    def place(self) -> str:
        """The page's number, and how many there are."""
        return f"{self.number:,} of {max(1, -(-self.total // self.size)):,}"


def search(client: PersonClient, query: UserQuery) -> UserPage:
    """A page of the users that match. Raises AccessDenied without read_security.

    Two calls, three with the flag unknown-roles. A page before the first, or after the last, is the first.
    """
    known = roles.names(client) if "unknown-roles" in query.flags else frozenset[str]()
    return _found(MatchingUsers(client, query, known, users.reserved(client)), query)


def list_page(client: PersonClient, query: UserQuery) -> UserPage:
    """The same for the page of the list: nonexistent roles may be those of CACHE_SECONDS ago, as existing roles may be."""
    if "unknown-roles" in query.flags:
        known, unknown = roles.names(client), unknown_roles.names(client)
        # Reserved users have reserved roles, all of which exist.
        matching = MatchingUsers(client, query, known, [], None if unknown is None else unknown - known)
    else:
        matching = MatchingUsers(client, query, frozenset(), users.reserved(client))
    return _found(matching, query)


def _found(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    if query.last:
        return _last_page(matching, query)
    if query.before:
        return _page_before(matching, query)
    if query.after:
        return _page_after(matching, query)
    return _first_page(matching, query)


def count_each(client: PersonClient, queries: Iterable[UserQuery]) -> list[int]:
    """How many users match each of the queries: one small call for each, and one for the reserved users and the roles."""
    known, reserved = roles.names(client), users.reserved(client)
    return [MatchingUsers(client, query, known, reserved).rows(None, 0)[1] for query in queries]


def _last_page(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    """As many rows as are left for it, so that walking back from it meets the same pages as walking on to it."""
    rows, total = matching.rows(None, query.size, backwards=True)
    number = max(1, -(-total // query.size))
    return _page(query, rows[-(total % query.size or query.size) :], total, number, has_next=False)


def _first_page(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    rows, total = matching.rows(None, query.size)
    return _page(query, rows, total, 1, has_next=total > query.size)


def _page_after(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    rows, total = matching.rows(query.after, query.size + 1)
    if not rows:  # those behind are gone
        return _first_page(matching, query)
    return _page(query, rows[: query.size], total, query.number, has_next=len(rows) > query.size)


def _page_before(matching: "MatchingUsers", query: UserQuery) -> UserPage:
    rows, total = matching.rows(query.before, query.size, backwards=True)
    if len(rows) < query.size or query.number <= 1:  # there are no more before: this is where the list begins
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
    ) -> None:
        """`known`: the roles that exist; `unknown`: those that do not, though users have them (None: to be found out)."""
        self._client = client
        self._query = query
        self._filter = _filter(query, known, unknown)
        self._order = _order(query)
        self._reserved = [user for user in reserved if query.kind != "native" and matches(user, query, known)]

    def rows(self, beside: Position | None, size: int, *, backwards: bool = False) -> tuple[list[Row], int]:
        """Up to `size` rows after a position (`backwards`: before it), in order, and how many match in all.

        Without a position from the start (`backwards`: up to the end).
        """
        natives, total = self._natives(beside, size, backwards=backwards) if self._query.kind != "reserved" else ([], 0)
        reserved = [(position_of(user, self._query), user) for user in self._reserved]
        merged = sorted([*natives, *self._beside(reserved, beside, backwards=backwards)], key=lambda row: self._order(row[0]))
        wanted = merged[max(0, len(merged) - size) :] if backwards else merged[:size]
        return wanted, total + len(reserved)

    def _beside(self, rows: list[Row], beside: Position | None, *, backwards: bool) -> Iterable[Row]:
        if beside is None:
            return rows
        limit = self._order(beside)
        return [row for row in rows if (self._order(row[0]) < limit if backwards else self._order(row[0]) > limit)]

    def _natives(self, beside: Position | None, size: int, *, backwards: bool) -> tuple[list[Row], int]:
        sort = _sort(self._query, backwards=backwards)
        after: Any = None if beside is None else list(beside)[-len(sort) :]
        answer = self._client.query_user(
            query=self._filter, sort=sort, size=size, search_after=after, with_profile_uid=self._query.activity or None
        )
        rows = [((body["_sort"][0], body["username"]), users.user_from_api(body)) for body in answer["users"]]
        return rows, answer["total"]


def position_of(user: User, query: UserQuery) -> Position:
    """Where a user stands in the query's order, as Elasticsearch would say."""
    if query.sort == "username":
        return user.username, user.username
    if query.sort == "status":
        return int(user.enabled), user.username
    best = max if query.descending else min
    return best(user.roles, default=None), user.username


def _order(query: UserQuery) -> Callable[[Position], Any]:
    """The key that sorts positions; names from A on, which is what most pages ask for, are quicker compared as they are."""
    if query.sort == "username" and not query.descending:
        return lambda position: position
    return cmp_to_key(_comparison(query))


def _comparison(query: UserQuery) -> Callable[[Position, Position], int]:
    """Elasticsearch's order: users without a value last, whatever the direction; equals by name."""
    forwards = -1 if query.descending else 1

    def compare(one: Position, other: Position) -> int:
        (value, name), (other_value, other_name) = one, other
        if value == other_value:
            return (name > other_name) - (name < other_name) if query.sort != "username" else 0
        if value is None or other_value is None:
            return 1 if value is None else -1
        return forwards if value > other_value else -forwards  # type: ignore[operator]  # both of one kind

    return compare


def _sort(query: UserQuery, *, backwards: bool) -> list[dict[str, Any]]:
    """By the field, then by name; backwards exactly the other way round."""
    order = "desc" if query.descending != backwards else "asc"
    by_field = {"order": order, "missing": "_first" if backwards else "_last", "mode": "max" if query.descending else "min"}
    if query.sort == "username":
        return [{"username": {"order": order}}]
    return [{FIELDS[query.sort]: by_field}, {"username": {"order": "desc" if backwards else "asc"}}]


def _filter(query: UserQuery, known: frozenset[str], unknown: frozenset[str] | None) -> dict[str, Any] | None:
    """None for everybody, which Elasticsearch finds a little sooner than what matches all."""
    clauses = [word_query(word) for word in query.words]
    if query.roles:
        clauses.append({"terms": {"roles": list(query.roles)}})
    if query.status:
        clauses.append({"term": {"enabled": query.status == "active"}})
    clauses += [_flag_query(flag, known, unknown) for flag in query.flags]
    return {"bool": {"filter": clauses}} if clauses else None


def word_query(word: str, names: Iterable[str] = ("username", "email", "roles")) -> dict[str, Any]:
    """Part of one of the fields or of the full name, whatever the case, taken literally.

    A full name is stored as its words, so that `jean-luc` stands there as two.
    """
    full_name = [_contains("full_name", part) for part in NON_WORD.split(word) if part]
    anywhere = [_contains(name, word) for name in names]
    return {"bool": {"should": [*anywhere, *([{"bool": {"filter": full_name}}] if full_name else [])]}}


def _contains(name: str, text: str) -> dict[str, Any]:
    literal = "".join("\\" + letter if letter in "*?\\" else letter for letter in text.lower())
    return {"wildcard": {name: {"value": f"*{literal}*", "case_insensitive": True}}}


def _flag_query(flag: Flag, known: frozenset[str], unknown: frozenset[str] | None) -> dict[str, Any]:
    if flag == "unknown-roles":
        return unknown_roles.any_but(known) if unknown is None else unknown_roles.any_of(unknown)
    # An empty address, as other programs leave it, exists too; but it has no letter.
    has = {"exists": {"field": "roles"}} if flag == "no-roles" else {"wildcard": {"email": {"value": "?*"}}}
    return {"bool": {"must_not": [has]}}


def matches(user: User, query: UserQuery, known: frozenset[str] = frozenset()) -> bool:
    """What `_filter` says, of one user."""
    texts = [text.lower() for text in (user.username, user.full_name, user.email, *user.roles)]
    has_words = all(any(word.lower() in text for text in texts) for word in query.words)
    has_role = not query.roles or not set(query.roles).isdisjoint(user.roles)
    has_status = not query.status or user.enabled == (query.status == "active")
    return has_words and has_role and has_status and all(_has_flag(user, flag, known) for flag in query.flags)


def _has_flag(user: User, flag: Flag, known: frozenset[str]) -> bool:
    if flag == "unknown-roles":
        return not known.issuperset(user.roles)
    return not (user.roles if flag == "no-roles" else user.email)
