"""What reviewers decide: each item is a document of its own, so that marks on different items never meet."""

from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.reviews import store
from accounts.services.reviews.records import Decision, Item, Mark, Review


def mark(client: PersonClient, review_id: str, number: int, decision: Decision, comment: str, seen: str) -> Item:
    """Write a decision down; `seen` is the item's version as the person saw it.

    Raises MarkConflict, and writes nothing, when somebody else marked it after that; ReviewClosed, ReviewNotFound,
    AuditUnavailable. The same mark sent twice is there once.
    """
    review, (item,) = store.get_with_items(review_id, [number])
    _demand_open(review, item)
    actor = client.actor
    now, is_own = timezone.now().isoformat(timespec="seconds"), actor.is_native_or_reserved and actor.username == item.username
    wanted = Mark(decision, comment, actor.username, actor.realm, now, is_own)
    if item.mark and item.mark.says_same(wanted):
        return item
    if item.mark and not item.mark.is_by(actor) and item.seen != seen:
        raise errors.MarkConflict(item.id)
    changes = {f"mark of {item.username}": (item.mark and item.mark.in_words(), wanted.in_words())}
    with audit.recorded(client, "review-mark", review_id, kind="review", changes=changes):
        _write(item.marked(wanted))
    return store.get_with_items(review_id, [number])[1][0]


def _write(item: Item) -> None:
    try:
        store.put(item)
    except errors.Conflict:
        review, (now,) = store.get_with_items(item.review, [item.number])
        _demand_open(review, now)
        raise errors.MarkConflict(item.id) from None


def _demand_open(review: Review, item: Item) -> None:
    if review.state != "open" or item.sealed:
        raise errors.ReviewClosed(review.id)
