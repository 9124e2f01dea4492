"""What a role grants that it didn't grant before, from two bodies of `_security/role`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from accounts.services.roles import cluster_privileges, grants, patterns
from accounts.services.roles.escalation import SECURITY
from accounts.services.roles.privileges import MANAGE_SECURITY

Body = Mapping[str, Any]
# Index privileges, and others that each of them includes. `all` includes every other.
INDEX_PRIVILEGES: Final = {
    "write": ("index", "create", "create_doc", "delete"),
    "index": ("create", "create_doc"),
    "create": ("create_doc",),
    "manage": ("monitor", "view_index_metadata", "create_index", "delete_index", "maintenance"),
}


def added(before: Body, after: Body) -> list[str]:
    """What `after` grants beyond `before`, in words; {} grants nothing.

    What `before` includes, or only says in another way, isn't listed. If only Elasticsearch could tell, it is.
    """
    return list(dict.fromkeys(grant.with_limits for grant in grants.of(beyond(before, after))))


def beyond(before: Body, after: Body) -> dict[str, Any]:
    """The part of `after` that `before` doesn't include."""
    return {
        "cluster": [name for name in after.get("cluster") or () if not _grants_cluster(before.get("cluster") or (), name)],
        "indices": _indices(before.get("indices"), after.get("indices")),
        "remote_indices": _indices(before.get("remote_indices"), after.get("remote_indices")),
        "remote_cluster": [*_remote_clusters(before.get("remote_cluster") or (), after.get("remote_cluster") or ())],
        "applications": [*_applications(before.get("applications") or (), after.get("applications") or ())],
        "run_as": [name for name in after.get("run_as") or () if not _any_includes(before.get("run_as") or (), name)],
        "global": _global_beyond("", before.get("global") or {}, after.get("global") or {}),
    }


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


def _any_includes(given: Iterable[str], name: str) -> bool:
    return any(includes(pattern, name) for pattern in given)


def _grants_cluster(given: Iterable[str], wanted: str) -> bool:
    """The name of an action grants all actions that start with it."""
    name, names = wanted.lower(), [each.lower() for each in given]
    if name == "none" or cluster_privileges.holds(names, name):
        return True
    if name.startswith(SECURITY) and cluster_privileges.holds(names, MANAGE_SECURITY):
        return not patterns.matches(f"{name}*", f"{SECURITY}delegate_pki")  # the only one that manage_security doesn't include
    return ":" in name and any(":" in each and includes(f"{each}*", name) for each in names)


def _beyond(part: Body, subjects: str, is_granted: Callable[[str, str], bool]) -> Iterator[Body]:
    """The part with those of its privileges that aren't granted, on those of its subjects."""
    new: dict[tuple[str, ...], list[str]] = {}
    for subject in part[subjects]:
        if privileges := tuple(name for name in part["privileges"] if not is_granted(subject, name)):
            new.setdefault(privileges, []).append(subject)
    for privileges, names in new.items():
        yield {**part, subjects: names, "privileges": list(privileges)}


def _indices(before: Iterable[Body] | None, after: Iterable[Body] | None) -> list[Body]:
    return [new for part in after or () for new in _indices_beyond(before or (), part)]


def _indices_beyond(before: Iterable[Body], part: Body) -> Iterator[Body]:
    given = [each for each in before if _is_as_wide(each, part)]

    def is_granted(index: str, privilege: str) -> bool:
        return any(
            _any_includes(each["names"], index) and any(_index_privilege_includes(name, privilege) for name in each["privileges"])
            for each in given
        )

    return _beyond(part, "names", is_granted)


def _is_as_wide(before: Body, after: Body) -> bool:
    """Whether documents, fields, restricted indices, and remote clusters aren't limited more than in `after`."""
    return (
        (not before.get("query") or before.get("query") == after.get("query"))
        and _fields_include(before.get("field_security") or {}, after.get("field_security") or {})
        and (before.get("allow_restricted_indices") or not after.get("allow_restricted_indices"))
        and all(_any_includes(before["clusters"], name) for name in after.get("clusters") or ())
    )


def _fields_include(before: Body, after: Body) -> bool:
    granted = all(_any_includes(before.get("grant", ["*"]), field) for field in after.get("grant", ["*"]))
    return granted and all(_any_includes(after.get("except") or (), field) for field in before.get("except") or ())


def _index_privilege_includes(given: str, wanted: str) -> bool:
    given, wanted = given.lower(), wanted.lower()
    if wanted in (given, "none") or given == "all" or wanted in INDEX_PRIVILEGES.get(given, ()):
        return True
    return ":" in given and ":" in wanted and includes(f"{given}*", wanted)


def _remote_clusters(before: Iterable[Body], after: Iterable[Body]) -> Iterator[Body]:
    given = list(before)

    def is_granted(cluster: str, privilege: str) -> bool:
        return any(privilege in each["privileges"] and _any_includes(each["clusters"], cluster) for each in given)

    for part in after:
        yield from _beyond(part, "clusters", is_granted)


def _applications(before: Iterable[Body], after: Iterable[Body]) -> Iterator[Body]:
    for part in after:
        yield from _applications_beyond(before, part)


def _applications_beyond(before: Iterable[Body], part: Body) -> Iterator[Body]:
    application = part["application"]
    given = [each for each in before if includes(each["application"], application)]

    def is_granted(resource: str, privilege: str) -> bool:
        return any(
            _any_includes(each["resources"], resource)
            and any(_application_privilege_includes(application, name, privilege) for name in each["privileges"])
            for each in given
        )

    return _beyond(part, "resources", is_granted)


def _application_privilege_includes(application: str, given: str, wanted: str) -> bool:
    """Only of Kibana it is known what its privileges include: everything, all of a space, all of a feature."""
    if includes(given, wanted):
        return True
    return application.startswith("kibana-") and (
        given == "all"
        or (given == "space_all" and wanted.startswith(("space_", "feature_")))
        or (given.startswith("feature_") and given.endswith(".all") and wanted.startswith(given.removesuffix("all")))
    )


def _global_beyond(name: str, before: Any, after: Any) -> Any:
    """`{area: {verb: {"applications": […]}}}`, or `"indices"` with privileges; of 9.5, also a list as an area."""
    if before == after:
        return ()
    if isinstance(after, Mapping):
        given = before if isinstance(before, Mapping) else {}
        return {key: new for key, value in after.items() if (new := _global_beyond(key, given.get(key) or (), value))}
    if name == "indices":
        return _indices(before, after)
    return [each for each in after if not _any_includes(before, each)] if name == "applications" else after
