"""Changes of users, or other targets, in the audit trail between two times, newest first."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from accounts.services import audit
from accounts.services.audit import Event
from accounts.services.audit.actions import USER_CHANGES, action_label

BATCH_SIZE: Final = 500
# What one page can show.
MAX_CHANGES: Final = 10_000


class TooManyChanges(Exception):
    """More changes than one comparison can show; `count` of them."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count:,} changes")
        self.count = count


def changes(
    since: datetime, until: datetime | None = None, kind: str = "user", actions: Collection[str] = USER_CHANGES
) -> list[Event]:
    """Changes that were made, and those with unknown outcome. Raises TooManyChanges, Unavailable, NotSetUp."""
    query = audit.Query(kind=kind, actions=actions, since=since, until=until, size=BATCH_SIZE)
    count = audit.count_without_failures(query)
    if count > MAX_CHANGES:
        raise TooManyChanges(count)
    found: list[Event] = []
    while True:
        page = audit.search(query)
        found += [event for event in page.events if event.is_applied or event.outcome == "unknown"]
        if not page.next:
            return found
        query = replace(query, after=page.next)


def who(events: Sequence[Event]) -> dict[str, list[str]]:
    """Who changed each target, oldest first."""
    by: dict[str, list[str]] = {}
    for event in reversed(events):
        if event.is_applied:
            by.setdefault(event.target, []).append(
                f"{event.actor.username} ({action_label(event.action)}, {event.moment:%Y-%m-%d %H:%M} UTC)"
            )
    return by
