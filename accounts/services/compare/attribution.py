"""Who made the differences, as far as the trail knows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from accounts.services.compare import trail
from accounts.services.compare.differences import Comparison


def named(comparison: Comparison, by: Mapping[str, Sequence[str]]) -> Comparison:
    """The same, with names."""
    return replace(comparison, differences=[replace(each, by=tuple(by.get(each.username, ()))) for each in comparison.differences])


def attributed(comparison: Comparison, since: datetime, until: datetime) -> Comparison:
    """The differences of two lists that were made at these moments, with whoever changed the users in between.

    Raises TooMany, Unavailable, NotSetUp.
    """
    return named(comparison, trail.who(trail.changes(since, until))) if comparison.differences else comparison
