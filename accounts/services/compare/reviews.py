"""The frozen lists of two reviews."""

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.services import audit, reviews
from accounts.services.compare import attribution
from accounts.services.compare.differences import Comparison, Entry, compared
from accounts.services.compare.trail import TooMany
from accounts.services.reviews import Item, Review


@dataclass(frozen=True)
class Reviews:
    """What is different between the lists of two reviews, the older one first. `unknown`: why nobody is named, or ""."""

    before: Review
    after: Review
    comparison: Comparison
    unknown: str = ""

    @property
    def is_same_filter(self) -> bool:
        """Whether both are about the same users."""
        return self.before.filter == self.after.filter


def of_reviews(one: str, other: str) -> Reviews:
    """What became of the users between two reviews, by their ids. Raises ReviewNotFound, Unavailable, NotSetUp."""
    first, second = sorted((reviews.get(one), reviews.get(other)), key=lambda review: review.created)
    reviews.refresh()
    found = compared(_entries(first), _entries(second))
    return Reviews(first, second, *_attributed(found, first, second))


def frozen() -> list[Review]:
    """The reviews whose list is whole, newest first."""
    return [review for review in reviews.all_reviews() if review.completeness]


def _entries(review: Review) -> Iterator[Entry]:
    return map(_entry, reviews.all_items(review.id))


def _entry(item: Item) -> Entry:
    row = item.row
    roles = tuple(sorted(row["roles"]))
    return Entry(row["username"], row["full_name"], row["email"], row["enabled"], roles, row["may_change_users"])


def _attributed(found: Comparison, before: Review, after: Review) -> tuple[Comparison, str]:
    begins = audit.trail_start()
    if begins is None or begins > before.created:
        return found, "Who made the changes is not known: the audit trail begins later than the first review."
    try:
        return attribution.attributed(found, before.created, after.created), ""
    except TooMany:
        return found, "Who made the changes is left out: there were too many of them in this time."
