"""Events of the trail in words."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template

from accounts import audit_words
from accounts.services.audit import Event

register = template.Library()
register.filter("action_words", audit_words.action)


@register.filter
def changes_in_words(event: Event) -> list[str]:
    """Each changed field; of somebody who was deleted, what they were."""
    return [
        f"was: {audit_words.FIELDS.get(field, field)} {audit_words.value(field, before)}"
        if event.action == "user-delete"
        else audit_words.change(field, before, after)
        for field, (before, after) in event.changes.items()
    ]


@register.filter
def outcome_words(event: Event) -> str:
    """What became of it; a note about what was not allowed needs no second word for that."""
    return audit_words.OUTCOMES[event.outcome]


@register.filter
def details_in_words(event: Event) -> list[str]:
    """What else is known of it."""
    return [f"{name.replace('_', ' ')}: {value}" for name, value in event.details.items()]


@register.inclusion_tag("audit/_chart.html")
def activity(bars: Iterable[Any], height: int = 64) -> Mapping[str, Any]:
    """The chart: one bar for each period, with the highest as high as the chart; a small count still shows."""
    counted = list(bars)
    most = max((bar.count for bar in counted), default=0)
    drawn = [
        {"bar": bar, "x": place * 10, "height": high, "y": height - high}
        for place, bar in enumerate(counted)
        for high in [max(2, round(height * bar.count / most)) if bar.count else 0]
    ]
    busy = [bar for bar in counted if bar.count]
    return {"drawn": drawn, "width": len(drawn) * 10, "height": height, "most": most, "busy": busy, "bars": counted}
