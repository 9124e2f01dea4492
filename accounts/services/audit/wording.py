"""Changes and details of an event in words, for pages and files."""

from collections.abc import Sequence
from typing import Any

from accounts.services.audit.actions import DETAILS, FIELDS, Action
from accounts.services.audit.events import Event


def change_lines(event: Event) -> list[str]:
    """Each changed field; of a deleted user, the values before the deletion."""
    return [
        f"{_field(name)} before deletion: {value_text(name, before)}"
        if event.action == Action.USER_DELETE
        else _change(name, before, after)
        for name, (before, after) in event.changes.items()
    ]


def detail_lines(event: Event) -> list[str]:
    """Each detail with its label."""
    return [f"{DETAILS.get(name) or name.replace('_', ' ').capitalize()}: {value}" for name, value in event.details.items()]


def _field(name: str) -> str:
    return FIELDS.get(name, name)


def _change(name: str, before: Any, after: Any) -> str:
    if before is None:
        return f"{_field(name)} set to {value_text(name, after)}"
    return f"{_field(name)} changed from {value_text(name, before)} to {value_text(name, after)}"


def value_text(name: str, value: Any) -> str:
    """The value of a field, as the audit trail has it."""
    if value is None or value == [] or value == "":
        return "none"
    if name == "enabled":
        return "active" if value is True else "deactivated"
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
