"""Comparing the snapshots of two access reviews."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

from accounts.services import audit, reviews
from accounts.services.compare import attribution
from accounts.services.compare.differences import Comparable, Comparison, Entry, compare
from accounts.services.compare.limits import Size
from accounts.services.compare.trail import TooManyChanges
from accounts.services.exports import NO_INFORMATION
from accounts.services.exports.dialect import join_names
from accounts.services.reviews import Item, Review
from accounts.services.reviews.subjects import USERS

USER_TEXTS: Final = ("username", "full_name", "email")


@dataclass(frozen=True)
class Reviews:
    """The comparison of two snapshots, the older one first. `unknown`: why no actors are shown, or ""."""

    before: Review
    after: Review
    comparison: Comparison
    unknown: str = ""

    @property
    def canceled(self) -> list[Review]:
        """Those that were canceled: their snapshots were never reviewed to the end."""
        return [review for review in (self.before, self.after) if review.cancellation]

    @property
    def is_same_filter(self) -> bool:
        return self.before.filter == self.after.filter

    @property
    def is_same_anonymous_access(self) -> bool:
        before, after = self.before.snapshot, self.after.snapshot
        return bool(before and after and before.anonymous_access == after.anonymous_access)


@dataclass(frozen=True)
class ItemEntry:
    """An item that isn't a user: all its columns, except those that identify it, as texts and lists of texts."""

    identity: str
    name: str
    columns: Mapping[str, str | list[str]]

    @property
    def lists(self) -> Mapping[str, Sequence[str]]:
        return {label: value for label, value in self.columns.items() if isinstance(value, list)}

    def labeled(self) -> dict[str, str]:
        return {label: _text(value) for label, value in self.columns.items()}


def of_reviews(one: str, other: str) -> Reviews:
    """Compare two reviews of the same subject, by ID in any order. Raises TooLarge, ReviewNotFound, Unavailable, NotSetUp."""
    first, second = sorted((reviews.get(one), reviews.get(other)), key=lambda review: review.created)
    reviews.refresh()
    found = compare(_entries(first), _entries(second))
    return Reviews(first, second, *_with_actors(found, first, second))


def with_snapshot() -> list[Review]:
    """The reviews whose snapshot is complete, newest first."""
    return [review for review in reviews.all_reviews() if review.has_snapshot]


def _entries(review: Review) -> Iterator[Comparable]:
    """Raises TooLarge."""
    size = Size("review", review.subject.nouns, review.id)
    columns = USER_TEXTS if review.subject is USERS else [name for name in review.subject.columns if name != "roles"]
    for item in reviews.all_items(review.id):
        size.add(_texts(item.row.get(name) for name in columns), item.row.get("roles") or ())
        yield _entry(item)


def _texts(values: Iterable[Any]) -> Iterator[str]:
    for value in map(_kept, values):
        yield from [value] if isinstance(value, str) else value


def _entry(item: Item) -> Comparable:
    """Many items share roles, so each name is kept once."""
    row, subject = item.row, item.subject
    if subject is not USERS:
        columns = {label: row.get(name) for name, label in subject.columns.items() if name not in (subject.identity, "name")}
        return ItemEntry(item.identity, item.name, {label: _kept(value) for label, value in columns.items()})
    roles = tuple(sorted(map(intern, row["roles"])))
    return Entry(row["username"], row["full_name"], row["email"], row["enabled"], roles, row["can_manage_users"])


def _kept(value: Any) -> str | list[str]:
    """An object as text needs a fraction of the memory."""
    is_list = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return list(map(intern, value)) if is_list else _text(value)


def _text(value: Any) -> str:
    if value is None:
        return NO_INFORMATION
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return join_names(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if isinstance(value, dict) and value else str(value or "")


def _with_actors(found: Comparison, before: Review, after: Review) -> tuple[Comparison, str]:
    start = audit.trail_start()
    if start is None or start > before.created:
        return found, "It's unknown who made some of the changes, because the audit trail starts after the first review."
    try:
        subject = after.subject
        return attribution.with_actors(found, before.created, after.created, subject.kind, subject.actions), ""
    except TooManyChanges:
        return found, "Too many changes in this period to show who made them."
