"""The table of all roles: what each of them grants, who has it, and whether it makes administrators."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlencode

from accounts.services import role_mappings, roles, users
from accounts.services.client import PersonClient
from accounts.services.exports.tables import Table
from accounts.services.role_mappings import Assessment
from accounts.services.roles import AnonymousAccess, RoleDetails
from accounts.services.search.search import has_words
from accounts.services.users import UserQuery, administrators
from accounts.services.users.administrators import Administration

MAX_NAMED: Final = 50
COLUMNS: Final = {
    "role": "Role",
    "description": "Description",
    "reserved": "Reserved",
    "deprecated": "Deprecated",
    "enabled": "Enabled by the license",
    "can_become_administrator": "Users can become administrators",
    "how": "How",
    "privileges": "Privileges",
    "users": "Users",
    "active_users": "Active users",
    "usernames": f"Usernames (first {MAX_NAMED})",
    "role_mappings": "Enabled role mappings",
    "given_to_all": "Given to all users by anonymous access",
    "json": "Role as JSON",
}


class Holders:
    """Which native and reserved users have which roles, and which role mappings assign them to users of other realms.

    All users and role mappings are read once, whatever the number of roles.
    """

    def __init__(self, client: PersonClient) -> None:
        self.users: Counter[str] = Counter()
        self.active: Counter[str] = Counter()
        self.names: defaultdict[str, list[str]] = defaultdict(list)  # up to MAX_NAMED, by username
        for found, _, _ in users.batches(client, UserQuery(), lambda found: None):
            for user in found:
                names = set(user.roles)  # Elasticsearch keeps one that was assigned twice
                self.users.update(names)
                if user.enabled:
                    self.active.update(names)
                for role in names:
                    if self.users[role] <= MAX_NAMED:
                        self.names[role].append(user.username)
        self.mappings: defaultdict[str, list[str]] = defaultdict(list)
        for mapping in role_mappings.all_mappings(client):
            assessment = Assessment(mapping, {}, administrators.NOBODY)  # only whether it applies, and its roles
            for assigned in assessment.roles if assessment.is_effective else ():
                self.mappings[assigned.name].append(mapping.name)


def table(client: PersonClient, text: str = "") -> Table:
    """All roles, or those of a search. Its rows raise AccessDenied without `read_security`."""
    contains = f"name or description contains “{text}”" if text else "all roles"
    return Table(
        name="roles",
        noun="roles",
        columns=COLUMNS,
        filter=f"{contains}, sorted by name",
        query=urlencode({"q": text} if text else {}),
        count=lambda: len(_matching(roles.all_details(client), text)),
        batches=lambda: _batches(client, text),
        number_columns=("users", "active_users"),
    )


def _matching(known: Sequence[RoleDetails], text: str) -> list[RoleDetails]:
    return [each for each in known if has_words(each.role, text)]


def _batches(client: PersonClient, text: str) -> Iterator[list[dict[str, Any]]]:
    known = roles.all_details(client)
    anonymous = roles.anonymous_access(client)
    administration = administrators.load(client, [each.role for each in known])
    holders = Holders(client)
    yield [_row(each, administration, holders, anonymous) for each in _matching(known, text)]


def _row(details: RoleDetails, administration: Administration, holders: Holders, anonymous: AnonymousAccess) -> dict[str, Any]:
    role = details.role
    return {
        "role": role.name,
        "description": role.description,
        "reserved": role.is_reserved,
        "deprecated": role.is_deprecated,
        "enabled": details.is_enabled,
        "can_become_administrator": administration.is_administrator([role.name]),
        "how": "; ".join(map(str, administration.escalations.get(role.name, ()))),
        "privileges": "; ".join(grant.with_limits for grant in details.grants),
        "users": holders.users[role.name],
        "active_users": holders.active[role.name],
        "usernames": tuple(holders.names[role.name]),
        "role_mappings": tuple(holders.mappings[role.name]),
        "given_to_all": role.name in anonymous.roles if anonymous.is_known else None,
        "json": details.body,
    }
