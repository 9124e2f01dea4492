"""Queries of the user list: for `_security/_query/user`, and the same in Python for the reserved users.

`_query/user` has only native users. The reserved users are matched and sorted here, so that both are in one order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cmp_to_key
from typing import Any, Final, Literal

from django.utils import timezone

from accounts.services.audit import UserActivity
from accounts.services.users import end_dates, password_age, text_search, unknown_roles
from accounts.services.users.administrators import NOBODY, Administration
from accounts.services.users.users import User

Sort = Literal["username", "roles", "status"]
EndDateFlag = Literal["past-end-date", "ends-soon", "end-date"]
PasswordFlag = Literal["password-90-days", "password-1-year", "password-age-unknown"]
AdministratorFlag = Literal["administrator", "possible-administrator", "no-administrator"]
Flag = AdministratorFlag | Literal["unknown-roles", "no-roles", "no-email"] | EndDateFlag | PasswordFlag
# The sort value and the username, because roles and the enabled flag aren't unique.
Position = tuple[str | int | None, str]
NO_ACTIVITY: Final = UserActivity()
FLAGS: Final[tuple[Flag, ...]] = (
    "administrator",
    "possible-administrator",
    "no-administrator",
    "unknown-roles",
    "no-roles",
    "no-email",
    "past-end-date",
    "ends-soon",
    "end-date",
    "password-90-days",
    "password-1-year",
    "password-age-unknown",
)
# What `Administration.is_administrator` says of the users.
ADMINISTRATION: Final[dict[Flag, bool | None]] = {"administrator": True, "possible-administrator": None, "no-administrator": False}
HAS_END_DATE: Final[dict[Flag, Callable[[User], bool]]] = {
    "past-end-date": end_dates.is_past,
    "ends-soon": end_dates.ends_within_a_month,
    "end-date": lambda user: end_dates.of(user) is not None,
}
PASSWORD_AGE: Final[dict[Flag, Callable[[UserActivity, datetime], bool]]] = {
    "password-90-days": lambda activity, now: password_age.is_older(activity, timedelta(days=90), now),
    "password-1-year": lambda activity, now: password_age.is_older(activity, password_age.YEAR, now),
    "password-age-unknown": lambda activity, now: activity.password_changed is None,
}
FIELDS: Final[dict[Sort, str]] = {"username": "username", "roles": "roles", "status": "enabled"}
MAX_SEARCH_LENGTH: Final = 200
MAX_WORDS: Final = 10


@dataclass(frozen=True)
class UserQuery:
    """A page of the user list: the rows `after` or `before` a position, or the `last` page, else the first."""

    q: str = ""
    roles: tuple[str, ...] = ()
    status: Literal["", "active", "deactivated"] = ""
    kind: Literal["", "native", "reserved"] = ""
    flags: tuple[Flag, ...] = ()
    password_days: int = 0  # only passwords of which it is known that they are older; 0: all
    sort: Sort = "username"
    descending: bool = False
    activity: bool = False  # includes the ID of the Kibana profile
    size: int = 20
    after: Position | None = None
    before: Position | None = None
    last: bool = False
    number: int = 1

    @property
    def is_filtered(self) -> bool:
        """Whether there is a filter besides the kind."""
        return bool(self.q or self.roles or self.status or self.flags or self.password_days)

    @property
    def needs_administration(self) -> bool:
        return not ADMINISTRATION.keys().isdisjoint(self.flags)

    @property
    def needs_activity(self) -> bool:
        """Whether it depends on the audit trail."""
        return bool(self.password_days) or not PASSWORD_AGE.keys().isdisjoint(self.flags)

    @property
    def is_searchable(self) -> bool:
        """Whether Elasticsearch can evaluate it. It can't search metadata, and has no dates of passwords."""
        return HAS_END_DATE.keys().isdisjoint(self.flags) and not self.needs_activity

    @property
    def words(self) -> list[str]:
        """The search words; a text that is too long is truncated."""
        return self.q[:MAX_SEARCH_LENGTH].split()[:MAX_WORDS]


def position_of(user: User, query: UserQuery) -> Position:
    """The position of a user in the order of the query, as `search_after` takes it."""
    if query.sort == "username":
        return user.username, user.username
    if query.sort == "status":
        return int(user.enabled), user.username
    best = max if query.descending else min
    return best(user.roles, default=None), user.username


def order_key(query: UserQuery) -> Callable[[Position], Any]:
    """The sort key of positions. Ascending usernames, the most frequent order, need no comparison function."""
    if query.sort == "username" and not query.descending:
        return lambda position: position
    return cmp_to_key(_comparison(query))


def _comparison(query: UserQuery) -> Callable[[Position, Position], int]:
    """The order of Elasticsearch: users without a value last in both directions, equal values by username."""
    forwards = -1 if query.descending else 1

    def compare(one: Position, other: Position) -> int:
        (value, name), (other_value, other_name) = one, other
        if value == other_value:
            return (name > other_name) - (name < other_name) if query.sort != "username" else 0
        if value is None or other_value is None:
            return 1 if value is None else -1
        return forwards if value > other_value else -forwards  # type: ignore[operator]  # both have the same type

    return compare


def sort_clause(query: UserQuery, *, backwards: bool) -> list[dict[str, Any]]:
    """By the field, then by username; `backwards` in exactly the opposite order."""
    order = "desc" if query.descending != backwards else "asc"
    by_field = {"order": order, "missing": "_first" if backwards else "_last", "mode": "max" if query.descending else "min"}
    if query.sort == "username":
        return [{"username": {"order": order}}]
    return [{FIELDS[query.sort]: by_field}, {"username": {"order": "desc" if backwards else "asc"}}]


def filter_clause(
    query: UserQuery,
    words: dict[str, Any] | None,
    known: frozenset[str],
    unknown: frozenset[str] | None,
    administration: Administration = NOBODY,
) -> dict[str, Any] | None:
    """None for all users, which is a little faster than `match_all`. `words`: the clause for the search words."""
    clauses = [words] if words else []
    if query.roles:
        clauses.append({"terms": {"roles": list(query.roles)}})
    if query.status:
        clauses.append({"term": {"enabled": query.status == "active"}})
    clauses += [_flag_query(flag, known, unknown, administration) for flag in query.flags]
    return {"bool": {"filter": clauses}} if clauses else None


def _flag_query(
    flag: Flag, known: frozenset[str], unknown: frozenset[str] | None, administration: Administration
) -> dict[str, Any]:
    if flag == "administrator":
        return administration.certain_query()
    if flag == "possible-administrator":
        return {"bool": {"filter": [administration.possible_query()], "must_not": [administration.certain_query()]}}
    if flag == "no-administrator":
        return {"bool": {"must_not": [administration.possible_query(), administration.certain_query()]}}
    if flag == "unknown-roles":
        return unknown_roles.any_but(known) if unknown is None else unknown_roles.any_of(unknown)
    # Other programs store an empty email address, for which `exists` matches.
    has = {"exists": {"field": "roles"}} if flag == "no-roles" else {"wildcard": {"email": {"value": "?*"}}}
    return {"bool": {"must_not": [has]}}


def matches(
    user: User,
    query: UserQuery,
    known: frozenset[str] = frozenset(),
    administration: Administration = NOBODY,
    activity: UserActivity = NO_ACTIVITY,
) -> bool:
    """Whether `filter_clause` matches this user. `activity`: only for a query that needs it."""
    has_words = not query.words or text_search.has_words(query.words, user.username, user.full_name, user.email, *user.roles)
    has_role = not query.roles or not set(query.roles).isdisjoint(user.roles)
    has_status = not query.status or user.enabled == (query.status == "active")
    return (
        has_words
        and has_role
        and has_status
        and _has_age(query.password_days, activity)
        and all(_has_flag(user, flag, known, administration, activity) for flag in query.flags)
    )


def _has_age(days: int, activity: UserActivity) -> bool:
    return not days or password_age.is_older(activity, timedelta(days=days), timezone.now())


def _has_flag(user: User, flag: Flag, known: frozenset[str], administration: Administration, activity: UserActivity) -> bool:
    if flag in HAS_END_DATE:
        return HAS_END_DATE[flag](user)
    if flag in PASSWORD_AGE:
        return PASSWORD_AGE[flag](activity, timezone.now())
    if flag in ADMINISTRATION:
        return administration.is_administrator(user.roles) is ADMINISTRATION[flag]
    if flag == "unknown-roles":
        return not known.issuperset(user.roles)
    return not (user.roles if flag == "no-roles" else user.email)
