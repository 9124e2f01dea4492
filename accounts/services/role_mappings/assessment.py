"""What role mappings grant and to whom, and whether they make administrators."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from accounts.services import roles
from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.role_mappings import mappings, reach, rules
from accounts.services.role_mappings.mappings import RoleMapping
from accounts.services.role_mappings.reach import Reach
from accounts.services.role_mappings.templates import Template
from accounts.services.roles import Role
from accounts.services.roles.escalation import Escalation
from accounts.services.users import administrators, fold
from accounts.services.users.administrators import Administration


@dataclass(frozen=True)
class Assessment:
    """A role mapping among the roles as they are now, `known` by name. Evaluated when needed: a page shows only some of them."""

    mapping: RoleMapping
    known: Mapping[str, Role]
    administration: Administration

    @cached_property
    def reach(self) -> Reach:
        return reach.of(self.mapping.rules)

    @cached_property
    def roles(self) -> tuple[Role, ...]:
        """Those that it names, and those of constant templates."""
        constant = [name for template in self.mapping.templates for name in template.roles or ()]
        names = dict.fromkeys([*self.mapping.roles, *constant])
        return tuple(self.known.get(name) or Role(name, is_unknown=True) for name in names)

    @cached_property
    def escalations(self) -> list[tuple[str, Escalation]]:
        """What these roles open, by role, also while the mapping is disabled."""
        return self.administration.escalations_of(role.name for role in self.roles)

    @cached_property
    def rule(self) -> str:
        return rules.describe(self.mapping.rules)

    @property
    def unknown_roles(self) -> tuple[str, ...]:
        """The names of roles that don't exist."""
        return tuple(role.name for role in self.roles if role.is_unknown)

    @property
    def dynamic_templates(self) -> list[Template]:
        """Those whose roles are decided at sign-in."""
        return [template for template in self.mapping.templates if template.roles is None]

    @property
    def is_effective(self) -> bool:
        """Whether it can apply to anyone."""
        return self.mapping.is_enabled and self.reach.kind != "nobody"

    @cached_property
    def sort_key(self) -> tuple[str, str]:
        """By name, regardless of case."""
        return fold(self.mapping.name), self.mapping.name

    @cached_property
    def searched(self) -> str:
        """Its name, its roles, and its templates, as a search compares them."""
        sources = (template.source for template in self.mapping.templates)
        return fold("\n".join([self.mapping.name, *(role.name for role in self.roles), *sources]))

    @cached_property
    def searched_rule(self) -> str:
        """The same of its rule, which takes longer than all the rest."""
        return fold(self.rule)

    @cached_property
    def is_administrator(self) -> bool | None:
        """Whether those whom it applies to are administrators by its roles, or can become one; None if that isn't known."""
        if not (self.escalations or self.dynamic_templates) or not self.is_effective:
            return False
        is_certain = any(each.is_certain for _, each in self.escalations) and self.reach.kind != "internal"
        return True if is_certain else None

    @property
    def how(self) -> list[str]:
        """How its users become administrators, or what isn't known about it; empty if they don't."""
        if not self.is_effective:
            return []
        paths = [f"{role}: {escalation}" for role, escalation in self.escalations]
        return paths + [f"Roles decided at sign-in: {template.source}" for template in self.dynamic_templates]


def assess_all(client: PersonClient) -> list[Assessment]:
    """All role mappings, sorted by name.

    One call, and cached ones: for the roles, and up to three if a role has `run_as`. Raises AccessDenied without
    `read_security`.
    """
    return _assessed(client, mappings.all_mappings(client))


@cached_per_scope
def recently_assessed(client: PersonClient) -> list[Assessment]:
    """The same for pages: the role mappings are cached, too, and what was evaluated of them with them."""
    return assess_all(client)


def assess(client: PersonClient, name: str) -> Assessment:
    """One role mapping, with the same calls. Raises RoleMappingNotFound."""
    return _assessed(client, [mappings.get(client, name)])[0]


def _assessed(client: PersonClient, found: Iterable[RoleMapping]) -> list[Assessment]:
    known = roles.all_roles(client)
    administration = administrators.of_roles(client, known)  # without anonymous access: what the mappings themselves grant
    by_name = {role.name: role for role in known}
    return [Assessment(mapping, by_name, administration) for mapping in found]
