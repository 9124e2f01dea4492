"""Reading role mappings (`GET _security/role_mapping`), including those of the file settings of the cluster."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from accounts.services import errors
from accounts.services.client import PersonClient
from accounts.services.role_mappings.templates import Template

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RoleMapping:
    """`roles` and `templates`: what users get who match the rule. `is_read_only`: it is from the file settings of the cluster.

    `metadata`: without keys of Elasticsearch itself.
    """

    name: str
    is_enabled: bool = True
    roles: tuple[str, ...] = ()
    templates: tuple[Template, ...] = ()
    rules: Rule = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    is_read_only: bool = False

    @classmethod
    def of(cls, name: str, body: Mapping[str, Any]) -> "RoleMapping":
        """From the answer of Elasticsearch."""
        metadata = body.get("metadata") or {}
        return cls(
            name=name,
            is_enabled=bool(body.get("enabled", True)),
            roles=tuple(body.get("roles") or ()),
            templates=tuple(map(Template.of, body.get("role_templates") or ())),
            rules=body.get("rules") or {},
            metadata={key: value for key, value in metadata.items() if not key.startswith("_")},
            is_read_only=metadata.get("_read_only") is True,
        )


def all_mappings(client: PersonClient) -> list[RoleMapping]:
    """All role mappings, sorted by name. One call. Raises AccessDenied without `read_security`."""
    return [RoleMapping.of(name, body) for name, body in sorted(client.get_role_mapping().body.items())]


def get(client: PersonClient, name: str) -> RoleMapping:
    """One role mapping. One call for all of them: a name with a comma would request two. Raises RoleMappingNotFound."""
    found = next((mapping for mapping in all_mappings(client) if mapping.name == name), None)
    if found is None:
        raise errors.RoleMappingNotFound(name)
    return found
