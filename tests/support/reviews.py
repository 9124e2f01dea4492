"""Access reviews in each of their states."""

from collections.abc import Sequence

from accounts.services import reviews
from accounts.services.client import PersonClient
from accounts.services.reviews import Decision, Review
from accounts.services.reviews.subjects import Query


def start_review(client: PersonClient, query: Query, reviewers: Sequence[str] = ()) -> Review:
    review = reviews.start(client, query, "Quarter", reviewers=reviewers)
    while not reviews.create_snapshot(client, review.id).is_over:
        pass
    return reviews.get(review.id)


def decide(client: PersonClient, review: Review, number: int, decision: Decision, comment: str = "") -> reviews.Item:
    seen = reviews.get_with_items(review.id, [number])[1][0].seen
    return reviews.decide(client, review.id, number, decision, comment, seen)


def confirmed(review: Review, action: str) -> dict[str, str]:
    """The form that confirms the removals."""
    return {"action": action, "confirmed": reviews.digest(reviews.to_remove(review))}


def sign_off(client: PersonClient, review: Review) -> Review:
    reviews.begin_sign_off(client, review.id)
    while not reviews.lock_decisions(client, review.id).is_over:
        pass
    return reviews.get(review.id)
