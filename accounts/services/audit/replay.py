"""The users as the audit trail tells it: every change that was made, applied again from an empty list."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from accounts.services.audit.actions import Action
from accounts.services.audit.events import Event
from accounts.services.audit.reading import applied_changes


@dataclass(frozen=True)
class ReplayedUser:
    """`fields`: the last known values, as `users.audited_fields` has them.

    `is_created`: the audit trail has the creation, so a field that is missing here is empty; otherwise it is unknown.
    """

    fields: dict[str, Any]
    is_created: bool


def users(since: datetime | None = None) -> dict[str, ReplayedUser]:
    """Each user in the audit trail who isn't deleted, by username. Raises Unavailable and NotSetUp.

    Changes made outside usermgmt are not in the audit trail: they are the differences to what Elasticsearch has.
    """
    return users_and_damaged(since)[0]


def users_and_damaged(since: datetime | None = None) -> tuple[dict[str, ReplayedUser], list[Event]]:
    """The same, and the damaged events among the changes, which are left out: what they changed can't be read."""
    damaged: list[Event] = []

    def intact() -> Iterator[Event]:
        for event in applied_changes("user", since):
            if event.is_damaged:
                damaged.append(event)
            else:
                yield event

    return replayed(intact()), damaged


def replayed(events: Iterable[Event]) -> dict[str, ReplayedUser]:
    """The users after these changes, the oldest first."""
    known: dict[str, ReplayedUser] = {}
    for event in events:
        after = {field: value for field, (_, value) in event.resulting_changes.items()}
        if event.action == Action.USER_DELETE:
            known.pop(event.target, None)
        elif event.action == Action.USER_CREATE:
            known[event.target] = ReplayedUser(after, is_created=True)
        elif event.action in (Action.USER_UPDATE, Action.USER_ENABLE, Action.USER_DISABLE):
            before = known.get(event.target, ReplayedUser({}, is_created=False))
            known[event.target] = replace(before, fields={**before.fields, **after})
    return known
