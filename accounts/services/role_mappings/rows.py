"""Role mappings as the rows of an export."""

from typing import Any, Final

from accounts.services.role_mappings.assessment import Assessment

COLUMNS: Final = {
    "name": "Name",
    "enabled": "Enabled",
    "applies_to": "Applies to",
    "rule": "Rule",
    "roles": "Roles",
    "unknown_roles": "Nonexistent roles",
    "role_templates": "Role templates",
    "makes_administrators": "Makes administrators",
    "how": "How",
    "rules": "Rule (JSON)",
    "metadata": "Metadata",
}


def row(assessment: Assessment) -> dict[str, Any]:
    """The values of the columns. `roles`: with those of constant templates."""
    mapping = assessment.mapping
    return {
        "name": mapping.name,
        "enabled": mapping.is_enabled,
        "applies_to": str(assessment.reach),
        "rule": assessment.rule,
        "roles": tuple(role.name for role in assessment.roles),
        "unknown_roles": assessment.unknown_roles,
        "role_templates": tuple(template.source for template in mapping.templates),
        "makes_administrators": assessment.is_administrator,
        "how": "; ".join(assessment.how),
        "rules": mapping.rules,
        "metadata": mapping.metadata,
    }
