"""Who is, or can become, an administrator: through the escalation paths of their roles, and through `run_as`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from accounts.services.client import PersonClient
from accounts.services.roles import AnonymousAccess, Role, patterns
from accounts.services.roles.escalation import MANAGE, RUN_AS, Way
from accounts.services.users import users

# `index.max_result_window`: as many administrators are compared with the patterns of `run_as`.
MAX_COMPARED: Final = 10_000

OFF: Final = AnonymousAccess()
Ways = dict[str, tuple[Way, ...]]


@dataclass(frozen=True)
class Administration:
    """The ways up of each role that has any, by role name. All users also have the roles of anonymous access."""

    ways: Mapping[str, tuple[Way, ...]]
    anonymous: AnonymousAccess = OFF

    @cached_property
    def certain(self) -> frozenset[str]:
        """The roles whose holders are administrators or can become one."""
        return frozenset(name for name, ways in self.ways.items() if any(way.is_certain for way in ways))

    @cached_property
    def possible(self) -> frozenset[str]:
        """The roles of which that isn't known."""
        return frozenset(self.ways) - self.certain

    def is_administrator(self, roles: Iterable[str]) -> bool | None:
        """Whether the holder of these roles is an administrator or can become one; None if that isn't known."""
        held = {*roles, *self.anonymous.roles}
        return True if self.certain & held else None if self.possible & held or not self.anonymous.is_known else False

    def ways_of(self, roles: Iterable[str]) -> list[tuple[str, Way]]:
        """Each way that one of the roles opens, with the role; certain ones first."""
        found = [(role, way) for role in dict.fromkeys([*roles, *self.anonymous.roles]) for way in self.ways.get(role, ())]
        return sorted(found, key=lambda each: not each[1].is_certain)


def load(client: PersonClient, known: Sequence[Role], anonymous: AnonymousAccess = OFF) -> Administration:
    """From the roles, and from the users if a role has `run_as`, which needs all roles and up to three calls.

    Raises AccessDenied without `read_security`.
    """
    ways: Ways = {role.name: role.ways for role in known if role.ways}
    acting = [role for role in known if role.run_as and not any(way.path is MANAGE for way in role.ways)]
    if acting:
        direct = Administration(ways)
        ways |= _acting_as(acting, ways, *_holders(client, direct.certain), is_certain=True)
        # To act as somebody who acts as an administrator, an API key of the former is needed, which not everyone can create.
        for others in (direct.possible, frozenset(role.name for role in acting if role.name in ways)):
            ways |= _acting_as(acting, ways, *_holders(client, others), is_certain=False)
    return Administration(ways, anonymous)


def _holders(client: PersonClient, roles: frozenset[str]) -> tuple[list[str], bool]:
    """The active users with one of the roles, and whether these are all."""
    query = {"bool": {"filter": [{"terms": {"roles": sorted(roles)}}, {"term": {"enabled": True}}]}}
    answer = client.query_user(query=query, size=MAX_COMPARED, filter_path=["total", "users.username"])
    native = [user["username"] for user in answer.get("users", [])]
    reserved = [user.username for user in users.reserved(client) if user.enabled and not roles.isdisjoint(user.roles)]
    return [*reserved, *native], answer["total"] <= MAX_COMPARED


def _acting_as(acting: Iterable[Role], ways: Ways, names: Sequence[str], is_complete: bool, *, is_certain: bool) -> Ways:
    """The ways of roles whose `run_as` matches one of the names, or possibly one that isn't among them."""
    found: Ways = {}
    for role in acting:
        answers = {(pattern, name): patterns.matches(pattern, name) for pattern in role.run_as for name in names}
        match = next((pair for pair, answer in answers.items() if answer), None)
        if match:
            way = Way(RUN_AS, f"run_as {match[0]}, which includes {match[1]}", is_certain)
        elif None in answers.values() or not is_complete:
            way = Way(RUN_AS, f"run_as {', '.join(role.run_as)}", is_certain=False)
        else:
            continue
        if not any(other.path is RUN_AS for other in ways.get(role.name, ())):
            found[role.name] = (*ways.get(role.name, ()), way)
    return found
