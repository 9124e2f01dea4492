"""Filters for access reviews."""

from collections.abc import Mapping

from django import template

from accounts.services.reviews import Item, Review

register = template.Library()


@register.filter
def by_decision(counts: Mapping[str, int], review: Review) -> list[tuple[str, int]]:
    """The label of each decision, and how many there are."""
    return [(label, counts.get(decision, 0)) for decision, label in review.subject.decisions.items()]


@register.filter
def decision_label(item: Item) -> str:
    """What was decided, or ""."""
    return item.subject.decisions[item.decision.choice] if item.decision else ""
