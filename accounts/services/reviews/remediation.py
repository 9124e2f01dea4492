"""Removals and changes after the sign-off: the users as they are now, what was done to them, and applying the removals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from accounts.services import audit, errors, users
from accounts.services.client import PersonClient
from accounts.services.documents import locks
from accounts.services.reviews import store
from accounts.services.reviews.records import Decision, Item, JobProgress, Review
from accounts.services.reviews.store import ItemQuery
from accounts.services.users import User

Removal = Literal["delete", "deactivate"]
BATCH_SIZE: Final = 20
REMOVALS: Final[Mapping[Removal, Callable[[PersonClient, str, User], None]]] = {
    "delete": users.delete,
    "deactivate": users.disable,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """An item of a signed review; its user now (None: doesn't exist), and the changes since the sign-off, newest first."""

    item: Item
    user: User | None
    events: Sequence[audit.Event] = ()

    @property
    def is_done(self) -> bool:
        """Whether the user can't sign in anymore; for the decision "change", whether the user was changed."""
        if self.item.decision and self.item.decision.choice == "change":
            return any(event.outcome == "success" for event in self.events)
        return self.user is None or not self.user.enabled

    @property
    def state(self) -> str:
        """The current status of the user."""
        if self.user is None:
            return "Deleted"
        return "Active" if self.user.enabled else "Deactivated"


def outcomes(client: PersonClient, review: Review, items: Sequence[Item]) -> dict[int, Outcome]:
    """Of those of the items that are to be removed or changed, by number. Three calls at most; none before the sign-off."""
    affected = [item for item in items if item.decision and item.decision.choice != "keep"]
    if not review.sign_off or not affected:
        return {}
    names = [item.username for item in affected]
    current, changes = _current(client, names), audit.changes_of(names, review.sign_off.moment)
    return {item.number: Outcome(item, current.get(item.username), changes.get(item.username, ())) for item in affected}


def outcomes_by_decision(client: PersonClient, review: Review, decision: Decision, after: int = 0, size: int = 50) -> list[Outcome]:
    """A page of the items with a decision, in the order of their numbers."""
    store.refresh()
    page = store.items(review.id, ItemQuery(decision, after=after, size=size))
    return list(outcomes(client, review, page).values())


def remaining(client: PersonClient, review: Review, removal: Removal, denial_reason: Callable[[User], str]) -> list[Outcome]:
    """Every user who is to be removed and still can be."""
    store.refresh()
    found: list[Outcome] = []
    after = 0
    while page := store.items(review.id, ItemQuery("remove", after=after, size=store.BATCH_SIZE)):
        current = _current(client, [item.username for item in page])
        each = [Outcome(item, current.get(item.username)) for item in page]
        found += [one for one in each if _is_pending(one, removal) and one.user and not denial_reason(one.user)]
        after = page[-1].number
    return found


def _is_pending(outcome: Outcome, removal: Removal) -> bool:
    return outcome.user is not None and (removal == "delete" or outcome.user.enabled)


def apply_removals(
    client: PersonClient, review_id: str, removal: Removal, denial_reason: Callable[[User], str], after: int = 0
) -> JobProgress:
    """Delete or deactivate the next batch of the remaining users, each under a lock and as they are then.

    Each is tried once: `after` is the number of the last item that was. Of two administrators who do so at once, one finds it
    done. `denial_reason`: why the operator can't remove a user, or "". Raises ReviewClosed for a review that isn't signed off,
    AuditUnavailable.
    """
    review = store.get(review_id)
    if not review.sign_off:
        raise errors.ReviewClosed(review_id)
    pending = [one.item for one in remaining(client, review, removal, denial_reason) if one.item.number > after]
    batch = pending[:BATCH_SIZE]
    failed = [item for item in batch if not _remove(client, item.username, removal, denial_reason)]
    total, left = review.sign_off.counts["remove"], len(pending) - len(batch)
    last = batch[-1].number if batch else after
    return JobProgress(total - left, total, is_over=not left, after=last, failed=len(failed))


def _remove(client: PersonClient, username: str, removal: Removal, denial_reason: Callable[[User], str]) -> bool:
    """Whether the user is removed, or another administrator does it. Raises AuditUnavailable."""
    try:
        with locks.held(f"removal {username}"):
            user = users.get(client, username)
            if not denial_reason(user):
                REMOVALS[removal](client, username, user)
    except (errors.NotFound, errors.UserLocked):  # done, or being done, by another administrator: the page shows the current status
        return True
    except errors.AuditUnavailable:
        raise
    except errors.ServiceError:  # the audit trail has the reason, and the page shows it
        return False
    return True


def _current(client: PersonClient, usernames: Sequence[str]) -> dict[str, User]:
    native = users.get_many(client, usernames) if usernames else []
    return {user.username: user for user in [*users.reserved(client), *native]}
