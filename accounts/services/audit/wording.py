"""Changes and details of an event in words, for pages and files."""

from collections.abc import Callable, Sequence
from typing import Any

from accounts.services.audit.actions import DETAILS, FIELDS, Action
from accounts.services.audit.events import Event


def value_text(name: str, value: Any) -> str:
    """The value of a field, as the audit trail has it."""
    if value is None or value == [] or value == "":
        return "none"
    if name == "enabled":
        return "active" if value is True else "deactivated"
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)


def change_lines(event: Event, fill: Callable[..., str] = str.format, show: Callable[[str, Any], str] = value_text) -> list[str]:
    """Each changed field; of a deleted user, the values before the deletion.

    `fill` puts the values into a sentence, and `show` makes the text of a value: pages make them HTML.
    """
    lines = []
    for name, (before, after) in event.changes.items():
        field = FIELDS.get(name, name)
        if event.action == Action.USER_DELETE:
            lines.append(fill("{} before deletion: {}", field, show(name, before)))
        elif before is None:
            lines.append(fill("{} set to {}", field, show(name, after)))
        else:
            lines.append(fill("{} changed from {} to {}", field, show(name, before), show(name, after)))
    return lines


def detail_lines(event: Event) -> list[str]:
    """Each detail with its label."""
    return [f"{DETAILS.get(name) or name.replace('_', ' ').capitalize()}: {value}" for name, value in event.details.items()]
