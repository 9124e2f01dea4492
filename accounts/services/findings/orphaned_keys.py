"""Active API keys whose owner is deactivated or deleted (`_security/_query/api_key`, 1,000 at a time)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from accounts.services import api_keys, users
from accounts.services.client import PersonClient
from accounts.services.findings import powerful_keys
from accounts.services.findings.rows import Row
from accounts.services.findings.rules import row
from accounts.services.users import User

PAGE_SIZE: Final = 1000
# No further field is needed: owner, creation time, and name identify a key.
ORDER: Final[list[Mapping[str, Any]]] = [{name: {"order": "asc"}} for name in ("username", "creation", "name")]
FIELDS: Final = ("id", "name", "creation", "expiration", "username", "realm", "realm_type", "_sort")


@dataclass(frozen=True, slots=True)
class KeyPage:
    """The orphaned and the powerful keys among `count` keys, how many there are in all, and the position after them.

    `after`: None if there are no more.
    """

    rows: list[Row]
    powerful: list[Row]
    count: int
    total: int
    after: list[Any] | None


def page(client: PersonClient, after: list[Any] | None) -> KeyPage:
    """The keys after a position. Three calls. Raises AccessDenied without `read_security`."""
    answer = client.query_api_keys(
        query=api_keys.active_query(),
        sort=ORDER,
        size=PAGE_SIZE,
        search_after=after,
        with_limited_by=True,
        filter_path=["total", *(f"api_keys.{name}" for name in (*FIELDS, *powerful_keys.FIELDS))],
    )
    keys = answer.get("api_keys", [])
    more = keys[-1]["_sort"] if len(keys) == PAGE_SIZE else None
    orphaned = list(_orphaned(client, keys))
    badges = {row.ref: row.badges for row in orphaned}
    powerful = [
        powerful_keys.row(key, ways, _description(key))._replace(badges=badges.get(key["id"], ()))
        for key, ways in powerful_keys.of_keys(keys)
    ]
    return KeyPage(orphaned, powerful, len(keys), answer["total"], more)


def pages(client: PersonClient, after: list[Any] | None, max_pages: int) -> Iterator[KeyPage]:
    """Up to `max_pages` pages after a position."""
    for _ in range(max_pages):
        found = page(client, after)
        yield found
        after = found.after
        if after is None:
            return


def _orphaned(client: PersonClient, keys: Iterable[Mapping[str, Any]]) -> Iterable[Row]:
    """Keys of the native and the reserved realm whose owner can't sign in anymore."""
    owned = [(key, realm) for key in keys if (realm := _realm(key))]
    names = {key["username"] for key, realm in owned if realm == "native"}
    owners: dict[tuple[str, str], User] = {("reserved", user.username): user for user in users.reserved(client)}
    owners |= {("native", user.username): user for user in (users.get_many(client, names) if names else [])}
    for key, realm in owned:
        owner = owners.get((realm, key["username"]))
        if owner is None:
            yield Row(key["id"], key["username"], "", _details(key, "deleted"), badges=("Deleted",), ref=key["id"])
        elif not owner.enabled:
            yield row(owner, _details(key, "deactivated"), key=key["id"], ref=key["id"])


def _realm(key: Mapping[str, Any]) -> str:
    """`native`, `reserved`, or "" for other realms. Keys of old clusters have no realm type."""
    by_name = {"default_native": "native", "reserved": "reserved"}
    realm = key.get("realm_type") or by_name.get(key.get("realm", ""), "")
    return realm if realm in by_name.values() else ""


def _details(key: Mapping[str, Any], owner_state: str) -> str:
    return f"{_description(key)} Owner {owner_state}."


def _description(key: Mapping[str, Any]) -> str:
    until = f"expires {_day(key['expiration'])}" if key.get("expiration") else "never expires"
    return f"API key \u201c{key.get('name') or key['id']}\u201d, created {_day(key['creation'])}, {until}."


def _day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"
