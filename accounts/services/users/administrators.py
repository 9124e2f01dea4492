"""Who is, or can become, an administrator: through the escalation paths of their roles, and through `run_as`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.roles import AnonymousAccess, Role, all_roles, anonymous_access, file_roles, patterns
from accounts.services.roles.escalation import MANAGE, RUN_AS, Escalation
from accounts.services.users import unknown_roles, users

# `index.max_result_window`: as many administrators are compared with the patterns of `run_as`.
MAX_COMPARED: Final = 10_000

OFF: Final = AnonymousAccess()
Escalations = dict[str, tuple[Escalation, ...]]


@dataclass(frozen=True)
class Administration:
    """The escalations of each role that has any, by role name. All users also have the roles of anonymous access.

    `listed`: the roles that Elasticsearch lists; None if there are no others. Others may be defined in a file.
    """

    escalations: Mapping[str, tuple[Escalation, ...]]
    anonymous: AnonymousAccess = OFF
    listed: frozenset[str] | None = None

    @cached_property
    def certain(self) -> frozenset[str]:
        """The roles whose holders are administrators or can become one."""
        return frozenset(name for name, escalations in self.escalations.items() if any(each.is_certain for each in escalations))

    @cached_property
    def possible(self) -> frozenset[str]:
        """The roles of which that isn't known."""
        return frozenset(self.escalations) - self.certain

    def is_administrator(self, roles: Iterable[str]) -> bool | None:
        """Whether the holder of these roles is an administrator or can become one; None if that isn't known."""
        held = {*roles, *self.anonymous.roles}
        if self.certain & held:
            return True
        return None if self.possible & held or not self.anonymous.is_known or self._may_be_in_file(held) else False

    def certain_query(self) -> dict[str, Any]:
        """The query for the users of whom `is_administrator` is True."""
        return self._query(self.certain, for_all=not self.certain.isdisjoint(self.anonymous.roles))

    def possible_query(self) -> dict[str, Any]:
        """The query for those of whom it is None, and for some of whom it is True."""
        anonymous = self.anonymous.roles
        for_all = not self.anonymous.is_known or not self.possible.isdisjoint(anonymous) or self._may_be_in_file(anonymous)
        query = self._query(self.possible, for_all=for_all)
        if for_all or self.listed is None or not self._has_files:
            return query
        return {"bool": {"should": [query, unknown_roles.any_but(self.listed)]}}

    def _query(self, roles: frozenset[str], *, for_all: bool) -> dict[str, Any]:
        return {"match_all": {}} if for_all else {"terms": {"roles": sorted(roles)}}

    def escalations_of(self, roles: Iterable[str]) -> list[tuple[str, Escalation]]:
        """Those of each of the roles, with the role; certain ones first."""
        held = dict.fromkeys([*roles, *self.anonymous.roles])
        found = [(role, each) for role in held for each in self.escalations.get(role, ())]
        found += [(role, file_roles.MAY_BE_IN_FILE) for role in held if self._may_be_in_file([role])]
        return sorted(found, key=lambda each: not each[1].is_certain)

    def _may_be_in_file(self, roles: Iterable[str]) -> bool:
        """Whether one of them may be defined in a file. A call for the first one that isn't listed."""
        return self.listed is not None and not self.listed.issuperset(roles) and self._has_files

    @cached_property
    def _has_files(self) -> bool:
        return file_roles.may_exist()


NOBODY: Final = Administration({})


def load(client: PersonClient, known: Sequence[Role], anonymous: AnonymousAccess = OFF) -> Administration:
    """From the roles, and from the users if a role has `run_as`, which needs all roles and up to three calls.

    Raises AccessDenied without `read_security`.
    """
    escalations: Escalations = {role.name: role.escalations for role in known if role.escalations}
    acting = [role for role in known if _depends_on_users(role)]
    if acting:
        direct = Administration(escalations)
        escalations |= _acting_as(acting, escalations, *_holders(client, direct.certain), is_certain=True)
        # To act as somebody who acts as an administrator, an API key of the former is needed, which not everyone can create.
        for others in (direct.possible, frozenset(role.name for role in acting if role.name in escalations)):
            escalations |= _acting_as(acting, escalations, *_holders(client, others), is_certain=False)
    return Administration(escalations, anonymous, _listed(known))


def of_all_roles(client: PersonClient) -> Administration:
    """From all roles and anonymous access, both cached for CACHE_SECONDS. Raises AccessDenied without `read_security`."""
    return replace(_of_all_roles(client), anonymous=anonymous_access(client))


@cached_per_scope
def _of_all_roles(client: PersonClient) -> Administration:
    return load(client, all_roles(client))


def of_roles(client: PersonClient, given: Iterable[Role]) -> Administration:
    """From these roles, without anonymous access. No call unless one has `run_as`: then `load`, cached for CACHE_SECONDS."""
    known = list(given)
    if any(map(_depends_on_users, known)):
        return _of_all_roles(client)
    return Administration({role.name: role.escalations for role in known if role.escalations}, listed=_listed(known))


def _listed(known: Iterable[Role]) -> frozenset[str]:
    return frozenset(role.name for role in known if not role.is_unknown)


def _depends_on_users(role: Role) -> bool:
    return bool(role.run_as) and not any(each.path is MANAGE for each in role.escalations)


def _holders(client: PersonClient, roles: frozenset[str]) -> tuple[list[str], bool]:
    """The active users with one of the roles, and whether these are all. No call without roles."""
    if not roles:
        return [], True
    query = {"bool": {"filter": [{"terms": {"roles": sorted(roles)}}, {"term": {"enabled": True}}]}}
    answer = client.query_user(query=query, size=MAX_COMPARED, filter_path=["total", "users.username"])
    native = [user["username"] for user in answer.get("users", [])]
    reserved = [user.username for user in users.reserved(client) if user.enabled and not roles.isdisjoint(user.roles)]
    return [*reserved, *native], answer["total"] <= MAX_COMPARED


def _acting_as(
    acting: Iterable[Role], escalations: Escalations, names: Sequence[str], is_complete: bool, *, is_certain: bool
) -> Escalations:
    """The escalations of roles whose `run_as` matches one of the names, or possibly one that isn't among them."""
    found: Escalations = {}
    for role in acting:
        answers = {(pattern, name): patterns.matches(pattern, name) for pattern in role.run_as for name in names}
        match = next((pair for pair, answer in answers.items() if answer), None)
        if match:
            escalation = Escalation(RUN_AS, f"run_as {match[0]}, which includes {match[1]}", is_certain)
        elif None in answers.values() or not is_complete:
            escalation = Escalation(RUN_AS, f"run_as {', '.join(role.run_as)}", is_certain=False)
        else:
            continue
        if not any(other.path is RUN_AS for other in escalations.get(role.name, ())):
            found[role.name] = (*escalations.get(role.name, ()), escalation)
    return found
