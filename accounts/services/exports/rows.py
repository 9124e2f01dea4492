"""One row of an export: a user, with API keys, activity, and whether and how they can manage users."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self

from accounts.services import api_keys, audit, errors, roles
from accounts.services.client import PersonClient
from accounts.services.roles import AnonymousAccess
from accounts.services.users import User, administrators, end_dates
from accounts.services.users.administrators import Administration

# Where nothing is known; a cell is never empty.
NO_INFORMATION: Final = "no information"
NO_ACTIVITY: Final = audit.UserActivity()
COLUMNS: Final = {
    "username": "Username",
    "full_name": "Full name",
    "email": "Email address",
    "enabled": "Enabled",
    "reserved": "Reserved",
    "deprecated": "Deprecated",
    "roles": "Roles",
    "unknown_roles": "Nonexistent roles",
    "can_manage_users": "Can manage users",
    "how": "How",
    "active_api_keys": "Active API keys",
    "created": "Created",
    "last_sign_in": "Last sign-in",
    "password_changed": "Password changed",
    "active_until": "Active until",
    "metadata": "Metadata",
}
ADDED: Final = frozenset({"how"})  # after 0.1.0, whose files don't have them
MAX_PATHS: Final = 20  # what has more could be too long for a cell


class Row(NamedTuple):
    """The columns. None means no information; "" and () mean that the user has none."""

    username: str
    full_name: str
    email: str
    enabled: bool
    reserved: bool
    deprecated: bool
    roles: tuple[str, ...]
    unknown_roles: tuple[str, ...]
    can_manage_users: bool | None
    how: str | None
    active_api_keys: int | None
    created: datetime | None
    last_sign_in: datetime | None
    password_changed: datetime | None
    active_until: str | None
    metadata: Mapping[str, Any]


class RowContext:
    """What all rows need: which roles exist, which make an administrator, anonymous access, and who owns active API keys."""

    def __init__(
        self,
        known: frozenset[str],
        administration: Administration,
        keys: Counter[tuple[str, bool]] | None,
    ) -> None:
        self._known = known
        self._administration = administration
        self._keys = keys
        self._judge = lru_cache(1024)(self._of_roles)  # many users have the same roles

    @property
    def anonymous(self) -> AnonymousAccess:
        return self._administration.anonymous

    @classmethod
    def load(cls, client: PersonClient) -> Self:
        """Raises AccessDenied without read_security."""
        known, anonymous = roles.all_roles(client), roles.anonymous_access(client)
        return cls(
            frozenset(role.name for role in known),
            administrators.load(client, known, anonymous),
            _keys(client),
        )

    def row(self, user: User, activity: audit.UserActivity = NO_ACTIVITY) -> Row:
        """The row of a user."""
        reserved = user.is_reserved
        can_manage, how = self._judge(user.roles)
        return Row(
            user.username,
            user.full_name,
            user.email,
            user.enabled,
            reserved,
            user.is_deprecated,
            user.roles,
            () if self._known.issuperset(user.roles) else tuple(role for role in user.roles if role not in self._known),
            can_manage,
            how,
            None if self._keys is None else self._keys[user.username, reserved],
            activity.created,
            activity.last_sign_in,
            activity.password_changed,
            _active_until(user),
            user.metadata,
        )

    def _of_roles(self, roles: tuple[str, ...]) -> tuple[bool | None, str | None]:
        """Whether users with these roles can become an administrator, and how: each path with its role."""
        answer = self._administration.is_administrator(roles)
        paths = [f"{role}: {escalation}" for role, escalation in self._administration.escalations_of(roles)]
        more = [f"and {len(paths) - MAX_PATHS} more"] if len(paths) > MAX_PATHS else []
        return answer, "; ".join([*paths[:MAX_PATHS], *more]) or (None if answer is None else "")


def _active_until(user: User) -> str | None:
    """The end date; None if what the metadata has isn't a date."""
    end = end_dates.of(user)
    return "" if end is None else end.day.isoformat() if end.day else None


def _keys(client: PersonClient) -> Counter[tuple[str, bool]] | None:
    try:
        return api_keys.count_active_by_owner(client)
    except errors.AccessDenied:
        return None
