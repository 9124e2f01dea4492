"""Ending a review without a sign-off, for example because items of it are damaged, so that it can't be signed off."""

from dataclasses import replace

from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.reviews import store
from accounts.services.reviews.records import Cancellation, Review


def cancel(client: PersonClient, review_id: str, reason: str) -> Review:
    """End the review in the operator's name. Nothing of it changes afterwards. The same form sent twice is recorded once.

    Raises ReviewClosed if it has ended, Conflict if it was changed at the same moment, AuditUnavailable.
    """
    review, actor = store.get(review_id), client.actor
    ended = review.cancellation
    if ended and (ended.by, ended.realm, ended.reason) == (actor.username, actor.realm, reason):
        return review
    if not review.can_be_canceled:
        raise errors.ReviewClosed(review_id)
    changes, details = {"state": (review.state, "canceled")}, {"stated_reason": reason}
    with audit.recorded(client, audit.Action.REVIEW_CANCEL, review_id, kind="review", changes=changes, details=details) as event:
        at = timezone.now().isoformat(timespec="seconds")
        canceled = replace(review, state="canceled", cancellation=Cancellation(actor.username, actor.realm, at, reason, event.id))
        store.put(canceled)
    return canceled
