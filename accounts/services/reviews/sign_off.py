"""The end of a review: all decisions are locked, and their hash is added to the audit trail, where it can't be changed.

Locking writes each item again over the version that was read. A decision that arrives at the same time meets another version, so
none can be written after the hash. The job runs in batches, and the signer can resume it after any interruption.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.reviews import store
from accounts.services.reviews.records import DECISIONS, Item, JobProgress, Review, SignOff

# A search finds every event by then.
FOUND_AFTER: Final = timedelta(minutes=1)


def begin_sign_off(client: PersonClient, review_id: str) -> None:
    """Close the review for decisions in the operator's name, who has entered their password again; `lock_decisions` does the rest.

    Raises ReviewIncomplete while decisions are pending, ReviewDamaged if items can't be read, because the sign-off would never end,
    ReviewClosed when it isn't open, AuditUnavailable.
    """
    store.refresh()
    review, progress = store.get(review_id), store.progress([review_id])[review_id]
    if review.state not in ("open", "signing"):
        raise errors.ReviewClosed(review_id)
    if progress.pending:
        raise errors.ReviewIncomplete(progress.pending)
    if damaged := store.damaged_items(review_id):
        raise errors.ReviewDamaged(damaged)
    actor, changes = client.actor, {"state": (review.state, "signing")}
    with audit.recorded(client, audit.Action.REVIEW_CLOSE, review_id, kind="review", changes=changes):
        store.put(replace(review, state="signing", signer=actor.unique_name))


def is_signer(client: PersonClient, review: Review) -> bool:
    """Whether the operator started the sign-off; another one must start again, with their own password."""
    return review.signer == client.actor.unique_name


def lock_decisions(client: PersonClient, review_id: str) -> JobProgress:
    """Lock the next batch of decisions, or sign them when all are locked.

    Raises ReviewClosed for an operator who isn't the signer, and AuditUnavailable.
    """
    store.refresh()
    review, (batch, unlocked) = store.get(review_id), store.unlocked(review_id)
    total = review.snapshot.rows if review.snapshot else unlocked
    if review.state == "signed":
        return JobProgress(total, total, is_over=True)
    if review.state != "signing" or not is_signer(client, review):
        raise errors.ReviewClosed(review_id)
    if batch:
        store.put_many([replace(item, locked=True) for item in batch])
        return JobProgress(total - unlocked + len(batch), total, is_over=False)
    try:
        _sign(client, review)
    except errors.Conflict:
        if store.get(review_id).state != "signed":  # by another tab of the signer; otherwise it was canceled, or taken over
            raise errors.ReviewClosed(review_id) from None
    return JobProgress(total, total, is_over=True)


def _sign(client: PersonClient, review: Review) -> None:
    sha256, counts = digest(store.all_items(review.id))
    actor = client.actor
    changes: dict[str, tuple[None, str]] = {choice: (None, str(counts[choice])) for choice in review.subject.decisions}
    changes["sha256"] = (None, sha256)
    with audit.recorded(client, audit.Action.REVIEW_SIGN_OFF, review.id, kind="review", changes=changes) as event:
        at = timezone.now().isoformat(timespec="seconds")
        signed = SignOff(actor.username, actor.realm, at, sha256, event.id, counts)
        store.put(replace(review, state="signed", sign_off=signed))


def digest(items: Iterator[Item]) -> tuple[str, dict[str, int]]:
    """The SHA-256 of all decisions, one line each, and how often each was made."""
    sha256 = hashlib.sha256()
    counts = Counter[str](dict.fromkeys(DECISIONS, 0))
    for item in items:
        sha256.update(item.decision_line())
        if item.decision:
            counts[item.decision.choice] += 1
    return sha256.hexdigest(), dict(counts)


@dataclass(frozen=True, slots=True)
class Verification:
    """Whether the decisions are those that were signed. `now`: their hash, "" if one is damaged; `trail`: that in the audit trail.

    "missing": the audit trail, which starts at `trail_start`, doesn't have the sign-off, so the decisions aren't proved.
    """

    state: Literal["verified", "modified", "unknown", "missing"]
    now: str
    trail: str = ""
    event: str = ""
    trail_start: datetime | None = None


def verify(review: Review) -> Verification:
    """Compare the decisions with the sign-off in the audit trail. Raises ReviewClosed for a review that isn't signed off.

    "unknown": the audit trail doesn't have it yet; it can take a second until a search finds it.
    """
    if not review.sign_off:
        raise errors.ReviewClosed(review.id)
    store.refresh()
    try:
        now, _ = digest(store.all_items(review.id))
    except errors.DocumentDamaged:
        return Verification("modified", "")
    query = audit.Query(kind="review", target=review.id, action=audit.Action.REVIEW_SIGN_OFF)
    events = audit.search(query).events
    hashes = {_recorded_hash(event) for event in events}
    if not hashes and timezone.now() - review.sign_off.moment < FOUND_AFTER:
        return Verification("unknown", now)
    if not hashes:
        state: Literal["modified", "missing"] = "missing" if now == review.sign_off.sha256 else "modified"
        return Verification(state, now, trail_start=audit.trail_start())
    # Whoever can write the review could also add another event, but not remove the first one.
    is_verified = hashes == {now} == {review.sign_off.sha256}
    return Verification("verified" if is_verified else "modified", now, _recorded_hash(events[-1]), events[-1].id)


def _recorded_hash(event: audit.Event) -> str:
    """Of the decisions; "" if another program has written the event without one."""
    return str(event.changes.get("sha256", (None, ""))[1])
