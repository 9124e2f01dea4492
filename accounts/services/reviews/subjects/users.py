"""Reviews of users: their rows are those of an export."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from accounts.services import audit, users
from accounts.services.api_keys import KEYS_STAY
from accounts.services.audit.actions import USER_CHANGES
from accounts.services.client import PersonClient
from accounts.services.exports.filters import describe
from accounts.services.exports.rows import COLUMNS, NO_ACTIVITY, RowContext
from accounts.services.request_context import Actor
from accounts.services.reviews.subjects.base import Batch, Current, Removal, RemovalWords, Row, Subject, plain
from accounts.services.users import User, UserQuery

# The fields of a query that select users, without the position in the list.
QUERY_FIELDS: Final = ("q", "roles", "status", "kind", "flags", "password_days")
REMOVE: Final[Mapping[Removal, Callable[[PersonClient, str, User], None]]] = {"delete": users.delete, "deactivate": users.disable}


class Users(Subject[UserQuery]):
    slug = "users"
    noun = "user"
    columns = COLUMNS
    identity = "username"
    order = ("username",)
    decisions = {"keep": "Keep", "change": "Change", "remove": "Remove"}
    removals = {
        "deactivate": RemovalWords(
            "Deactivate",
            "deactivated",
            "Deactivating",
            f"The user immediately loses access to Elastic. {KEYS_STAY}",
            f"They immediately lose access to Elastic. {KEYS_STAY}",
            can_be_undone=True,
        ),
        "delete": RemovalWords(
            "Delete",
            "deleted",
            "Deleting",
            f"This can't be undone. {KEYS_STAY}",
            f"This can't be undone. {KEYS_STAY}",
        ),
    }
    lists = ("roles", "unknown_roles")
    searched = ("username", "full_name", "email", "roles")
    search_hint = "Search by name, email address, or role"
    page = "user_edit"
    kind = "user"
    actions = USER_CHANGES

    @property
    def heading(self) -> str:
        return COLUMNS["username"]

    def describe(self, query: UserQuery) -> str:
        return describe(_sorted(query))

    def stored(self, query: UserQuery) -> dict[str, Any]:
        fields = asdict(query)
        return {name: fields[name] for name in QUERY_FIELDS}

    def loaded(self, fields: Mapping[str, Any]) -> UserQuery:
        return UserQuery(**{**fields, **{name: tuple(fields[name]) for name in ("roles", "flags")}})

    def count(self, client: PersonClient, query: UserQuery) -> int:
        return users.search(client, query).total

    def batch(self, client: PersonClient, query: UserQuery, after: Row | None, size: int) -> Batch:
        name = after and after["username"]
        page = users.search(client, replace(_sorted(query), size=size, after=(name, name) if name else None))
        # After the last user, the list starts again.
        is_after = not name or not page.users or page.users[0].username > name
        return Batch(_rows(client, page.users) if is_after and page.users else [], page.total)

    def current(self, client: PersonClient, rows: Sequence[Row]) -> dict[str, Current]:
        names = [row["username"] for row in rows]
        native = users.get_many(client, names) if names else []
        found = {user.username: user for user in [*users.reserved(client), *native]}
        return {name: _current(found.get(name)) for name in names}

    def remove(self, client: PersonClient, removal: Removal, current: Current) -> None:
        REMOVE[removal](client, current.thing.username, current.thing)

    def is_own(self, row: Row, actor: Actor) -> bool:
        return actor.is_native_or_reserved and actor.username == row["username"]


def _sorted(query: UserQuery) -> UserQuery:
    return replace(query, sort="username", descending=False)


def _rows(client: PersonClient, found: Sequence[User]) -> list[dict[str, Any]]:
    """A row for each user; None where there is no information. Three calls for all of them."""
    context, activity = RowContext.load(client), audit.activity_of([user.username for user in found])
    rows = [context.row(user, activity.get(user.username, NO_ACTIVITY)) for user in found]
    return [{name: plain(value) for name, value in row._asdict().items()} for row in rows]


def _current(user: User | None) -> Current:
    if user is None:
        return Current(None, "Deleted", is_removed=True)
    return Current(user, "Active" if user.enabled else "Deactivated", is_removed=not user.enabled)
