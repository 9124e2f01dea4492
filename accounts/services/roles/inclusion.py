"""Whether what a role grants includes something else: names and patterns of privileges, indices, fields, and users.

Each answer is True only if it is certain; only Elasticsearch can compare some patterns.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from accounts.services.roles import cluster_privileges, patterns
from accounts.services.roles.escalation import SECURITY
from accounts.services.roles.privileges import MANAGE_SECURITY

Body = Mapping[str, Any]
# Index privileges, and others that each of them includes. `all` includes every other. Those of views and datasets are new in 9.x.
_VIEWS: Final = ("create_view", "delete_view", "read_view_metadata")
_DATASETS: Final = ("create_dataset", "delete_dataset", "read_dataset_metadata")
INDEX_PRIVILEGES: Final = {
    "write": ("index", "create", "create_doc", "delete"),
    "index": ("create", "create_doc"),
    "create": ("create_doc",),
    "manage": (
        *("monitor", "view_index_metadata", "create_index", "delete_index", "maintenance", "auto_configure"),
        *("manage_data_stream_lifecycle", "manage_follow_index", "manage_ilm", "manage_leader_index"),
        *("manage_view", *_VIEWS, "manage_dataset", *_DATASETS),
    ),
    "manage_view": _VIEWS,
    "manage_dataset": _DATASETS,
}

# Of a feature of Kibana, without those of its sub-features.
FEATURE_PRIVILEGES: Final = ("all", "read", "minimal_all", "minimal_read")


def includes(pattern: str, other: str) -> bool:
    """Whether the pattern is known to match everything that the other one matches."""
    if pattern in (other, "*"):
        return True
    has_wildcards = any(character in other for character in "*?\\")
    if _is_expression(other) or (has_wildcards and (_is_expression(pattern) or "\\" in pattern + other)):
        return False
    if "*" in other and "?" in pattern:  # which would match the asterisk as one character
        return False
    return patterns.matches(pattern, other) is True


def _is_expression(pattern: str) -> bool:
    return len(pattern) > 1 and pattern[0] == pattern[-1] == "/"


def any_includes(given: Iterable[str], name: str) -> bool:
    return any(includes(pattern, name) for pattern in given)


def grants_cluster(given: Iterable[str], wanted: str) -> bool:
    """The name of an action grants all actions that start with it."""
    name, names = wanted.lower(), [each.lower() for each in given]
    if name == "none" or cluster_privileges.holds(names, name):
        return True
    if name.startswith(SECURITY) and cluster_privileges.holds(names, MANAGE_SECURITY):
        return not patterns.matches(f"{name}*", f"{SECURITY}delegate_pki")  # the only one that manage_security doesn't include
    return ":" in name and any(":" in each and includes(f"{each}*", name) for each in names)


def is_as_wide(before: Body, after: Body) -> bool:
    """Whether documents, fields, restricted indices, and remote clusters aren't limited more than in `after`."""
    return (
        (not before.get("query") or before.get("query") == after.get("query"))
        and _fields_include(before.get("field_security") or {}, after.get("field_security") or {})
        and (before.get("allow_restricted_indices") or not after.get("allow_restricted_indices"))
        and all(any_includes(before["clusters"], name) for name in after.get("clusters") or ())
    )


def _fields_include(before: Body, after: Body) -> bool:
    granted = all(any_includes(before.get("grant", ["*"]), field) for field in after.get("grant", ["*"]))
    return granted and all(any_includes(after.get("except") or (), field) for field in before.get("except") or ())


def index_privilege_includes(given: str, wanted: str) -> bool:
    given, wanted = given.lower(), wanted.lower()
    if wanted in (given, "none") or given == "all" or wanted in INDEX_PRIVILEGES.get(given, ()):
        return True
    return ":" in given and ":" in wanted and includes(f"{given}*", wanted)


def application_privilege_includes(application: str, given: str, wanted: str) -> bool:
    """Of Kibana it is known what its privileges include: everything, all of a space, all of a feature.

    A feature's `all` doesn't include all of its sub-features: each feature decides that (`includeIn`).
    """
    if includes(given, wanted):
        return True
    if not application.startswith("kibana-"):
        return False
    feature, _, privilege = wanted.partition(".")
    is_whole = feature.startswith("feature_") and privilege in FEATURE_PRIVILEGES
    return (
        (given == "all" and (is_whole or wanted in ("read", "space_all", "space_read")))
        or (given == "space_all" and (is_whole or wanted == "space_read"))
        or (given == f"{feature}.all" and is_whole)
    )
