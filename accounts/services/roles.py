"""Roles, as far as users need them: which exist, what is to be known of them, and whether they let one manage users."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.services import errors
from accounts.services.connection import Person

# A request line may have 4,096 bytes (http.max_initial_line_length).
LONGEST_PATH = 3000


@dataclass(frozen=True, slots=True)
class Role:
    """A role, or the name of one that does not exist."""

    name: str
    is_reserved: bool = False
    is_deprecated: bool = False
    deprecated_reason: str = ""
    is_unknown: bool = False
    grants_user_management: bool = False


def by_name(connection: Person, names: Iterable[str]) -> dict[str, Role]:
    """Each of the names with its role, in one call; Elasticsearch assigns names that do not exist without a word."""
    wanted = sorted(set(names))
    if not wanted:
        return {}
    known = _read(connection, wanted)
    return {name: known.get(name) or Role(name, is_unknown=True) for name in wanted}


def all_roles(connection: Person) -> list[Role]:
    """Every role of the cluster, by name; superuser last, so that it is never the one taken by accident."""
    return sorted(_read(connection, None).values(), key=lambda role: (role.name == "superuser", role.name))


def _read(connection: Person, names: list[str] | None) -> dict[str, Role]:
    """`GET _security/role`, of some names where a path can hold them; a comma in a name would ask for two."""
    if names and (any("," in name for name in names) or len("".join(names)) > LONGEST_PATH):
        names = None
    try:
        answer: Mapping[str, Any] = connection.get_role(name=names).body
    except errors.NotFound:  # none of them exists
        return {}
    return {name: _role(name, body) for name, body in answer.items()}


def _role(name: str, body: Mapping[str, Any]) -> Role:
    metadata = body.get("metadata", {})
    return Role(
        name=name,
        is_reserved=bool(metadata.get("_reserved")),
        is_deprecated=bool(metadata.get("_deprecated")),
        deprecated_reason=metadata.get("_deprecated_reason") or "",
        grants_user_management=not {"all", "manage_security"}.isdisjoint(body.get("cluster", [])),
    )
