"""The product's own indices: their names, and the templates that `setup_cluster` puts into the cluster."""

from typing import Any, Final

SESSIONS: Final = "usermgmt-sessions"
LOCKS: Final = "usermgmt-locks"
THROTTLE: Final = "usermgmt-throttle"
AUDIT: Final = "usermgmt-audit"  # the name of its template; the indices are one a month
AUDIT_PATTERN: Final = "usermgmt-audit-*"

_SETTINGS: Final = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True}
_DATE: Final = {"type": "date"}
_KEYWORD: Final = {"type": "keyword"}

TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    SESSIONS: {
        "index_patterns": [SESSIONS],
        "template": {
            "settings": _SETTINGS,
            "mappings": {
                "dynamic": False,
                "properties": {"username": _KEYWORD, "realm_type": _KEYWORD, "created": _DATE, "seen": _DATE, "expires": _DATE},
            },
        },
    },
    LOCKS: {
        "index_patterns": [LOCKS],
        "template": {"settings": _SETTINGS, "mappings": {"dynamic": False, "properties": {"until": _DATE}}},
    },
    THROTTLE: {
        "index_patterns": [THROTTLE],
        "template": {"settings": _SETTINGS, "mappings": {"dynamic": False, "properties": {"expires": _DATE}}},
    },
}
