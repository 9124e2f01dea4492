"""One row of an export: a user, and what else is known of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, Self

from accounts.services import api_keys, audit, errors, roles
from accounts.services.client import PersonClient
from accounts.services.roles import privileges
from accounts.services.users import User, privilege_holders
from accounts.services.users.privilege_holders import GrantPath

# What stands where nothing is known; a cell is never empty.
NO_INFORMATION: Final = "no information"
NOTHING_KNOWN: Final = audit.UserActivity()
COLUMNS: Final = {
    "username": "User name",
    "full_name": "Full name",
    "email": "E-mail address",
    "enabled": "Enabled",
    "reserved": "Reserved",
    "deprecated": "Deprecated",
    "roles": "Roles",
    "unknown_roles": "Roles that do not exist",
    "may_change_users": "May change users",
    "living_api_keys": "Living API keys",
    "created": "Created",
    "last_sign_in": "Last sign-in",
    "password_changed": "Password changed",
    "metadata": "Metadata",
}


class Row(NamedTuple):
    """The columns. None: there is no information. "" and () are information: the user has none."""

    username: str
    full_name: str
    email: str
    enabled: bool
    reserved: bool
    deprecated: bool
    roles: tuple[str, ...]
    unknown_roles: tuple[str, ...]
    may_change_users: bool | None
    living_api_keys: int | None
    created: datetime | None
    last_sign_in: datetime | None
    password_changed: datetime | None
    metadata: Mapping[str, Any]


class Facts:
    """What is asked once for all rows: which roles exist, which let one change users, who owns API keys."""

    def __init__(
        self, known: frozenset[str], ways: Sequence[GrantPath], undetermined: frozenset[str], keys: Counter[tuple[str, bool]] | None
    ) -> None:
        self._known = known
        self._ways = ways
        self._undetermined = undetermined
        self._keys = keys

    @classmethod
    def ask(cls, client: PersonClient) -> Self:
        """Of the cluster. Raises AccessDenied without read_security."""
        known = roles.all_roles(client)
        return cls(
            frozenset(role.name for role in known),
            privilege_holders.grant_paths(known, privileges.MANAGE_SECURITY),
            frozenset(role.name for role in known if not role.is_reserved and not privilege_holders.is_fully_evaluated(role)),
            _keys(client),
        )

    def row(self, user: User, moments: audit.UserActivity = NOTHING_KNOWN) -> Row:
        """The row of a user; `moments` is what the audit trail knows."""
        reserved = user.is_reserved
        return Row(
            user.username,
            user.full_name,
            user.email,
            user.enabled,
            reserved,
            user.is_deprecated,
            user.roles,
            () if self._known.issuperset(user.roles) else tuple(role for role in user.roles if role not in self._known),
            self._may_change_users(user.roles),
            None if self._keys is None else self._keys[user.username, reserved],
            moments.created,
            moments.last_sign_in,
            moments.password_changed,
            user.metadata,
        )

    def _may_change_users(self, names: tuple[str, ...]) -> bool | None:
        """None where only a role that grants single actions could, whose sum nobody has judged."""
        for way in self._ways:
            if all(not part.isdisjoint(names) for part in way):
                return True
        return False if self._undetermined.isdisjoint(names) else None


def _keys(client: PersonClient) -> Counter[tuple[str, bool]] | None:
    try:
        return api_keys.count_active_by_owner(client)
    except errors.AccessDenied:
        return None
