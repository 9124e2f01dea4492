"""What outlives a user who is deactivated or deleted, and ending it in the same step.

Role mappings don't: Elasticsearch applies them to users of other realms, never to native or built-in users.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final, TypeVar

from accounts.services import api_keys, errors, reviews, sessions, users
from accounts.services.api_keys import ApiKey, ApiKeys, Owner
from accounts.services.client import PersonClient
from accounts.services.reviews import Review
from accounts.services.users import User

Found = TypeVar("Found")

# A proxy gives up after a minute, and each call to a cluster that doesn't answer takes as long as its timeout.
MAX_SECONDS: Final = 30
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

    revoked: Sequence[ApiKey]
    failed: Sequence[tuple[ApiKey, errors.ServiceError]]
    untried: Sequence[ApiKey]
    error: errors.ServiceError | None = None  # of the change of the user

    @property
    def are_keys_revoked(self) -> bool:
        return not self.failed and not self.untried

    @property
    def is_done(self) -> bool:
        return self.are_keys_revoked and self.error is None


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
    revoked, failed, untried = _revoke_all(client, Owner.of(user))
    if failed or untried:
        return Offboarding(revoked, failed, untried)
    try:
        change()
    except errors.ServiceError as exc:
        if not revoked:
            raise
        return Offboarding(revoked, failed, untried, exc)
    return Offboarding(revoked, failed, untried)


def _revoke_all(client: PersonClient, owner: Owner) -> tuple[list[ApiKey], list[tuple[ApiKey, errors.ServiceError]], list[ApiKey]]:
    """Every active key is tried once; after MAX_SECONDS the rest isn't tried."""
    revoked: list[ApiKey] = []
    failed: list[tuple[ApiKey, errors.ServiceError]] = []
    tried, deadline = set[str](), monotonic() + MAX_SECONDS
    while found := [key for key in api_keys.active(client, owner).keys if key.id not in tried]:
        for position, key in enumerate(found):
            if monotonic() > deadline:
                return revoked, failed, found[position:]
            tried.add(key.id)
            try:
                api_keys.revoke(client, owner, [key], REASON)
                revoked.append(key)
            except errors.ServiceError as exc:
                failed.append((key, exc))
    return revoked, failed, []
