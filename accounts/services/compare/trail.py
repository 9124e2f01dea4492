"""The changes of users that the trail knows, between two moments, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from accounts.services import audit
from accounts.services.audit import Event

ACTIONS: Final = ("user-create", "user-update", "user-enable", "user-disable", "user-delete")
A_PAGE: Final = 500
# What one page can hold; who needs more has to ask for less time.
MOST: Final = 10_000


class TooMany(Exception):
    """More changes than one comparison can hold."""


def changes(since: datetime, until: datetime | None = None) -> list[Event]:
    """Successful ones, and those of which nobody knows. Raises TooMany, Unavailable, NotSetUp."""
    found: list[Event] = []
    after = ""
    while True:
        page = audit.search(audit.Query(kind="user", since=since, until=until, size=A_PAGE, after=after))
        found += [event for event in page.events if event.action in ACTIONS and event.outcome in ("success", "unknown")]
        if len(found) > MOST:
            raise TooMany
        after = page.next
        if not after:
            return found


def who(events: Sequence[Event]) -> dict[str, list[str]]:
    """Who did something to each user, oldest first."""
    by: dict[str, list[str]] = {}
    for event in reversed(events):
        if event.outcome == "success":
            by.setdefault(event.target, []).append(f"{event.actor.username} ({event.action}, {event.moment:%Y-%m-%d %H:%M} UTC)")
    return by
