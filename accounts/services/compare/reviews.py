"""Comparing the snapshots of two access reviews."""

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.services import audit, reviews
from accounts.services.compare import attribution
from accounts.services.compare.differences import Comparison, Entry, compare
from accounts.services.compare.trail import TooManyChanges
from accounts.services.reviews import Item, Review


@dataclass(frozen=True)
class Reviews:
    """The comparison of two snapshots, the older one first. `unknown`: why no actors are shown, or ""."""

    before: Review
    after: Review
    comparison: Comparison
    unknown: str = ""

    @property
    def is_same_filter(self) -> bool:
        return self.before.filter == self.after.filter

    @property
    def is_same_anonymous_access(self) -> bool:
        before, after = self.before.snapshot, self.after.snapshot
        return bool(before and after and before.anonymous_access == after.anonymous_access)


def of_reviews(one: str, other: str) -> Reviews:
    """Compare two reviews, by ID in any order. Raises ReviewNotFound, Unavailable, NotSetUp."""
    first, second = sorted((reviews.get(one), reviews.get(other)), key=lambda review: review.created)
    reviews.refresh()
    found = compare(_entries(first), _entries(second))
    return Reviews(first, second, *_with_actors(found, first, second))


def with_snapshot() -> list[Review]:
    """The reviews whose snapshot is complete, newest first."""
    return [review for review in reviews.all_reviews() if review.snapshot]


def _entries(review: Review) -> Iterator[Entry]:
    return map(_entry, reviews.all_items(review.id))


def _entry(item: Item) -> Entry:
    row = item.row
    roles = tuple(sorted(row["roles"]))
    return Entry(row["username"], row["full_name"], row["email"], row["enabled"], roles, row["can_manage_users"])


def _with_actors(found: Comparison, before: Review, after: Review) -> tuple[Comparison, str]:
    start = audit.trail_start()
    if start is None or start > before.created:
        return found, "It's unknown who made some of the changes, because the audit trail starts after the first review."
    try:
        return attribution.with_actors(found, before.created, after.created), ""
    except TooManyChanges:
        return found, "Too many changes in this period to show who made them."
