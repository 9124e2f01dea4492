"""The end of a review: every decision is sealed, and their hash goes into the trail, to which can only be added.

Sealing writes each item once more over the version that was read. A mark that was on its way meanwhile meets another version,
so that none can come behind the hash. It goes by portions, and whoever signs goes on after whatever happened.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal

from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.reviews import store
from accounts.services.reviews.records import DECISIONS, Item, Review, SignOff, Work

ACTION: Final = "review-sign-off"


def begin_sign_off(client: PersonClient, review_id: str) -> None:
    """Close the review for marks, in the name of this person, who has proved to be it; `seal` does the rest.

    Raises ReviewIncomplete while items are open, ReviewClosed when it is not open, AuditUnavailable.
    """
    store.refresh()
    review, progress = store.get(review_id), store.progress([review_id])[review_id]
    if review.state not in ("open", "signing"):
        raise errors.ReviewClosed(review_id)
    if progress.left:
        raise errors.ReviewIncomplete(progress.left)
    actor = client.actor
    with audit.recorded(client, "review-close", review_id, kind="review", changes={"state": (review.state, "signing")}):
        store.put(replace(review, state="signing", signer=f"{actor.realm}/{actor.username}"))


def is_signer(client: PersonClient, review: Review) -> bool:
    """Whether this person began to sign the review off; another one has to begin again, with their own password."""
    return review.signer == f"{client.actor.realm}/{client.actor.username}"


def seal(client: PersonClient, review_id: str) -> Work:
    """Seal the next portion, or sign what is sealed. Raises ReviewClosed for somebody who did not begin it, and AuditUnavailable."""
    store.refresh()
    review, (portion, left) = store.get(review_id), store.unsealed(review_id)
    total = review.completeness.rows if review.completeness else left
    if review.state == "signed":
        return Work(total, total, is_over=True)
    if review.state != "signing" or not is_signer(client, review):
        raise errors.ReviewClosed(review_id)
    if portion:
        store.put_many([replace(item, sealed=True) for item in portion])
        return Work(total - left + len(portion), total, is_over=False)
    with suppress(errors.Conflict):  # another tab of the signer was first
        _sign(client, review)
    return Work(total, total, is_over=True)


def _sign(client: PersonClient, review: Review) -> None:
    sha256, counts = digest(store.all_items(review.id))
    actor = client.actor
    changes: dict[str, tuple[None, str]] = {decision: (None, str(counts[decision])) for decision in DECISIONS}
    changes["sha256"] = (None, sha256)
    with audit.recorded(client, ACTION, review.id, kind="review", changes=changes) as event:
        at = timezone.now().isoformat(timespec="seconds")
        signed = SignOff(actor.username, actor.realm, at, sha256, event.id, counts)
        store.put(replace(review, state="signed", sign_off=signed))


def digest(items: Iterator[Item]) -> tuple[str, dict[str, int]]:
    """The SHA-256 over all decisions, one line each, and how often each was made."""
    sha256 = hashlib.sha256()
    counts = Counter[str](dict.fromkeys(DECISIONS, 0))
    for item in items:
        sha256.update(item.decision_line())
        if item.mark:
            counts[item.mark.decision] += 1
    return sha256.hexdigest(), dict(counts)


@dataclass(frozen=True, slots=True)
class Check:
    """Whether the decisions are still those that were signed. `now`: their hash; `trail`: the hash that the trail has."""

    state: Literal["right", "wrong", "unknown"]
    now: str
    trail: str = ""
    event: str = ""


def check(review: Review) -> Check:
    """Compare the decisions with what the trail says of the sign-off. Raises ReviewClosed for a review that has none.

    "unknown": the trail has no record of it yet; it can take a second until a search finds it.
    """
    if not review.sign_off:
        raise errors.ReviewClosed(review.id)
    store.refresh()
    now, _ = digest(store.all_items(review.id))
    events = audit.search(audit.Query(kind="review", target=review.id, action=ACTION)).events
    hashes = {str(event.changes["sha256"][1]) for event in events}
    if not hashes:
        return Check("unknown", now)
    # Somebody who could write the review could also add another event, but not take the first one away.
    is_right = hashes == {now} == {review.sign_off.sha256}
    return Check("right" if is_right else "wrong", now, str(events[-1].changes["sha256"][1]), events[-1].id)
