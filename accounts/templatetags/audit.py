"""Filters and tags for audit events."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template

from accounts.services.audit import Event
from accounts.services.audit.actions import DETAILS, FIELDS, OUTCOMES, Action, action_label, reason_label

register = template.Library()
register.filter("action_label", action_label)
register.filter("reason_label", reason_label)


@register.filter
def outcome_label(event: Event) -> str:
    return OUTCOMES[event.outcome]


@register.filter
def change_lines(event: Event) -> list[str]:
    """Each changed field; of a deleted user, the values before the deletion."""
    return [
        f"{_field(name)} before deletion: {_value(name, before)}"
        if event.action == Action.USER_DELETE
        else _change(name, before, after)
        for name, (before, after) in event.changes.items()
    ]


@register.filter
def detail_lines(event: Event) -> list[str]:
    return [f"{DETAILS.get(name) or name.replace('_', ' ').capitalize()}: {value}" for name, value in event.details.items()]


@register.inclusion_tag("audit/_chart.html")
def activity(bars: Iterable[Any], height: int = 64) -> Mapping[str, Any]:
    """One bar per period, scaled to the highest; a nonzero count has at least 2 pixels."""
    counted = list(bars)
    most = max((bar.count for bar in counted), default=0)
    drawn = [
        {"bar": bar, "x": place * 10, "height": high, "y": height - high}
        for place, bar in enumerate(counted)
        for high in [max(2, round(height * bar.count / most)) if bar.count else 0]
    ]
    busy = [bar for bar in counted if bar.count]
    return {"drawn": drawn, "width": len(drawn) * 10, "height": height, "most": most, "busy": busy, "bars": counted}


def _field(name: str) -> str:
    return FIELDS.get(name, name)


def _change(name: str, before: Any, after: Any) -> str:
    if before is None:
        return f"{_field(name)} set to {_value(name, after)}"
    return f"{_field(name)} changed from {_value(name, before)} to {_value(name, after)}"


def _value(name: str, value: Any) -> str:
    if value is None or value == [] or value == "":
        return "none"
    if name == "enabled":
        return "active" if value is True else "deactivated"
    return ", ".join(map(str, value)) if isinstance(value, Sequence) and not isinstance(value, str) else str(value)
