"""What a role grants that it didn't grant before, from two bodies of `_security/role`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from accounts.services.roles import grants
from accounts.services.roles.inclusion import (
    any_includes,
    application_privilege_includes,
    grants_cluster,
    includes,
    index_privilege_includes,
    is_as_wide,
)

Body = Mapping[str, Any]


def added(before: Body, after: Body) -> list[str]:
    """What `after` grants beyond `before`, in words; {} grants nothing.

    What `before` includes, or only says in another way, isn't listed. If only Elasticsearch could tell, it is.
    """
    return list(dict.fromkeys(grant.with_limits for grant in grants.of(beyond(before, after))))


def beyond(before: Body, after: Body) -> dict[str, Any]:
    """The part of `after` that `before` doesn't include."""
    return {
        "cluster": [name for name in after.get("cluster") or () if not grants_cluster(before.get("cluster") or (), name)],
        "indices": _indices(before.get("indices"), after.get("indices")),
        "remote_indices": _indices(before.get("remote_indices"), after.get("remote_indices")),
        "remote_cluster": [*_remote_clusters(before.get("remote_cluster") or (), after.get("remote_cluster") or ())],
        "applications": [*_applications(before.get("applications") or (), after.get("applications") or ())],
        "run_as": [name for name in after.get("run_as") or () if not any_includes(before.get("run_as") or (), name)],
        "global": _global_beyond("", before.get("global") or {}, after.get("global") or {}),
    }


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
    given = [each for each in before if is_as_wide(each, part)]

    def is_granted(index: str, privilege: str) -> bool:
        return any(
            any_includes(each["names"], index) and any(index_privilege_includes(name, privilege) for name in each["privileges"])
            for each in given
        )

    return _beyond(part, "names", is_granted)


def _remote_clusters(before: Iterable[Body], after: Iterable[Body]) -> Iterator[Body]:
    given = list(before)

    def is_granted(cluster: str, privilege: str) -> bool:
        return any(privilege in each["privileges"] and any_includes(each["clusters"], cluster) for each in given)

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
            any_includes(each["resources"], resource)
            and any(application_privilege_includes(application, name, privilege) for name in each["privileges"])
            for each in given
        )

    return _beyond(part, "resources", is_granted)


def _global_beyond(name: str, before: Any, after: Any) -> Any:
    """`{area: {verb: {"applications": […]}}}`, or `"indices"` with privileges; of 9.5, also a list as an area."""
    if before == after:
        return ()
    if isinstance(after, Mapping):
        given = before if isinstance(before, Mapping) else {}
        return {key: new for key, value in after.items() if (new := _global_beyond(key, given.get(key) or (), value))}
    if name == "indices":
        return _indices(before, after)
    return [each for each in after if not any_includes(before, each)] if name == "applications" else after
