"""The list of users as the trail tells it: what was done, done again in thought from an empty list."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accounts.services import audit
from accounts.services.audit import Event

Facts = dict[str, Any]


def users(since: datetime | None = None) -> dict[str, Facts]:
    """Each user whom the trail knows, with the fields that it knows of them. Raises Unavailable and NotSetUp.

    Whoever was made before the trail begins, or outside of the product, appears with what was changed here; what was changed
    elsewhere is not known, so the difference to the cluster is what others have done.
    """
    return replayed(audit.successful_changes("user", since))


def replayed(events: Iterable[Event]) -> dict[str, Facts]:
    """The users after these changes, the oldest first."""
    known: dict[str, Facts] = {}
    for event in events:
        if event.action == "user-delete":
            known.pop(event.target, None)
        elif event.action == "user-create":
            known[event.target] = _after(event)
        elif event.action in ("user-update", "user-enable", "user-disable"):
            known[event.target] = {**known.get(event.target, {}), **_after(event)}
    return {name: {field: value for field, value in facts.items() if value is not None} for name, facts in known.items()}


def _after(event: Event) -> Facts:
    return {field: after for field, (_, after) in event.changes.items()}
