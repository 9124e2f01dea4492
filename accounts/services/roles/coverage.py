"""What some privileges allow beyond others, from the bodies of `_security/role`.

Privileges are compared by their names and patterns. What isn't surely covered counts as not covered: an action that a named
privilege includes, an index pattern that only several others cover together, and the same restriction of documents written
differently.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from accounts.services.roles.inclusion import (
    any_includes,
    application_privilege_includes,
    grants_cluster,
    index_privilege_includes,
    is_as_wide,
)

Body = Mapping[str, Any]
Group = Mapping[str, Any]
KINDS: Final = ("cluster", "indices", "applications", "run_as", "global", "remote_indices", "remote_cluster")
# What a group of each kind is about: the fields with its patterns, and the one with its privileges.
GROUPS: Final = {
    "indices": (("names",), "privileges"),
    "applications": (("application", "resources"), "privileges"),
    "remote_indices": (("clusters", "names"), "privileges"),
    "remote_cluster": (("clusters",), "privileges"),
}


def split(body: Body, others: Iterable[Body]) -> tuple[Body, Body]:
    """The part of the privileges that the others surely cover together, and the rest."""
    whole = list(others)
    covered: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    names = [name for other in whole for name in other.get("cluster") or ()]
    _divide(covered, rest, "cluster", body, lambda name: grants_cluster(names, name))
    users = [name for other in whole for name in other.get("run_as") or ()]
    _divide(covered, rest, "run_as", body, lambda name: any_includes(users, name))
    for kind in GROUPS:
        wider = [group for other in whole for group in other.get(kind) or ()]
        pieces = [piece for group in body.get(kind) or () for piece in _pieces(kind, group)]
        for part, is_covered in ((covered, True), (rest, False)):
            if found := [piece for piece in pieces if any(_covers(kind, other, piece) for other in wider) == is_covered]:
                part[kind] = _joined(kind, found)
    if body.get("global"):
        part = covered if any(other.get("global") == body["global"] for other in whole) else rest
        part["global"] = body["global"]
    return covered, rest


def is_same(body: Body, other: Body) -> bool:
    """Whether they are the same privileges, written in the same way."""
    return all((body.get(kind) or []) == (other.get(kind) or []) for kind in KINDS)


def _divide(covered: dict[str, Any], rest: dict[str, Any], kind: str, body: Body, is_covered: Callable[[str], bool]) -> None:
    for name in body.get(kind) or ():
        (covered if is_covered(name) else rest).setdefault(kind, []).append(name)


def _pieces(kind: str, group: Group) -> Iterator[dict[str, Any]]:
    """The group as one for each pattern and privilege."""
    fields, privileges = GROUPS[kind]
    for pattern in _list(group[fields[-1]]):
        for privilege in group[privileges]:
            yield {**group, fields[-1]: [pattern], privileges: [privilege]}


def _joined(kind: str, pieces: Iterable[Group]) -> list[Group]:
    """Pieces as few groups: those that differ only in their privilege first, then those that differ only in their pattern."""
    fields, privileges = GROUPS[kind]
    return _merged(_merged(pieces, privileges), fields[-1])


def _merged(groups: Iterable[Group], field: str) -> list[Group]:
    merged: list[dict[str, Any]] = []
    for group in groups:
        same = next((other for other in merged if {**other, field: None} == {**group, field: None}), None)
        if same is None:
            merged.append({**group})
        else:
            same[field] = [*same[field], *group[field]]
    return list(merged)


def _covers(kind: str, wider: Group, piece: Group) -> bool:
    fields, privileges = GROUPS[kind]
    return (
        all(any_includes(_list(wider[field]), pattern) for field in fields for pattern in _list(piece[field]))
        and all(any(_includes(kind, piece, name, wanted) for name in wider[privileges]) for wanted in piece[privileges])
        and is_as_wide(wider, piece)
    )


def _includes(kind: str, piece: Group, privilege: str, wanted: str) -> bool:
    if kind == "applications":
        return application_privilege_includes(piece["application"], privilege, wanted)
    return privilege == wanted if kind == "remote_cluster" else index_privilege_includes(privilege, wanted)


def _list(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
