"""The checks of a single active API key of any realm: pure functions of the key and of its context."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from accounts.services.api_keys import Key, Owners, escalations_of, own_realm
from accounts.services.api_keys.pages import describe
from accounts.services.api_keys.privileges import is_cross_cluster
from accounts.services.findings.rows import Row
from accounts.services.findings.rules import row

OLD_AFTER: Final = timedelta(days=365)
# They are in no settings.
DEFAULT_REALMS: Final = ("reserved", "default_native", "default_file")
NO_INFORMATION: Final = "It couldn't be determined whether the realm {name} exists. This requires the cluster privilege monitor."


@dataclass(frozen=True, slots=True)
class KeyContext:
    """What the rules depend on. `realms`: the names of those that exist; None if that isn't known."""

    owners: Owners
    now: datetime
    realms: frozenset[str] | None = None


def of_key(key: Key, context: KeyContext) -> Iterator[tuple[str, Row]]:
    """Each finding about the key: its slug and its row."""
    owner = context.owners.of(key)
    if own_realm(key) and owner is None:
        yield "orphaned-keys", _row(key, context, "Owner deleted.")
    elif owner and not owner.enabled:
        yield "orphaned-keys", _row(key, context, "Owner deactivated.")
    escalations = escalations_of(key)
    certain = [each for each in escalations if each.is_certain]
    if certain and not key.get("expiration") and not is_cross_cluster(key):
        yield "powerful-keys", _row(key, context, f"{'. '.join(map(str, certain))}.")
    elif escalations:
        yield "administrator-keys", _row(key, context, f"{'. '.join(map(str, escalations))}.")
    if not key.get("expiration"):
        yield "lasting-keys", _row(key, context)
    if key["creation"] < (context.now - OLD_AFTER).timestamp() * 1000:
        yield "old-keys", _row(key, context)
    if owner and owner.enabled and (excess := context.owners.excess(key)) and excess.grants:
        yield "excessive-keys", _row(key, context, f"{excess}.")
    if not own_realm(key) and context.realms is not None and _is_missing(key.get("realm", ""), context.realms):
        yield "keys-of-missing-realms", _row(key, context)


def of_unknown_realms(names: Iterable[str]) -> list[Row]:
    """Instead of keys, if it isn't known which realms exist: the realms in question."""
    return [
        Row(name, "", "", NO_INFORMATION.format(name=name), badges=("No information",))
        for name in names
        if _is_missing(name, DEFAULT_REALMS)
    ]


def _is_missing(realm: str, realms: Collection[str]) -> bool:
    """Service accounts and the like have realms that start with an underscore, and always exist."""
    return bool(realm) and not realm.startswith("_") and realm not in realms


def _row(key: Key, context: KeyContext, details: str = "") -> Row:
    """Only owners of the native and the reserved realm have a page."""
    text = " ".join(filter(None, (describe(key), details)))
    if not own_realm(key):
        return Row(key["id"], "", "", f"{text} Owner {key['username']} of the realm {key.get('realm')}.", ref=key["id"])
    owner = context.owners.of(key)
    if owner is None:
        return Row(key["id"], key["username"], "", text, badges=("Deleted",), ref=key["id"])
    return row(owner, text, key=key["id"], ref=key["id"])
