"""Filters and tags for audit events."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.utils.html import format_html

from accounts.services.audit import Event, wording
from accounts.services.audit.actions import FIELDS, OUTCOMES, action_label, reason_label
from accounts.services.users import restores

register = template.Library()
register.filter("action_label", action_label)
register.filter("reason_label", reason_label)
register.filter("detail_lines", wording.detail_lines)
register.filter("is_restorable", restores.is_restorable)


@register.filter
def change_lines(event: Event) -> list[str]:
    """As HTML in which no value can change the direction of the words around it."""
    return wording.change_lines(
        event, format_html, lambda name, value: format_html("<bdi>{}</bdi>", wording.value_text(name, value))
    )


@register.filter
def field_label(name: str) -> str:
    return FIELDS.get(name, name)


@register.filter
def outcome_label(event: Event) -> str:
    return OUTCOMES[event.outcome]


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
