"""Active API keys that never expire and make whoever has them an administrator, of all realms."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from accounts.services.findings.rows import Row
from accounts.services.roles import escalation
from accounts.services.roles.escalation import Way

# What `_security/_query/api_key` returns of the privileges; `limited_by` only on request.
FIELDS: Final = ("type", "role_descriptors", "limited_by")
OWN_REALMS: Final = ("native", "reserved")


def of_keys(keys: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], tuple[Way, ...]]]:
    """The keys with the ways that they certainly open, now that their owner may have other roles."""
    for key in keys:
        if key.get("expiration") or key.get("type", "rest") != "rest":
            continue
        ways = tuple(way for way in ways_of(key) if way.is_certain)
        if ways:
            yield key, ways


def ways_of(key: Mapping[str, Any]) -> tuple[Way, ...]:
    """What its own privileges and those of its owner at its creation both open. A key without own privileges has the owner's."""
    limit = escalation.every(_merged(role for roles in key.get("limited_by") or [] for role in roles.values()))
    own = key.get("role_descriptors")
    return escalation.both(escalation.every(_merged(own.values())), limit) if own else limit


def row(key: Mapping[str, Any], ways: Iterable[Way], description: str) -> Row:
    """`description`: of the key. Only owners of the native and the reserved realm have a page."""
    details = f"{description} {'. '.join(map(str, ways))}."
    if key.get("realm_type") in OWN_REALMS:
        return Row(key["id"], key["username"], "", details, ref=key["id"])
    return Row(key["id"], "", "", f"{details} Owner {key['username']} of the realm {key.get('realm')}.", ref=key["id"])


def _merged(roles: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The privileges of several roles as those of one."""
    given = list(roles)
    managed = [((role.get("global") or {}).get("role") or {}).get("manage", {}).get("indices", []) for role in given]
    return {
        "cluster": [name for role in given for name in role.get("cluster") or []],
        "indices": [group for role in given for group in role.get("indices") or []],
        "global": {"role": {"manage": {"indices": [group for groups in managed for group in groups]}}},
    }
