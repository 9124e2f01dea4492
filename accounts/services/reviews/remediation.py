"""Removals and changes after the sign-off: the items as they are now, what was done to them, and applying the removals."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice
from typing import Any, Final

from accounts.services import audit, errors
from accounts.services.client import PersonClient
from accounts.services.documents import locks
from accounts.services.reviews import store
from accounts.services.reviews.records import Item, JobProgress, Review
from accounts.services.reviews.store import ItemQuery
from accounts.services.reviews.subjects import Current, Decision, Removal

BATCH_SIZE: Final = 20
PART_SIZE: Final = 100
# Why the operator can't remove a user, or another thing, as a sentence; "" if they can.
DenialReason = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """An item of a signed review, as it is now, and the changes since the sign-off, newest first.

    `trail_start`: of the audit trail if it starts only after the sign-off, so that changes before it aren't known.
    """

    item: Item
    current: Current
    events: Sequence[audit.Event] = ()
    trail_start: datetime | None = None

    @property
    def is_done(self) -> bool:
        """Whether it gives no access anymore; for the decision "change", whether it was changed."""
        if self.item.decision and self.item.decision.choice == "change":
            return any(event.is_applied for event in self.events)
        return self.current.is_removed

    @property
    def state(self) -> str:
        return self.current.state

    @property
    def was_removed(self) -> bool:
        """Whether the snapshot has it as deactivated or disabled, and it still is."""
        return self.current.thing is not None and self.current.is_removed and not self.item.row.get("enabled", True)


def outcomes(client: PersonClient, review: Review, items: Sequence[Item]) -> dict[int, Outcome]:
    """Of those of the items that are to be removed or changed, by number. Four calls at most; none before the sign-off."""
    affected = [item for item in items if item.decision and item.decision.choice != "keep"]
    if not review.sign_off or not affected:
        return {}
    subject, names = review.subject, [item.identity for item in affected]
    current = subject.current(client, [item.row for item in affected])
    changes = audit.changes_of(names, review.sign_off.moment, subject.kind, subject.actions)
    start = audit.trail_start() if any(name not in changes for name in names) else None
    gap = start if start and start > review.sign_off.moment else None
    return {item.number: Outcome(item, current[item.identity], changes.get(item.identity, ()), gap) for item in affected}


def outcomes_by_decision(client: PersonClient, review: Review, decision: Decision, after: int = 0, size: int = 50) -> list[Outcome]:
    """A page of the items with a decision, in the order of their numbers."""
    store.refresh()
    page = store.items(review.id, ItemQuery(decision, after=after, size=size))
    return list(outcomes(client, review, page).values())


def to_remove(review: Review) -> list[Item]:
    """The items with the decision to remove them."""
    store.refresh()
    return list(store.all_items(review.id, "remove"))


def digest(items: Sequence[Item]) -> str:
    """Changes whenever other things are to be removed. It has the number of the last item and a hash of each part.

    So a batch only needs to read the parts that it removes, and not all items again.
    """
    return " ".join(map(_part_digest, _parts(items, PART_SIZE)))


def _part_digest(part: Sequence[Item]) -> str:
    shown = [[item.review, item.subject.slug, item.number, item.row] for item in part]
    return f"{part[-1].number}:{sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()}"


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _confirmed_parts(review: Review, confirmed: str, after: int) -> Iterator[Sequence[Item]]:
    """The items to remove after a number, a part at a time, when it is needed. Raises Conflict if one isn't as it was confirmed."""
    before = 0
    for expected in confirmed.split():
        last = int(expected.partition(":")[0])
        if last > after:
            part = store.items(review.id, ItemQuery("remove", after=before, size=PART_SIZE))
            if not part or _part_digest(part) != expected:
                raise _others_confirmed(review)
            yield [item for item in part if item.number > after]
        before = last


def _others_confirmed(review: Review) -> errors.Conflict:
    return errors.Conflict(f"other items of the review {review.id} are to be removed than were confirmed")


def remaining(
    client: PersonClient, review: Review, removal: Removal, denial_reason: DenialReason, items: Sequence[Item]
) -> list[Outcome]:
    """Those of the items that still can be removed."""
    return list(_pending(client, review, removal, denial_reason, _parts(items, store.BATCH_SIZE)))


def _pending(
    client: PersonClient, review: Review, removal: Removal, denial_reason: DenialReason, parts: Iterable[Sequence[Item]]
) -> Iterator[Outcome]:
    """The same, of one part after the other."""
    for part in parts:
        current = review.subject.current(client, [item.row for item in part])
        each = [Outcome(item, current[item.identity]) for item in part]
        yield from (one for one in each if _is_pending(one.current, removal, denial_reason))


def _is_pending(current: Current, removal: Removal, denial_reason: DenialReason) -> bool:
    if current.thing is None or current.protection or (removal != "delete" and current.is_removed):
        return False
    return not denial_reason(current.thing)


def apply_removals(
    client: PersonClient, review_id: str, removal: Removal, denial_reason: DenialReason, confirmed: str, after: int = 0
) -> JobProgress:
    """Remove the next batch of the remaining items, each under a lock and as they are then.

    Each is tried once: `after` is the number of the last item that was. Of two administrators who do so at once, one finds it
    done. `confirmed`: the digest of the items that the operator was shown, so that what was altered since isn't removed: the first
    batch compares all items with it, the others only those that they remove. Raises Conflict if they are others now, ReviewClosed
    for a review that isn't signed off, AuditUnavailable.
    """
    review = store.get(review_id)
    if not review.sign_off:
        raise errors.ReviewClosed(review_id)
    if not after and digest(to_remove(review)) != confirmed:
        raise _others_confirmed(review)
    store.refresh()
    pending = _pending(client, review, removal, denial_reason, _confirmed_parts(review, confirmed, after))
    found = [one.item for one in islice(pending, BATCH_SIZE + 1)]
    batch = found[:BATCH_SIZE]
    failed = [item for item in batch if not _remove(client, item, removal, denial_reason)]
    total, last = review.sign_off.counts["remove"], batch[-1].number if batch else after
    done = total - store.count_after(review_id, "remove", last)
    return JobProgress(done, total, is_over=len(found) == len(batch), after=last, failed=len(failed))


def _remove(client: PersonClient, item: Item, removal: Removal, denial_reason: DenialReason) -> bool:
    """Whether it is removed, or another administrator does it. Raises AuditUnavailable."""
    try:
        with locks.held(f"removal {item.identity}"):
            current = item.subject.current(client, [item.row])[item.identity]
            return not _is_pending(current, removal, denial_reason) or _try_to_remove(client, item, removal, current)
    except (errors.NotFound, errors.UserLocked):  # done, or being done, by another administrator: the page shows the current status
        return True


def _try_to_remove(client: PersonClient, item: Item, removal: Removal, current: Any) -> bool:
    """Whether it is removed. Somebody else's edit of the same user isn't a removal. Raises NotFound, AuditUnavailable."""
    try:
        item.subject.remove(client, removal, current)
    except (errors.NotFound, errors.AuditUnavailable):
        raise
    except errors.ServiceError:  # the audit trail has the reason, and the page shows it
        return False
    return True
