"""Reviews of role mappings. To remove one is to disable or to delete it; a disabled one keeps its definition."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.services import audit, role_mappings, roles
from accounts.services.client import PersonClient
from accounts.services.reviews.subjects.base import Batch, Current, Removal, RemovalWords, Row, Subject
from accounts.services.role_mappings import RoleMapping, reach, removal, rules
from accounts.services.roles.escalation import Escalation
from accounts.services.users import administrators
from accounts.services.users.administrators import Administration

READ_ONLY: Final = "This role mapping is from the file settings of the cluster, where an administrator must remove it."
ANY_ROLE: Final = "Its role templates can have the name of any role. Not known which"
REMOVE: Final = {"disable": removal.disable, "delete": removal.delete}


@dataclass(frozen=True, slots=True)
class MappingFilter:
    """All role mappings, or only enabled ones."""

    is_enabled: bool = True


class RoleMappings(Subject[MappingFilter]):
    slug = "role-mappings"
    noun = "role mapping"
    columns = {
        "name": "Name",
        "enabled": "Enabled",
        "roles": "Roles",
        "role_templates": "Role templates",
        "unknown_roles": "Nonexistent roles",
        "reach": "Reaches",
        "rules_in_words": "Rules",
        "rules": "Rules (JSON)",
        "metadata": "Metadata",
        "can_become_administrator": "Can become an administrator",
        "escalations": "Escalation paths",
    }
    identity = "name"
    order = ("name",)
    compared = ("enabled", "roles", "role_templates", "rules_in_words", "rules", "metadata")
    decisions = {"keep": "Keep", "remove": "Remove"}
    removals = {
        "disable": RemovalWords(
            "Disable",
            "disabled",
            "Disabling",
            "Users no longer get its roles when they sign in. Its definition is kept.",
            "Users no longer get their roles when they sign in. The definitions are kept.",
            can_be_undone=True,
        ),
        "delete": RemovalWords(
            "Delete",
            "deleted",
            "Deleting",
            "Users no longer get its roles when they sign in. This can't be undone.",
            "Users no longer get their roles when they sign in. This can't be undone.",
        ),
    }
    searched = ("name", "roles", "rules_in_words")
    search_hint = "Search by name, role, or rule"
    page = "role_mapping"
    kind = "role_mapping"
    actions = (audit.Action.ROLE_MAPPING_DISABLE, audit.Action.ROLE_MAPPING_DELETE)

    def describe(self, query: MappingFilter) -> str:
        return f"{'enabled' if query.is_enabled else 'all'} role mappings, sorted by name"

    def stored(self, query: MappingFilter) -> dict[str, Any]:
        return {"is_enabled": query.is_enabled}

    def loaded(self, fields: Mapping[str, Any]) -> MappingFilter:
        return MappingFilter(fields["is_enabled"])

    def count(self, client: PersonClient, query: MappingFilter) -> int:
        return len(_matching(client, query))

    def batch(self, client: PersonClient, query: MappingFilter, after: Row | None, size: int) -> Batch:
        """Each batch reads all role mappings, of which there are few."""
        found = _matching(client, query)
        left = [mapping for mapping in found if not after or mapping.name > after["name"]][:size]
        return Batch(_rows(client, left) if left else [], len(found))

    def current(self, client: PersonClient, rows: Sequence[Row]) -> dict[str, Current]:
        found = {mapping.name: mapping for mapping in role_mappings.all_mappings(client)}
        return {row["name"]: self._current(row, found.get(row["name"])) for row in rows}

    def _current(self, row: Row, mapping: RoleMapping | None) -> Current:
        if mapping is None:
            return Current(None, "Deleted", is_removed=True)
        state, protection = "Enabled" if mapping.is_enabled else "Disabled", READ_ONLY if mapping.is_read_only else ""
        return Current(mapping, state, not mapping.is_enabled, self.changed(row, _definition(mapping)), protection)

    def remove(self, client: PersonClient, removal: Removal, current: Current) -> None:
        REMOVE[removal](client, current.thing)


def _matching(client: PersonClient, query: MappingFilter) -> list[RoleMapping]:
    return [mapping for mapping in role_mappings.all_mappings(client) if mapping.is_enabled or not query.is_enabled]


def _rows(client: PersonClient, mappings: Sequence[RoleMapping]) -> list[dict[str, Any]]:
    """Three calls, and those that `administrators.load` needs."""
    known = roles.all_roles(client)
    names, administration = {role.name for role in known}, administrators.load(client, known, roles.anonymous_access(client))
    return [{**_definition(mapping), **_judged(mapping, names, administration)} for mapping in mappings]


def _definition(mapping: RoleMapping) -> dict[str, Any]:
    """The columns that are part of the role mapping itself."""
    return {
        "name": mapping.name,
        "enabled": mapping.is_enabled,
        "roles": list(mapping.roles),
        "role_templates": [f"{each.source} ({each.format})" for each in mapping.templates],
        "reach": str(reach.of(mapping.rules)),
        "rules_in_words": rules.describe(mapping.rules),
        "rules": json.dumps(mapping.rules, ensure_ascii=False, sort_keys=True),
        "metadata": dict(mapping.metadata),
    }


def _judged(mapping: RoleMapping, known: set[str], administration: Administration) -> dict[str, Any]:
    """What the roles are and open: those of templates that are constant, too."""
    constant = [name for template in mapping.templates for name in template.roles or ()]
    given = list(dict.fromkeys([*mapping.roles, *constant]))
    escalations: list[tuple[str, Escalation]] = administration.escalations_of(given)
    answer = administration.is_administrator(given)
    is_open = answer is False and any(template.roles is None for template in mapping.templates)
    return {
        "unknown_roles": [name for name in given if name not in known],
        "can_become_administrator": None if is_open else answer,
        "escalations": [f"{role}: {escalation}" for role, escalation in escalations] + [ANY_ROLE] * is_open,
    }
