"""Verifies changes with unknown outcome: reads the current state, and adds the result to the audit trail.

For passwords, see `accounts.services.passwords.verify_outcome`.
"""

from typing import Final

from accounts.services import audit, errors
from accounts.services.audit import Event
from accounts.services.client import PersonClient
from accounts.services.users import users

APPLIED: Final = "Verified: the change was applied."
NOT_APPLIED: Final = "Verified: the change was not applied."
CHANGED_SINCE: Final = "Can't be verified: the user has been changed since."
NONEXISTENT_USER: Final = "Can't be verified: the user no longer exists."
DIFFERENT_USER: Final = "Can't be verified: a different user with this username exists."
PASSWORD: Final = "Elasticsearch does not show passwords. Try one of the two, or set the password again."  # noqa: S105
UNVERIFIABLE: Final = "Can't be verified. Repeat the action if it is still needed."


def verify_outcome(client: PersonClient, event_id: str) -> Event:
    """Verify a change, and record the verification. If it can't be verified, its outcome stays "unknown".

    Raises EventNotFound, Conflict when the outcome is already known, AccessDenied, AuditUnavailable.
    """
    event = unknown_event(event_id)
    outcome, reason = _verify(client, event)
    return audit.record_verification(event, client.actor, outcome, reason)


def unknown_event(event_id: str) -> Event:
    """A change whose outcome is unknown. Raises EventNotFound, Conflict when the outcome is known."""
    event = audit.get(event_id)
    if event.outcome != "unknown" or event.is_damaged:
        raise errors.Conflict("the outcome is known")
    return event


def _verify(client: PersonClient, event: Event) -> tuple[audit.Outcome, str]:
    if event.action == audit.Action.PASSWORD_CHANGE:
        return "unknown", PASSWORD
    if event.kind != "user" or not event.action.startswith("user-"):
        return "unknown", UNVERIFIABLE
    if _is_followed(event):
        return "unknown", CHANGED_SINCE
    try:
        current = users.audited_fields(users.get(client, event.target))
    except errors.NotFound:
        current = {}
    return _compare(event, current)


def _is_followed(event: Event) -> bool:
    """Whether the audit trail has a later change of a user with this name, which may have been applied."""
    later = audit.changes_of([event.target], event.moment).get(event.target, [])
    return any(each.id != event.id and each.may_be_applied for each in later)


def _compare(event: Event, current: dict[str, object]) -> tuple[audit.Outcome, str]:
    """`current` is empty for a user who doesn't exist."""
    if event.action == audit.Action.USER_DELETE:
        return ("failure", NOT_APPLIED) if current else ("success", APPLIED)
    if not current:
        return ("failure", NOT_APPLIED) if event.action == audit.Action.USER_CREATE else ("unknown", NONEXISTENT_USER)
    if all(current.get(name) == after for name, (_, after) in event.changes.items()):
        return "success", APPLIED
    if event.action != audit.Action.USER_CREATE and all(current.get(name) == before for name, (before, _) in event.changes.items()):
        return "failure", NOT_APPLIED
    return "unknown", DIFFERENT_USER if event.action == audit.Action.USER_CREATE else CHANGED_SINCE
