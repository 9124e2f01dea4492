"""Reviews of role mappings. To remove one is to disable or to delete it; a disabled one keeps its definition."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from accounts.services import audit, role_mappings
from accounts.services.client import PersonClient
from accounts.services.reviews.subjects.base import Batch, Current, Removal, RemovalWords, Row, Subject, plain
from accounts.services.role_mappings import COLUMNS, Assessment, RoleMapping

READ_ONLY: Final = "This role mapping is from the file settings of the cluster, where an administrator must remove it."
REMOVE: Final[Mapping[Removal, Callable[[PersonClient, RoleMapping], None]]] = {
    "disable": role_mappings.disable,
    "delete": role_mappings.delete,
}


@dataclass(frozen=True, slots=True)
class MappingFilter:
    """All role mappings, or only enabled ones."""

    is_enabled: bool = True


class RoleMappings(Subject[MappingFilter]):
    slug = "role-mappings"
    noun = "role mapping"
    columns = COLUMNS
    identity = "name"
    order = ("name",)
    compared = ("roles", "role_templates", "rules", "metadata")
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
    lists = ("roles", "unknown_roles")
    searched = ("name", "roles", "rule")
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
        return sum(_matches(mapping, query) for mapping in role_mappings.all_mappings(client))

    def batch(self, client: PersonClient, query: MappingFilter, after: Row | None, size: int) -> Batch:
        """Each batch reads all role mappings, of which there are few."""
        found = [each for each in role_mappings.assess_all(client) if _matches(each.mapping, query)]
        left = [each for each in found if not after or each.mapping.name > after["name"]]
        return Batch([row_of(each) for each in left[:size]], len(found))

    def current(self, client: PersonClient, rows: Sequence[Row]) -> dict[str, Current]:
        found = {each.mapping.name: each for each in role_mappings.assess_all(client)}
        return {row["name"]: self._current(row, found.get(row["name"])) for row in rows}

    def _current(self, row: Row, found: Assessment | None) -> Current:
        if found is None:
            return Current(None, "Deleted", is_removed=True)
        mapping = found.mapping
        state, protection = "Enabled" if mapping.is_enabled else "Disabled", READ_ONLY if mapping.is_read_only else ""
        return Current(mapping, state, not mapping.is_enabled, self.changed(row, row_of(found)), protection)

    def remove(self, client: PersonClient, removal: Removal, current: Current) -> None:
        REMOVE[removal](client, current.thing)


def row_of(assessment: Assessment) -> dict[str, Any]:
    return {name: plain(value) for name, value in role_mappings.row(assessment).items()}


def _matches(mapping: RoleMapping, query: MappingFilter) -> bool:
    return mapping.is_enabled or not query.is_enabled
