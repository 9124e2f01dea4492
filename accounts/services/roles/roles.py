"""Roles, as far as users need them: which exist, what they grant, and whether they let one manage users (`_security/role`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from accounts.services import errors
from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.roles import cluster_privileges, grants, privileges
from accounts.services.roles.grants import Grant

# A request line may have 4,096 bytes (http.max_initial_line_length), and a letter may need three of them.
MAX_PATH_LENGTH: Final = 1200


@dataclass(frozen=True, slots=True)
class Role:
    """A role, or the name of one that does not exist."""

    name: str
    is_reserved: bool = False
    is_deprecated: bool = False
    deprecated_reason: str = ""
    is_unknown: bool = False
    grants_user_management: bool = False
    description: str = ""
    cluster: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleDetails:
    """A role with everything that it grants. `is_enabled`: whether the cluster's licence allows all of it."""

    role: Role
    is_enabled: bool = True
    grants: tuple[Grant, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


def get(client: PersonClient, name: str) -> RoleDetails:
    """One role; a name that does not exist is a role that grants nothing. Raises AccessDenied without read_security."""
    return get_many(client, [name])[name]


def get_many(client: PersonClient, names: Iterable[str]) -> dict[str, RoleDetails]:
    """Each of the names with its role, as it is now, in one call at most."""
    wanted = list(dict.fromkeys(names))
    bodies = _bodies(client, wanted) if wanted else {}
    return {name: _details(name, bodies.get(name)) for name in wanted}


def by_name(client: PersonClient, names: Iterable[str]) -> dict[str, Role]:
    """Each of the names with its role; Elasticsearch assigns names that do not exist without a word."""
    known = _by_name(client)
    return {name: known.get(name) or Role(name, is_unknown=True) for name in names}


def all_roles(client: PersonClient) -> list[Role]:
    """Every role of the cluster, by name; superuser last, so that it is never the one taken by accident."""
    return list(_by_name(client).values())


def names(client: PersonClient) -> frozenset[str]:
    """The names of all of them."""
    return _known(client)[1]


def _by_name(client: PersonClient) -> dict[str, Role]:
    return _known(client)[0]


@cached_per_scope
def _known(client: PersonClient) -> tuple[dict[str, Role], frozenset[str]]:
    """`GET _security/role`: all of them in one call, and their names, for all pages of the next seconds."""
    roles = [_role(name, body) for name, body in client.get_role().body.items()]
    by_name = {role.name: role for role in sorted(roles, key=lambda role: (role.name == "superuser", role.name))}
    return by_name, frozenset(by_name)


def _bodies(client: PersonClient, names: list[str]) -> Mapping[str, Any]:
    """`GET _security/role`, of these names where a path can hold them; a comma in a name would ask for two."""
    fits = not any("," in name for name in names) and len("".join(names)) <= MAX_PATH_LENGTH
    try:
        answer: Mapping[str, Any] = client.get_role(name=names if fits else None).body
    except errors.NotFound:  # none of them exists
        return {}
    return answer


def _details(name: str, body: Mapping[str, Any] | None) -> RoleDetails:
    if body is None:
        return RoleDetails(Role(name, is_unknown=True))
    return RoleDetails(
        _role(name, body),
        is_enabled=_is_enabled(body),
        grants=tuple(grants.of(body)),
        metadata={key: value for key, value in body.get("metadata", {}).items() if not key.startswith("_")},
    )


def _is_enabled(body: Mapping[str, Any]) -> bool:
    """A role with field-level or document-level security grants nothing at all under a licence that does not have it."""
    return bool(body.get("transient_metadata", {}).get("enabled", True))


def _role(name: str, body: Mapping[str, Any]) -> Role:
    metadata = body.get("metadata", {})
    cluster = tuple(body.get("cluster", []) if _is_enabled(body) else [])
    return Role(
        name=name,
        is_reserved=bool(metadata.get("_reserved")),
        is_deprecated=bool(metadata.get("_deprecated")),
        deprecated_reason=metadata.get("_deprecated_reason") or "",
        grants_user_management=_grants_user_management(cluster),
        description=(body.get("description") or "").strip(),
        cluster=cluster,
    )


@lru_cache(maxsize=1024)
def _grants_user_management(cluster: tuple[str, ...]) -> bool:
    """Hundreds of roles are alike in this."""
    return cluster_privileges.holds(cluster, privileges.MANAGE_SECURITY)
