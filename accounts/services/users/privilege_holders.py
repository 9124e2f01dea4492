"""The users with a role or a cluster privilege: native and reserved users, in pages (`_security/_query/user`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.services.client import PersonClient
from accounts.services.roles import AnonymousAccess, Role, cluster_privileges
from accounts.services.roles.escalation import Escalation
from accounts.services.users import administrators, unknown_roles, users
from accounts.services.users.users import User

PAGE_SIZE: Final = 20
# Sets of role names: a user with one role of each set has the privilege.
GrantPath = Sequence[frozenset[str]]
OFF: Final = AnonymousAccess()


class GrantPaths:
    """Every path to a privilege, and the roles that users have besides their own, from anonymous access."""

    def __init__(self, paths: Sequence[GrantPath], anonymous: AnonymousAccess = OFF) -> None:
        self._paths = [path for path in paths if all(path)]
        self._anonymous_roles = anonymous.roles
        # What a user's own roles have to add.
        self._own = [[part for part in path if part.isdisjoint(anonymous.roles)] for path in self._paths]

    def __bool__(self) -> bool:
        return bool(self._paths)

    @property
    def is_open_to_all(self) -> bool:
        """Whether anonymous access alone grants it."""
        return not all(self._own)

    def grants(self, names: Iterable[str]) -> bool:
        """Whether a user with these roles has the privilege."""
        return any(all(not part.isdisjoint(names) for part in path) for path in self._own)

    def granting_roles(self, user: User) -> tuple[str, ...]:
        """The roles of the first matching path, the user's own first; empty for none."""
        held = tuple(dict.fromkeys([*user.roles, *self._anonymous_roles]))
        for path in self._paths:
            if all(not part.isdisjoint(held) for part in path):
                return tuple(role for role in held if any(role in part for part in path))
        return ()

    def query(self) -> dict[str, Any] | None:
        """The users who have it; None for all."""
        if self.is_open_to_all:
            return None
        paths = [{"bool": {"filter": [{"terms": {"roles": sorted(part)}} for part in path]}} for path in self._own]
        return {"bool": {"should": paths}}


@dataclass(frozen=True, slots=True)
class Holder:
    """A user, and their roles that grant the privilege."""

    user: User
    granting_roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HolderPage:
    """A page of holders by username, the number of all holders, and the username before the next page ("" on the last one)."""

    holders: Sequence[Holder] = ()
    total: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class PrivilegeReport:
    """`granting_roles`: all roles that grant the privilege. `undetermined`: roles of which that isn't known.

    `is_open_to_all`: whether anonymous access grants it. `escalations`: for administrators, those of these roles. `unlisted`: roles
    of users that Elasticsearch doesn't list, and that may be defined in a file; None if there are too many to name.
    """

    page: HolderPage
    granting_roles: list[Role]
    undetermined: list[Role]
    is_open_to_all: bool = False
    escalations: Sequence[tuple[str, Escalation]] = ()
    unlisted: Sequence[str] | None = ()


def with_role(client: PersonClient, name: str, after: str = "") -> HolderPage:
    """The users who were assigned the role, whether it exists or not. Two calls. Raises AccessDenied without `read_security`."""
    return _page(client, GrantPaths([[frozenset({name})]]), after)


def with_privilege(
    client: PersonClient, known: Sequence[Role], privilege: str, after: str = "", anonymous: AnonymousAccess = OFF
) -> PrivilegeReport:
    """The users with the cluster privilege through one role, or through two combined. Up to five calls. Raises AccessDenied."""
    granting = [role for role in known if cluster_privileges.holds(role.cluster, privilege)]
    others = [role for role in known if role not in granting and not role.is_reserved]
    undetermined = [role for role in others if not is_fully_evaluated(role, privilege)]
    paths = grant_paths(known, privilege, anonymous)
    unlisted = _unlisted(client)
    return PrivilegeReport(_page(client, paths, after), granting, undetermined, paths.is_open_to_all, unlisted=unlisted)


def who_are_administrators(
    client: PersonClient, known: Sequence[Role], after: str = "", anonymous: AnonymousAccess = OFF
) -> PrivilegeReport:
    """The users who are administrators or can become one, in every known way. Two to eight calls. Raises AccessDenied."""
    administration = administrators.load(client, known, anonymous)
    certain = [role for role in known if role.name in administration.certain]
    possible = [role for role in known if role.name in administration.possible]
    paths = GrantPaths([[administration.certain]], anonymous)
    escalations = administration.escalations_of(role.name for role in known)
    unlisted = _unlisted(client)
    return PrivilegeReport(_page(client, paths, after), certain, possible, paths.is_open_to_all, escalations, unlisted)


def _unlisted(client: PersonClient) -> list[str] | None:
    found = unknown_roles.may_be_in_files(client)
    return None if found is None else sorted(found)


def grant_paths(known: Sequence[Role], privilege: str, anonymous: AnonymousAccess = OFF) -> GrantPaths:
    """Every path to the cluster privilege: one role, or two combined."""
    alone: list[GrantPath] = [[_roles_with(known, privilege)]]
    pairs: list[GrantPath] = [[_roles_with(known, part) for part in pair] for pair in cluster_privileges.pairs(privilege)]
    return GrantPaths([*alone, *pairs], anonymous)


def _roles_with(known: Iterable[Role], privilege: str) -> frozenset[str]:
    return frozenset(role.name for role in known if cluster_privileges.holds(role.cluster, privilege))


def is_fully_evaluated(role: Role, privilege: str) -> bool:
    """Whether it is known if its cluster privileges imply this one. Actions of index templates are parts of only one privilege."""
    families = ("cluster:", "indices:") if privilege == "manage_index_templates" else ("cluster:",)
    actions = [name for name in role.cluster if name.startswith(families)]
    return all(map(cluster_privileges.is_fully_evaluated, actions))


def _page(client: PersonClient, paths: GrantPaths, after: str) -> HolderPage:
    """`_query/user` has only native users: the reserved ones are sorted in."""
    if not paths:
        return HolderPage()
    answer = client.query_user(
        query=paths.query(),
        sort=[{"username": {"order": "asc"}}],
        size=PAGE_SIZE + 1,
        search_after=[after] if after else None,
    )
    reserved = [user for user in users.reserved(client) if paths.grants(user.roles)]
    rows = [*map(users.user_from_api, answer["users"]), *(user for user in reserved if user.username > after)]
    rows = sorted(rows, key=lambda user: user.username)
    holders = [Holder(user, paths.granting_roles(user)) for user in rows[:PAGE_SIZE]]
    return HolderPage(holders, answer["total"] + len(reserved), rows[PAGE_SIZE - 1].username if len(rows) > PAGE_SIZE else "")
