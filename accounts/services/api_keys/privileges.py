"""What an API key opens, and what it can do that its owner can't anymore: one answer for pages, exports, findings, and reviews."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from accounts.services import roles
from accounts.services.api_keys.keys import CROSS_CLUSTER, Key
from accounts.services.roles import cluster_privileges, coverage, escalation, grants
from accounts.services.roles.escalation import RUN_AS, Escalation
from accounts.services.roles.grants import Grant

Body = Mapping[str, Any]
Change = Literal["deleted", "removed", "unlicensed", "reduced"]
CHANGES: Final[Mapping[Change, str]] = {
    "deleted": "The role doesn't exist anymore",
    "removed": "The owner doesn't have the role anymore",
    "unlicensed": "The license doesn't allow the role anymore",
    "reduced": "The role grants less now",
}


@dataclass(frozen=True, slots=True)
class Excess:
    """What a key can do, and its owner can't today: by which roles of the time when it was created or updated, and what.

    `is_known`: False if the privileges of the key and those of its owner overlap in a way that only Elasticsearch can evaluate, or
    if roles of the owner may be defined in a file (`unlisted`).
    """

    roles: tuple[tuple[str, Change], ...] = ()
    grants: tuple[Grant, ...] = ()
    is_known: bool = True
    unlisted: tuple[str, ...] = ()

    def __str__(self) -> str:
        """For example "The owner doesn't have the role anymore: superuser. Cluster privileges: …"."""
        by_change = [
            f"{words}: {', '.join(names)}"
            for change, words in CHANGES.items()
            if (names := [name for name, other in self.roles if other == change])
        ]
        return ". ".join([*by_change, *map(str, self.grants)])


NO_EXCESS: Final = Excess()


def escalations_of(key: Key) -> tuple[Escalation, ...]:
    """The paths that both its own privileges and those of its owner at that time open, certain ones first.

    A key without own privileges has those of its owner, a key for other clusters has only its own. Whom `run_as` reaches isn't
    known.
    """
    own, owner = own_privileges(key), [body for _, body in owner_privileges(key)]
    opened = escalation.every(escalation.merged(own)) if own else ()
    if is_cross_cluster(key):
        return opened
    limit = escalation.every(escalation.merged(owner))
    found = list(escalation.both(opened, limit) if own else limit)
    acting, allowed = _run_as(own), _run_as(owner)
    if allowed and (acting or not own):
        found.append(Escalation(RUN_AS, f"run_as {', '.join(acting or allowed)}", is_certain=False))
    return tuple(sorted(found, key=lambda each: not each.is_certain))


def own_privileges(key: Key) -> list[Body]:
    """Its own role descriptors; none if it has the privileges of its owner."""
    return list((key.get("role_descriptors") or {}).values())


def owner_privileges(key: Key) -> list[tuple[str, Body]]:
    """The roles of its owner as they were when it was created or last updated, which limit it."""
    return [pair for bodies in key.get("limited_by") or [] for pair in bodies.items()]


def is_cross_cluster(key: Key) -> bool:
    """Whether only other clusters can use it. Its privileges aren't limited by those of its owner."""
    return bool(key.get("type") == CROSS_CLUSTER)


def excess(key: Key, held: Collection[str], descriptors: Mapping[str, Body]) -> Excess:
    """What the key can do beyond its owner's roles of today (`held`). `descriptors`: of all roles that exist.

    A role that the license doesn't allow grants nothing to users. Of a key, the license only blocks the parts with field or
    document level security.
    """
    if is_cross_cluster(key):
        return NO_EXCESS
    today = [roles.effective(descriptors[name]) for name in held if name in descriptors]
    is_restricted = not all(map(roles.is_enabled, descriptors.values()))
    then = [(name, _allowed(body) if is_restricted else body) for name, body in owner_privileges(key)]
    changed = [
        (name, body)
        for name, body in then
        if name not in held or not coverage.is_same(body, roles.effective(descriptors.get(name, {})))
    ]
    lost = [(name, body, rest) for name, body in changed if (rest := coverage.split(body, today)[1])]
    if not lost:
        return NO_EXCESS
    causes = tuple((name, _change(name, held, descriptors)) for name, _, _ in lost)
    own = [_allowed(body) if is_restricted else body for body in own_privileges(key)]
    if not own:
        return Excess(causes, _grants(rest for _, _, rest in lost))
    beyond = [coverage.split(body, today)[1] for body in own]
    common = [
        *(coverage.split(body, [body for _, body in then])[0] for body in beyond),
        *(coverage.split(rest, own)[0] for _, _, rest in lost),
    ]
    common.append({"cluster": _in_both(own, [body for _, body in then], [*today, *common])})
    if found := _grants(common):
        return Excess(causes, found)
    return Excess(is_known=not _overlaps(beyond, [rest for _, _, rest in lost]))


def _allowed(body: Body) -> Body:
    """What a key has of these privileges while the license doesn't include field and document level security."""
    parts = [part for part in body.get("indices") or () if not (part.get("query") or part.get("field_security"))]
    return {**body, "indices": parts}


def _in_both(some: Iterable[Body], others: Iterable[Body], known: Iterable[Body]) -> list[str]:
    """The cluster privileges that privileges of both sides include, without those that are known already."""
    mine, theirs, covered = (cluster_privileges.held(_cluster(bodies)) for bodies in (some, others, known))
    shared = (mine & theirs) - covered - {"none"}
    return sorted(name for name in shared if not any(name in cluster_privileges.implied(other) for other in shared - {name}))


def _overlaps(some: Sequence[Body], others: Sequence[Body]) -> bool:
    """Whether patterns of both sides may match the same things."""
    kinds = {kind for body in some for kind in body} & {kind for body in others for kind in body}
    return bool(kinds - {"cluster"}) or ("cluster" in kinds and any(":" in name for name in _cluster([*some, *others])))


def _cluster(bodies: Iterable[Body]) -> list[str]:
    return [name for body in bodies for name in body.get("cluster") or ()]


def _change(name: str, held: Collection[str], descriptors: Mapping[str, Body]) -> Change:
    if name not in held:
        return "removed"
    if name not in descriptors:
        return "deleted"
    return "reduced" if roles.is_enabled(descriptors[name]) else "unlicensed"


def _grants(bodies: Iterable[Body]) -> tuple[Grant, ...]:
    return tuple(dict.fromkeys(grant for body in bodies for grant in grants.of(body)))


def _run_as(bodies: Iterable[Body]) -> list[str]:
    return [name for body in bodies for name in body.get("run_as") or ()]
