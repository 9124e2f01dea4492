"""The indices of usermgmt: their names, and the templates from which they are created."""

import re
from datetime import datetime, timedelta
from typing import Any, Final

SESSIONS: Final = "usermgmt-sessions"
LOCKS: Final = "usermgmt-locks"
THROTTLE: Final = "usermgmt-throttle"
FINDINGS: Final = "usermgmt-findings"
REVIEWS: Final = "usermgmt-reviews"
JOBS: Final = "usermgmt-jobs"
AUDIT: Final = "usermgmt-audit"  # the name of its template; there is one index per month
AUDIT_PATTERN: Final = "usermgmt-audit-*"
AUDIT_MONTH: Final = re.compile(r"usermgmt-audit-[0-9]{4}\.(0[1-9]|1[0-2])")
AUDIT_MARKER: Final = "usermgmt_audit"  # a dynamic template without effect: it shows that an index was created from our template

_SETTINGS: Final = {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True}
_DATE: Final = {"type": "date"}
_KEYWORD: Final = {"type": "keyword"}
MAX_SEARCHED: Final = 1024  # characters of a text; a search doesn't find a longer one
_TEXT: Final = {"type": "keyword", "ignore_above": MAX_SEARCHED}  # user input; Elasticsearch rejects more than 32,766 bytes

TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    SESSIONS: {
        "index_patterns": [SESSIONS],
        "template": {
            "settings": _SETTINGS,
            "mappings": {
                "dynamic": False,
                "properties": {
                    "username": _KEYWORD,
                    "realm_type": _KEYWORD,
                    "created": _DATE,
                    "last_activity": _DATE,
                    "expires": _DATE,
                },
            },
        },
    },
    AUDIT: {
        "index_patterns": [AUDIT_PATTERN],
        "template": {
            "settings": _SETTINGS,
            "mappings": {
                "dynamic": False,
                "dynamic_templates": [{AUDIT_MARKER: {"match": AUDIT_MARKER, "mapping": _KEYWORD}}],
                "properties": {
                    "@timestamp": {"type": "date_nanos"},
                    "ecs": {"properties": {"version": _KEYWORD}},
                    "event": {
                        "properties": {
                            "id": _KEYWORD,
                            "kind": _KEYWORD,
                            "module": _KEYWORD,
                            "dataset": _KEYWORD,
                            "category": _KEYWORD,
                            "action": _KEYWORD,
                            "outcome": _KEYWORD,
                            "reason": _KEYWORD,
                        }
                    },
                    "user": {"properties": {"name": _TEXT, "domain": _KEYWORD, "target": {"properties": {"name": _TEXT}}}},
                    "source": {"properties": {"ip": {"type": "ip", "ignore_malformed": True}}},
                    "trace": {"properties": {"id": _KEYWORD}},
                    "usermgmt": {
                        "properties": {
                            "stage": _KEYWORD,
                            "session": _KEYWORD,
                            "realm_type": _KEYWORD,
                            "command": _KEYWORD,
                            "target": {"properties": {"kind": _KEYWORD, "name": _TEXT}},
                            "changes": {"properties": {"field": _KEYWORD, "before": _TEXT, "after": _TEXT}},
                        }
                    },
                },
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
    FINDINGS: {
        "index_patterns": [FINDINGS],
        "template": {
            "settings": _SETTINGS,
            "mappings": {"dynamic": False, "properties": {"kind": _KEYWORD, "started": _DATE, "finished": _DATE}},
        },
    },
    REVIEWS: {
        "index_patterns": [REVIEWS],
        "template": {
            "settings": _SETTINGS,
            "mappings": {
                "dynamic": False,
                "properties": {
                    "kind": _KEYWORD,
                    "review": _KEYWORD,
                    "state": _KEYWORD,
                    "created": _DATE,
                    "due": _DATE,
                    "number": {"type": "integer"},
                    "choice": _KEYWORD,
                    "locked": {"type": "boolean"},
                    "row": {
                        "properties": {
                            "username": _TEXT,
                            "full_name": _TEXT,
                            "email": _TEXT,
                            "roles": _TEXT,
                            "id": _TEXT,
                            "name": _TEXT,
                            "owner": _TEXT,
                            "realm": _TEXT,
                            "rule": _TEXT,
                        }
                    },
                },
            },
        },
    },
    JOBS: {
        "index_patterns": [JOBS],
        "template": {
            "settings": _SETTINGS,
            "mappings": {
                "dynamic": False,
                "properties": {
                    "kind": _KEYWORD,
                    "job": _KEYWORD,
                    "part": _KEYWORD,
                    "state": _KEYWORD,
                    "reason": _TEXT,
                    "created": _DATE,
                    "begun": _DATE,
                    "number": {"type": "integer"},
                },
            },
        },
    },
}


def audit_index(moment: datetime) -> str:
    """The index with the audit events of that month."""
    return f"{AUDIT}-{moment:%Y.%m}"


def audit_months(first: datetime, last: datetime) -> list[str]:
    """The indices of all months from one moment to another, the last first."""
    found = [audit_index(last)]
    while (last := last.replace(day=1) - timedelta(days=1)) and audit_index(last) >= audit_index(first):
        found.append(audit_index(last))
    return found


def is_audit_month_before(name: str, moment: datetime) -> bool:
    """Whether this is the index of a month that had ended by then."""
    return bool(AUDIT_MONTH.fullmatch(name)) and name < audit_index(moment)


def names(now: datetime) -> list[str]:
    """The indices that must exist: one for each template, and the audit trail of this and the next month."""
    next_month = now.replace(day=1) + timedelta(days=32)
    return [*(name for name in TEMPLATES if name != AUDIT), audit_index(now), audit_index(next_month)]
