"""The roles that setup_cluster creates: of the API key of usermgmt, and for auditors."""

from collections.abc import Mapping
from typing import Any, Final

from accounts.services.documents import indices

SERVICE: Final = "usermgmt_service"  # the role, and the user who owns the API key
AUDITOR_ROLE: Final = "usermgmt_auditor"

ROLES: Final[dict[str, dict[str, Any]]] = {
    SERVICE: {
        # The second one reads templates, to find those of others that apply to the indices of usermgmt.
        "cluster": ["monitor", "indices:admin/index_template/get"],
        "indices": [
            {
                "names": sorted(indices.TEMPLATES.keys() - {indices.AUDIT}),
                "privileges": ["auto_configure", "create_index", "maintenance", "read", "view_index_metadata", "write"],
            },
            # Append-only: this key can't change or delete events.
            {
                "names": [indices.AUDIT_PATTERN],
                "privileges": ["auto_configure", "create_doc", "create_index", "read", "view_index_metadata"],
            },
        ],
    },
    AUDITOR_ROLE: {"cluster": ["read_security"], "indices": []},
}
DESCRIPTIONS: Final = {
    SERVICE: "Access to the indices of usermgmt, append-only for its audit trail. No access to users.",
    AUDITOR_ROLE: "Read-only access to users, roles, and API keys in usermgmt.",
}


def held(answer: Mapping[str, Any]) -> dict[str, bool]:
    """Whether each privilege is held, by the response of `_has_privileges`: as "monitor" or "usermgmt-jobs: write"."""
    by_index = {f"{name}: {each}": has for name, privileges in answer["index"].items() for each, has in privileges.items()}
    return {**answer["cluster"], **by_index}
