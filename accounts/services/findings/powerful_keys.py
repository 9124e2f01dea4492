"""Active API keys that never expire and make whoever has them an administrator, of all realms."""

from collections.abc import Iterable, Iterator, Mapping

from accounts.services.findings.key_pages import Key, describe, own_realm
from accounts.services.findings.rows import Row
from accounts.services.roles import escalation
from accounts.services.roles.escalation import Escalation


def find(keys: Iterable[Key], badges: Mapping[str, tuple[str, ...]]) -> Iterator[Row]:
    """`badges`: of the orphaned ones, by ID. Only owners of the native and the reserved realm have a page."""
    for key in keys:
        if key.get("expiration") or key.get("type", "rest") != "rest":
            continue
        if escalations := [each for each in escalations_of(key) if each.is_certain]:
            details = f"{describe(key)} {'. '.join(map(str, escalations))}."
            username = key["username"] if own_realm(key) else ""
            owner = "" if username else f" Owner {key['username']} of the realm {key.get('realm')}."
            yield Row(key["id"], username, "", details + owner, badges=badges.get(key["id"], ()), ref=key["id"])


def escalations_of(key: Key) -> tuple[Escalation, ...]:
    """What its own privileges and those of its owner at its creation both open. A key without own privileges has the owner's."""
    limit = escalation.every(escalation.merged(role for roles in key.get("limited_by") or [] for role in roles.values()))
    own = key.get("role_descriptors")
    return escalation.both(escalation.every(escalation.merged(own.values())), limit) if own else limit
