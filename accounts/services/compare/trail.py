"""Changes of users in the audit trail between two times, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from accounts.services import audit
from accounts.services.audit import Event
from accounts.services.audit.actions import USER_CHANGES, action_label

BATCH_SIZE: Final = 500
# What one page can show.
MAX_CHANGES: Final = 10_000


class TooManyChanges(Exception):
    """More changes than one comparison can show."""


def changes(since: datetime, until: datetime | None = None) -> list[Event]:
    """Successful changes, and those with unknown outcome. Raises TooManyChanges, Unavailable, NotSetUp."""
    found: list[Event] = []
    after = ""
    while True:
        page = audit.search(audit.Query(kind="user", since=since, until=until, size=BATCH_SIZE, after=after))
        found += [event for event in page.events if event.action in USER_CHANGES and event.outcome in ("success", "unknown")]
        if len(found) > MAX_CHANGES:
            raise TooManyChanges
        after = page.next
        if not after:
            return found


def who(events: Sequence[Event]) -> dict[str, list[str]]:
    """Who changed each user, oldest first."""
    by: dict[str, list[str]] = {}
    for event in reversed(events):
        if event.outcome == "success":
            by.setdefault(event.target, []).append(
                f"{event.actor.username} ({action_label(event.action)}, {event.moment:%Y-%m-%d %H:%M} UTC)"
            )
    return by
