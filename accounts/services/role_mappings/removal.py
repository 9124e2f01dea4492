"""Disabling and deleting role mappings (`PUT` and `DELETE _security/role_mapping`), recorded in the audit trail."""

from typing import Final

from accounts.services import audit, errors
from accounts.services.client import PersonClient, invalidating
from accounts.services.role_mappings.mappings import RoleMapping
from accounts.services.role_mappings.rules import describe

DEFINITION: Final = ("roles", "role_templates", "rules", "metadata")


def disable(client: PersonClient, mapping: RoleMapping) -> None:
    """Disable a role mapping as it is now; its definition stays. Raises NotFound, AccessDenied, AuditUnavailable.

    `PUT` replaces the whole role mapping, and creates one that doesn't exist. There is no version, so it is read just before.
    """
    changes = {"state": ("enabled", "disabled")}
    recorded = audit.recorded(client, audit.Action.ROLE_MAPPING_DISABLE, mapping.name, kind="role_mapping", changes=changes)
    with recorded, invalidating():
        body = client.get_role_mapping().body.get(mapping.name)
        if body is None:
            raise errors.NotFound(mapping.name)
        definition = {name: body[name] for name in DEFINITION if body.get(name)}
        answer = client.put_role_mapping(name=mapping.name, enabled=False, **definition)
        if answer["role_mapping"]["created"]:  # deleted by someone else in the meantime
            client.delete_role_mapping(name=mapping.name)
            raise errors.NotFound(mapping.name)


def delete(client: PersonClient, mapping: RoleMapping) -> None:
    """Delete a role mapping. Raises NotFound, AccessDenied, AuditUnavailable."""
    state = "enabled" if mapping.is_enabled else "disabled"
    before = {"roles": mapping.roles, "rules": describe(mapping.rules), "state": state}
    changes = {name: (value, None) for name, value in before.items()}
    recorded = audit.recorded(client, audit.Action.ROLE_MAPPING_DELETE, mapping.name, kind="role_mapping", changes=changes)
    with recorded, invalidating():
        client.delete_role_mapping(name=mapping.name)
