"""Who has a role, and who holds a cluster privilege: native and reserved users, a page at a time (`_security/_query/user`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.services import cluster_privileges, users
from accounts.services.connection import Person
from accounts.services.roles import Role
from accounts.services.users import User

SIZE: Final = 20
# Names of roles; who has one of each set fits.
Way = Sequence[frozenset[str]]


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
class Answer:
    """Who can? `through` are all roles that grant it; `unjudged` those that give single actions, which may add up to it."""

    page: HolderPage
    granting_roles: list[Role]
    unjudged: list[Role]


def of_role(connection: Person, name: str, after: str = "") -> HolderPage:
    """The users who have the role, whether it exists or not. Two calls. Raises Refused without read_security."""
    return _page(connection, [[frozenset({name})]], after)


def of_privilege(connection: Person, known: Sequence[Role], privilege: str, after: str = "") -> Answer:
    """The users who hold the cluster privilege through one of the known roles, or two together. Two calls. Raises Refused."""
    granting = [role for role in known if cluster_privileges.holds(role.cluster, privilege)]
    unjudged = [role for role in known if role not in granting and not role.is_reserved and not is_judged(role)]
    return Answer(_page(connection, ways(known, privilege), after), granting, unjudged)


def ways(known: Sequence[Role], privilege: str) -> list[Way]:
    """Every way to the cluster privilege through the known roles: by one of them, or by two together."""
    alone: list[Way] = [[_holding(known, privilege)]]
    pairs: list[Way] = [[_holding(known, part) for part in pair] for pair in cluster_privileges.pairs(privilege)]
    return [way for way in [*alone, *pairs] if all(way)]


def _holding(known: Iterable[Role], privilege: str) -> frozenset[str]:
    return frozenset(role.name for role in known if cluster_privileges.holds(role.cluster, privilege))


def is_judged(role: Role) -> bool:
    """Whether all is known that its cluster privileges imply."""
    return all(map(cluster_privileges.is_judged, role.cluster))


def _page(connection: Person, paths: Sequence[Way], after: str) -> HolderPage:
    """`_query/user` knows native users only: the few reserved ones are sorted in."""
    if not paths:
        return HolderPage()
    answer = connection.query_user(
        query=_query(paths),
        sort=[{"username": {"order": "asc"}}],
        size=SIZE + 1,
        search_after=[after] if after else None,
    )
    reserved = [user for user in users.reserved(connection) if through(user, paths)]
    rows = [*map(users.user_of, answer["users"]), *(user for user in reserved if user.username > after)]
    rows = sorted(rows, key=lambda user: user.username)
    holders = [Holder(user, through(user, paths)) for user in rows[:SIZE]]
    return HolderPage(holders, answer["total"] + len(reserved), rows[SIZE - 1].username if len(rows) > SIZE else "")


def _query(paths: Iterable[Way]) -> dict[str, Any]:
    """One role of each set of some way."""
    return {"bool": {"should": [{"bool": {"filter": [{"terms": {"roles": sorted(part)}} for part in way]}} for way in paths]}}


def through(user: User, paths: Iterable[Way]) -> tuple[str, ...]:
    """The user's roles of the first way that fits; empty when none does."""
    for way in paths:
        if all(not part.isdisjoint(user.roles) for part in way):
            return tuple(role for role in user.roles if any(role in part for part in way))
    return ()
