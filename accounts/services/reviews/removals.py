"""What became of the users that a signed review says to remove or to change: as they are now, and what the trail has of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from accounts.services import audit, errors, users
from accounts.services.client import PersonClient
from accounts.services.documents import locks
from accounts.services.reviews import store
from accounts.services.reviews.records import Decision, Item, Review, Work
from accounts.services.reviews.store import ItemQuery
from accounts.services.users import User

Action = Literal["delete", "deactivate"]
A_PORTION: Final = 20
DO: Final[Mapping[Action, Callable[[PersonClient, str, User], None]]] = {"delete": users.delete, "deactivate": users.disable}


@dataclass(frozen=True, slots=True)
class Outcome:
    """An item of a signed review; the user as it is now (None: there is none), and what was done to it since, newest first."""

    item: Item
    user: User | None
    events: Sequence[audit.Event] = ()

    @property
    def is_done(self) -> bool:
        """Whether the user is gone or cannot sign in; or, of one to change, was changed."""
        if self.item.mark and self.item.mark.decision == "change":
            return any(event.outcome == "success" for event in self.events)
        return self.user is None or not self.user.enabled

    @property
    def state(self) -> str:
        """What the user is now, in a word."""
        if self.user is None:
            return "Deleted"
        return "Active" if self.user.enabled else "Deactivated"


def outcomes(client: PersonClient, review: Review, items: Sequence[Item]) -> dict[int, Outcome]:
    """Of those of the items that are to be removed or changed, by number. Three calls at most; none before the sign-off."""
    asked = [item for item in items if item.mark and item.mark.decision != "keep"]
    if not review.sign_off or not asked:
        return {}
    names = [item.username for item in asked]
    now, done = _present(client, names), audit.changes_of(names, review.sign_off.moment)
    return {item.number: Outcome(item, now.get(item.username), done.get(item.username, ())) for item in asked}


def marked(client: PersonClient, review: Review, decision: Decision, after: int = 0, size: int = 50) -> list[Outcome]:
    """A page of the items of a decision, in the order of their numbers."""
    store.refresh()
    page = store.items(review.id, ItemQuery(decision, after=after, size=size))
    return list(outcomes(client, review, page).values())


def left(client: PersonClient, review: Review, action: Action, refusal: Callable[[User], str]) -> list[Outcome]:
    """Everybody who is to be removed, and to whom this can still be done."""
    store.refresh()
    found: list[Outcome] = []
    after = 0
    while page := store.items(review.id, ItemQuery("remove", after=after, size=store.A_PORTION)):
        now = _present(client, [item.username for item in page])
        each = [Outcome(item, now.get(item.username)) for item in page]
        found += [one for one in each if _is_to_do(one, action) and one.user and not refusal(one.user)]
        after = page[-1].number
    return found


def _is_to_do(outcome: Outcome, action: Action) -> bool:
    return outcome.user is not None and (action == "delete" or outcome.user.enabled)


def carry_out(client: PersonClient, review_id: str, action: Action, refusal: Callable[[User], str]) -> Work:
    """Do it to the next portion of those who are left, each one under a lock and as they are then.

    Of two administrators who do it at once one finds it done already. `refusal`: why the person may not, or "". Raises
    ReviewClosed for a review that is not signed off, AccessDenied, AuditUnavailable.
    """
    review = store.get(review_id)
    if not review.sign_off:
        raise errors.ReviewClosed(review_id)
    todo = [one.item for one in left(client, review, action, refusal)]
    for item in todo[:A_PORTION]:
        _carry_out(client, item.username, action, refusal)
    total = review.sign_off.counts["remove"]
    remaining = max(0, len(todo) - A_PORTION)
    return Work(total - remaining, total, is_over=not remaining)


def _carry_out(client: PersonClient, username: str, action: Action, refusal: Callable[[User], str]) -> None:
    try:
        with locks.held(f"removal {username}"):
            user = users.get(client, username)
            if not refusal(user):
                DO[action](client, username, user)
    except (errors.NotFound, errors.UserLocked):  # somebody else has done it, or is doing it now: the page says what is true
        pass


def _present(client: PersonClient, usernames: Sequence[str]) -> dict[str, User]:
    native = users.get_many(client, usernames) if usernames else []
    return {user.username: user for user in [*users.reserved(client), *native]}
