"""Roles: which exist, what they grant, and whether they grant `manage_security` (`_security/role`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from accounts.services import errors
from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.roles import cluster_privileges, escalation, grants, privileges
from accounts.services.roles.escalation import Escalation
from accounts.services.roles.grants import Grant

# A request line can have 4,096 bytes (http.max_initial_line_length), and a character may need three of them.
MAX_PATH_LENGTH: Final = 1200


@dataclass(frozen=True, slots=True)
class Role:
    """A role, or the name of one that doesn't exist. `escalations`: how its holders become administrators, apart from `run_as`."""

    name: str
    is_reserved: bool = False
    is_deprecated: bool = False
    deprecated_reason: str = ""
    is_unknown: bool = False
    grants_user_management: bool = False
    description: str = ""
    cluster: tuple[str, ...] = ()
    run_as: tuple[str, ...] = ()
    escalations: tuple[Escalation, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleDetails:
    """A role with its privileges. `is_enabled`: whether the license of the cluster allows them.

    `is_read_only`: whether all of them are known to allow nothing but reading. `body`: as Elasticsearch has it.
    """

    role: Role
    is_enabled: bool = True
    is_read_only: bool = True
    grants: tuple[Grant, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def effective_body(self) -> Mapping[str, Any]:
        """What it grants now: {} if the license of the cluster doesn't allow it."""
        return effective(self.body)


def get(client: PersonClient, name: str) -> RoleDetails:
    """One role; a nonexistent one grants nothing. Raises AccessDenied without `read_security`."""
    return get_many(client, [name])[name]


def get_many(client: PersonClient, names: Iterable[str]) -> dict[str, RoleDetails]:
    """The current roles by name, in one call at most."""
    wanted = list(dict.fromkeys(names))
    bodies = _bodies(client, wanted) if wanted else {}
    return {name: _details(name, bodies.get(name)) for name in wanted}


def all_details(client: PersonClient) -> list[RoleDetails]:
    """All roles with their privileges, sorted by name, in one call (`GET _security/role`), which isn't cached."""
    return [_details(name, body) for name, body in sorted(client.get_role().body.items())]


def by_name(client: PersonClient, names: Iterable[str]) -> dict[str, Role]:
    """The roles by name, including nonexistent ones, which Elasticsearch accepts."""
    known = _by_name(client)
    return {name: known.get(name) or Role(name, is_unknown=True) for name in names}


def all_roles(client: PersonClient) -> list[Role]:
    """All roles, sorted by name, with `superuser` last so that it isn't chosen by accident."""
    return list(_by_name(client).values())


def descriptors(client: PersonClient) -> Mapping[str, Any]:
    """All roles as Elasticsearch has them, by name (`GET _security/role`)."""
    answer: Mapping[str, Any] = client.get_role().body
    return answer


def effective(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the role grants now: {} if the license of the cluster doesn't allow it."""
    return body if is_enabled(body) else {}


def names(client: PersonClient) -> frozenset[str]:
    """The names of all roles."""
    return _known(client)[1]


def _by_name(client: PersonClient) -> dict[str, Role]:
    return _known(client)[0]


@cached_per_scope
def _known(client: PersonClient) -> tuple[dict[str, Role], frozenset[str]]:
    """All roles and their names in one call (`GET _security/role`), cached."""
    roles = [_role(name, body) for name, body in client.get_role().body.items()]
    by_name = {role.name: role for role in sorted(roles, key=lambda role: (role.name == "superuser", role.name))}
    return by_name, frozenset(by_name)


def _bodies(client: PersonClient, names: list[str]) -> Mapping[str, Any]:
    """`GET _security/role` for these names if they fit into a path; a name with a comma would request two roles."""
    fits = not any("," in name for name in names) and len("".join(names)) <= MAX_PATH_LENGTH
    try:
        answer: Mapping[str, Any] = client.get_role(name=names if fits else None).body
    except errors.NotFound:  # none exists
        return {}
    return answer


def _details(name: str, body: Mapping[str, Any] | None) -> RoleDetails:
    if body is None:
        return RoleDetails(Role(name, is_unknown=True))
    return RoleDetails(
        _role(name, body),
        is_enabled=is_enabled(body),
        is_read_only=not is_enabled(body) or grants.is_read_only(body),
        grants=tuple(grants.of(body)),
        metadata={key: value for key, value in body.get("metadata", {}).items() if not key.startswith("_")},
        body=body,
    )


def is_enabled(body: Mapping[str, Any]) -> bool:
    """A role with field-level or document-level security grants nothing if the license doesn't include it."""
    return bool(body.get("transient_metadata", {}).get("enabled", True))


def _role(name: str, body: Mapping[str, Any]) -> Role:
    metadata = body.get("metadata", {})
    granted = effective(body)
    cluster = tuple(granted.get("cluster", []))
    return Role(
        name=name,
        is_reserved=bool(metadata.get("_reserved")),
        is_deprecated=bool(metadata.get("_deprecated")),
        deprecated_reason=metadata.get("_deprecated_reason") or "",
        grants_user_management=_grants_user_management(cluster),
        description=(body.get("description") or "").strip(),
        cluster=cluster,
        run_as=tuple(granted.get("run_as") or []),
        escalations=escalation.of(body) if granted else (),
    )


@lru_cache(maxsize=1024)
def _grants_user_management(cluster: tuple[str, ...]) -> bool:
    """Cached, because hundreds of roles have the same privileges."""
    return cluster_privileges.holds(cluster, privileges.MANAGE_SECURITY)
