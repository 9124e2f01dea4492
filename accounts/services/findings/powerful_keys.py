"""Active API keys that never expire and make whoever has them an administrator, of all realms."""

from collections.abc import Iterable, Iterator, Mapping

from accounts.services.api_keys.pages import Key, describe, own_realm
from accounts.services.api_keys.privileges import escalations_of
from accounts.services.findings.rows import Row


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
