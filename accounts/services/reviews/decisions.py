"""What reviewers decide: each item is a document of its own, so decisions on different items never conflict."""

from contextlib import suppress
from dataclasses import replace

from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.reviews import store
from accounts.services.reviews.records import DecisionRecord, Item, Review
from accounts.services.reviews.subjects import Decision


def decide(client: PersonClient, review_id: str, number: int, decision: Decision, comment: str, seen: str) -> Item:
    """Record a decision; `seen` is the item's version as the reviewer saw it.

    Raises DecisionConflict, and writes nothing, when another reviewer decided in the meantime; Invalid for a decision that the
    subject doesn't have; ReviewClosed, ReviewNotFound, AuditUnavailable. The same decision sent twice is recorded once.
    """
    review, (item,) = store.get_with_items(review_id, [number])
    _require_open(review, item)
    if decision not in review.subject.decisions:
        raise errors.Invalid(decision)
    actor = client.actor
    now, is_own = timezone.now().isoformat(timespec="seconds"), review.subject.is_own(item.row, actor)
    wanted = DecisionRecord(decision, comment, actor.username, actor.realm, now, is_own)
    if item.decision and item.decision.is_same_as(wanted):
        return item
    if item.decision and not item.decision.is_by(actor) and item.seen != seen:
        raise errors.DecisionConflict(item.id)
    changes = {f"decision for {item.name}": (item.decision and str(item.decision), str(wanted))}
    with audit.recorded(client, audit.Action.REVIEW_DECIDE, review_id, kind="review", changes=changes):
        _write(item.with_decision(wanted))
        written = _written(item)
    return written or store.get_with_items(review_id, [number])[1][0]


def _written(before: Item) -> Item | None:
    """The item as it is now; None if it can't be read at the moment, which doesn't make its decision a failure.

    Canceling writes no item, so a decision can come too late for its version to show it: it is undone. Raises ReviewClosed.
    """
    try:
        review, (item,) = store.get_with_items(before.review, [before.number])
    except errors.ServiceError:
        return None
    if review.cancellation:
        with suppress(errors.ServiceError):
            store.put(replace(before, version=item.version))
        raise errors.ReviewClosed(review.id)
    return item


def _write(item: Item) -> None:
    try:
        store.put(item)
    except errors.Conflict:
        review, (now,) = store.get_with_items(item.review, [item.number])
        _require_open(review, now)
        raise errors.DecisionConflict(item.id) from None


def _require_open(review: Review, item: Item) -> None:
    if review.state != "open" or item.locked:
        raise errors.ReviewClosed(review.id)
