"""Who has a role, and who holds a cluster privilege: native and reserved users, a page at a time (`_security/_query/user`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.services.client import PersonClient
from accounts.services.roles import Role, cluster_privileges
from accounts.services.users import users
from accounts.services.users.users import User

PAGE_SIZE: Final = 20
# Names of roles; who has one of each set fits.
GrantPath = Sequence[frozenset[str]]


@dataclass(frozen=True, slots=True)
class Holder:
    """A user, and the names of the roles that give them what was asked for."""

    user: User
    granting_roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HolderPage:
    """Some holders by name, how many there are in all, and the name after which the next page begins ("" on the last one)."""

    holders: Sequence[Holder] = ()
    total: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class PrivilegeReport:
    """Who can? `through` are all roles that grant it; `undetermined` those that give single actions, which may add up to it."""

    page: HolderPage
    granting_roles: list[Role]
    undetermined: list[Role]


def with_role(client: PersonClient, name: str, after: str = "") -> HolderPage:
    """The users who have the role, whether it exists or not. Two calls. Raises AccessDenied without read_security."""
    return _page(client, [[frozenset({name})]], after)


def with_privilege(client: PersonClient, known: Sequence[Role], privilege: str, after: str = "") -> PrivilegeReport:
    """The users who hold the cluster privilege through one of the known roles, or two together. Two calls. Raises AccessDenied."""
    granting = [role for role in known if cluster_privileges.holds(role.cluster, privilege)]
    undetermined = [role for role in known if role not in granting and not role.is_reserved and not is_fully_evaluated(role)]
    return PrivilegeReport(_page(client, grant_paths(known, privilege), after), granting, undetermined)


def grant_paths(known: Sequence[Role], privilege: str) -> list[GrantPath]:
    """Every path to the cluster privilege through the known roles: by one of them, or by two together."""
    alone: list[GrantPath] = [[_holding(known, privilege)]]
    pairs: list[GrantPath] = [[_holding(known, part) for part in pair] for pair in cluster_privileges.pairs(privilege)]
    return [way for way in [*alone, *pairs] if all(way)]


def _holding(known: Iterable[Role], privilege: str) -> frozenset[str]:
    return frozenset(role.name for role in known if cluster_privileges.holds(role.cluster, privilege))


def is_fully_evaluated(role: Role) -> bool:
    """Whether all is known that its cluster privileges imply."""
    return all(map(cluster_privileges.is_fully_evaluated, role.cluster))


def _page(client: PersonClient, paths: Sequence[GrantPath], after: str) -> HolderPage:
    """`_query/user` knows native users only: the few reserved ones are sorted in."""
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
    """One role of each set of some way."""
    return {"bool": {"should": [{"bool": {"filter": [{"terms": {"roles": sorted(part)}} for part in way]}} for way in paths]}}


def granting_roles(user: User, paths: Iterable[GrantPath]) -> tuple[str, ...]:
    """The user's roles of the first way that fits; empty when none does."""
    for way in paths:
        if all(not part.isdisjoint(user.roles) for part in way):
            return tuple(role for role in user.roles if any(role in part for part in way))
    return ()
