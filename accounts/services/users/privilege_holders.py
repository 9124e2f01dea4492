"""The users with a role or a cluster privilege: native and reserved users, in pages (`_security/_query/user`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.services.client import PersonClient
from accounts.services.roles import Role, cluster_privileges
from accounts.services.roles.escalation import Way
from accounts.services.users import administrators, users
from accounts.services.users.users import User

PAGE_SIZE: Final = 20
# Sets of role names: a user with one role of each set has the privilege.
GrantPath = Sequence[frozenset[str]]


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

    `ways`: for administrators, the ways of these roles.
    """

    page: HolderPage
    granting_roles: list[Role]
    undetermined: list[Role]
    ways: Sequence[tuple[str, Way]] = ()


def with_role(client: PersonClient, name: str, after: str = "") -> HolderPage:
    """The users with the role, whether it exists or not. Two calls. Raises AccessDenied without `read_security`."""
    return _page(client, [[frozenset({name})]], after)


def with_privilege(client: PersonClient, known: Sequence[Role], privilege: str, after: str = "") -> PrivilegeReport:
    """The users with the cluster privilege through one role, or through two combined. Two calls. Raises AccessDenied."""
    granting = [role for role in known if cluster_privileges.holds(role.cluster, privilege)]
    undetermined = [role for role in known if role not in granting and not role.is_reserved and not is_fully_evaluated(role)]
    return PrivilegeReport(_page(client, grant_paths(known, privilege), after), granting, undetermined)


def who_are_administrators(client: PersonClient, known: Sequence[Role], after: str = "") -> PrivilegeReport:
    """The users who are administrators or can become one, in every known way. Two to five calls. Raises AccessDenied."""
    administration = administrators.load(client, known)
    certain = [role for role in known if role.name in administration.certain]
    possible = [role for role in known if role.name in administration.possible]
    page = _page(client, [[administration.certain]], after)
    return PrivilegeReport(page, certain, possible, administration.ways_of(role.name for role in known))


def grant_paths(known: Sequence[Role], privilege: str) -> list[GrantPath]:
    """Every path to the cluster privilege: one role, or two combined."""
    alone: list[GrantPath] = [[_roles_with(known, privilege)]]
    pairs: list[GrantPath] = [[_roles_with(known, part) for part in pair] for pair in cluster_privileges.pairs(privilege)]
    return [path for path in [*alone, *pairs] if all(path)]


def _roles_with(known: Iterable[Role], privilege: str) -> frozenset[str]:
    return frozenset(role.name for role in known if cluster_privileges.holds(role.cluster, privilege))


def is_fully_evaluated(role: Role) -> bool:
    """Whether everything that its cluster privileges imply is known."""
    return all(map(cluster_privileges.is_fully_evaluated, role.cluster))


def _page(client: PersonClient, paths: Sequence[GrantPath], after: str) -> HolderPage:
    """`_query/user` has only native users: the reserved ones are sorted in."""
    if not paths:
        return HolderPage()
    answer = client.query_user(
        query=_query(paths),
        sort=[{"username": {"order": "asc"}}],
        size=PAGE_SIZE + 1,
        search_after=[after] if after else None,
    )
    reserved = [user for user in users.reserved(client) if granting_roles(user, paths)]
    rows = [*map(users.user_from_api, answer["users"]), *(user for user in reserved if user.username > after)]
    rows = sorted(rows, key=lambda user: user.username)
    holders = [Holder(user, granting_roles(user, paths)) for user in rows[:PAGE_SIZE]]
    return HolderPage(holders, answer["total"] + len(reserved), rows[PAGE_SIZE - 1].username if len(rows) > PAGE_SIZE else "")


def _query(paths: Iterable[GrantPath]) -> dict[str, Any]:
    """Users with one role of each set of any path."""
    return {"bool": {"should": [{"bool": {"filter": [{"terms": {"roles": sorted(part)}} for part in path]}} for path in paths]}}


def granting_roles(user: User, paths: Iterable[GrantPath]) -> tuple[str, ...]:
    """The user's roles of the first matching path; empty for none."""
    for path in paths:
        if all(not part.isdisjoint(user.roles) for part in path):
            return tuple(role for role in user.roles if any(role in part for part in path))
    return ()
