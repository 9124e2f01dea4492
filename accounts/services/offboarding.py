"""What outlives a user who is deactivated or deleted, and ending it in the same step.

Role mappings don't: Elasticsearch applies them to users of other realms, never to native or built-in users.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from accounts.services import api_keys, errors, reviews, sessions, users
from accounts.services.api_keys import ApiKeys, Owner, Revocation
from accounts.services.client import PersonClient
from accounts.services.reviews import Review
from accounts.services.users import User

Found = TypeVar("Found")

REASON: Final = "Offboarding"


@dataclass(frozen=True, slots=True)
class Remains:
    """Active API keys, number of sessions in usermgmt, and open reviews with pending decisions that name the user as a reviewer.

    None: it couldn't be loaded.
    """

    keys: ApiKeys | None
    sessions: int | None
    reviews: list[Review] | None

    @property
    def is_nothing(self) -> bool:
        """Whether it is known that there is neither a key nor a session. Reviews give no access."""
        return self.keys is not None and not self.keys.keys and not self.keys.more and self.sessions == 0


@dataclass(frozen=True, slots=True)
class Offboarding:
    """What became of the API keys and of the user, who stays as they are unless all keys are revoked."""

    keys: Revocation
    error: errors.ServiceError | None = None  # of the change of the user

    @property
    def is_done(self) -> bool:
        return self.keys.is_complete and self.error is None


def remains(client: PersonClient, username: str, user: User | None) -> Remains:
    """`user` is None if they don't exist anymore. Five calls. Raises AuthenticationFailed."""
    owners = [Owner.of(user)] if user else Owner.of_missing(username)
    return Remains(
        keys=_loaded(lambda: _active_keys(client, owners)),
        sessions=_loaded(lambda: len(sessions.sessions_of_native_user(username))),
        reviews=_loaded(lambda: _waiting_reviews(username)),
    )


def _loaded(read: Callable[[], Found]) -> Found | None:
    try:
        return read()
    except errors.AuthenticationFailed:
        raise
    except errors.ServiceError:
        return None


def _active_keys(client: PersonClient, owners: Sequence[Owner]) -> ApiKeys:
    found = [api_keys.active(client, owner) for owner in owners]
    return ApiKeys([key for each in found for key in each.keys], max(each.more for each in found))


def _waiting_reviews(username: str) -> list[Review]:
    """Reviews without named reviewers wait for nobody in particular."""
    reviews.refresh()
    asked = [review for review in reviews.all_reviews("open") if username in review.reviewers]
    progress = reviews.progress(review.id for review in asked) if asked else {}
    return [review for review in asked if progress[review.id].pending]


def offboard(client: PersonClient, user: User, change: Callable[[], None]) -> Offboarding:
    """Revoke the active API keys of a user one after the other, then deactivate or delete the user (`change`).

    Each of them is an event of its own in the audit trail. Raises LastAdministrator, and revokes nothing, if `change` would.
    """
    if users.last_administrators(client, [user]):
        raise errors.LastAdministrator(user.username)
    keys = api_keys.revoke_all(client, Owner.of(user), REASON)
    if not keys.is_complete:
        return Offboarding(keys)
    try:
        change()
    except errors.ServiceError as exc:
        if not keys.revoked:
            raise
        return Offboarding(keys, exc)
    return Offboarding(keys)
