"""Who made the changes between two lists, based on the audit trail."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from accounts.services.audit.actions import USER_CHANGES
from accounts.services.compare import trail
from accounts.services.compare.differences import Comparison


def with_names(comparison: Comparison, by: Mapping[str, Sequence[str]]) -> Comparison:
    return replace(comparison, differences=[replace(each, by=tuple(by.get(each.identity, ()))) for each in comparison.differences])


def with_actors(
    comparison: Comparison, since: datetime, until: datetime, kind: str = "user", actions: Collection[str] = USER_CHANGES
) -> Comparison:
    """The comparison of two lists of these times, with the actors who changed the users, or other targets, in between.

    Raises TooManyChanges, Unavailable, NotSetUp.
    """
    return with_names(comparison, trail.who(trail.changes(since, until, kind, actions))) if comparison.differences else comparison
