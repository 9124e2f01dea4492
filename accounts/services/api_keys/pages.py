"""Reading all API keys of all realms in pages, with their privileges (`_security/_query/api_key`)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from accounts.services.api_keys.keys import Key as Key
from accounts.services.api_keys.keys import active_query
from accounts.services.api_keys.keys import own_realm as own_realm
from accounts.services.client import PersonClient

PAGE_SIZE: Final = 1000
# No further field is needed: owner, creation time, and name identify a key.
ORDER: Final[list[Mapping[str, Any]]] = [{name: {"order": "asc"}} for name in ("username", "creation", "name")]
OF_THE_KEY: Final = ("id", "name", "creation", "expiration", "invalidated", "username", "realm", "realm_type", "_sort")
OF_PRIVILEGES: Final = ("type", "role_descriptors", "limited_by")


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some keys, how many there are in all, and the position after them (None: no more)."""

    keys: Sequence[Key]
    total: int
    after: list[Any] | None


def page(client: PersonClient, after: list[Any] | None, query: Mapping[str, Any] | None = None) -> KeyPage:
    """The keys after a position: those of a query, or active ones. Raises AccessDenied without `read_security`."""
    answer = client.query_api_keys(
        query=query or active_query(),
        sort=ORDER,
        size=PAGE_SIZE,
        search_after=after,
        with_limited_by=True,
        filter_path=["total", *(f"api_keys.{name}" for name in (*OF_THE_KEY, *OF_PRIVILEGES))],
    )
    keys = answer.get("api_keys", [])
    return KeyPage(keys, answer["total"], keys[-1]["_sort"] if len(keys) == PAGE_SIZE else None)


def pages(
    client: PersonClient, after: list[Any] | None, max_pages: int, query: Mapping[str, Any] | None = None
) -> Iterator[KeyPage]:
    """Up to `max_pages` pages after a position."""
    for _ in range(max_pages):
        found = page(client, after, query)
        yield found
        after = found.after
        if after is None:
            return


def describe(key: Key) -> str:
    """Name, creation, and expiration, as a sentence."""
    until = f"expires {_day(key['expiration'])}" if key.get("expiration") else "never expires"
    return f"API key \u201c{key.get('name') or key['id']}\u201d, created {_day(key['creation'])}, {until}."


def _day(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d}"
