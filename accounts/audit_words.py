"""The trail's events in words, for pages."""

from collections.abc import Sequence
from typing import Any, Final

ACTIONS: Final = {
    "user-create": "Created user",
    "user-update": "Edited user",
    "user-enable": "Activated user",
    "user-disable": "Deactivated user",
    "user-delete": "Deleted user",
    "password-change": "Changed password",
    "sign-in": "Signed in",
    "sign-out": "Signed out",
    "session-expire": "Session expired",
    "session-end": "Ended session",
    "refused": "Was refused",
    "command": "Ran command",
    "event-resolve": "Looked up an outcome",
    "api-key-invalidate": "Invalidated API key",
    "export": "Exported",
}
FIELDS: Final = {
    "full_name": "full name",
    "email": "email address",
    "roles": "roles",
    "enabled": "status",
    "metadata": "metadata",
}
OUTCOMES: Final = {"success": "Done", "failure": "Failed", "unknown": "Unknown", "": "In progress"}


def action(name: str) -> str:
    """What was done; an action that this list does not have reads as it is called."""
    return ACTIONS.get(name) or name.replace("-", " ").capitalize()


def value(field: str, given: Any) -> str:
    """A value before or after a change."""
    if given is None or given == [] or given == "":
        return "nothing"
    if field == "enabled":
        return "active" if given is True else "deactivated"
    return ", ".join(map(str, given)) if isinstance(given, Sequence) and not isinstance(given, str) else str(given)


def change(field: str, before: Any, after: Any) -> str:
    """One changed field: "roles changed from editor to viewer"."""
    name = FIELDS.get(field, field)
    if before is None:
        return f"{name} set to {value(field, after)}"
    return f"{name} changed from {value(field, before)} to {value(field, after)}"
