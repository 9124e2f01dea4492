"""What outlives a user who is deactivated or deleted, and ending it in the same step.

Role mappings don't: Elasticsearch applies them to users of other realms, never to native or built-in users.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from time import monotonic
from typing import Final, Self, TypeVar

from django.utils import timezone

from accounts.services import api_keys, errors, jobs, reviews, roles, sessions, users
from accounts.services.api_keys import ApiKeys, Owner, Revocation
from accounts.services.client import PersonClient
from accounts.services.jobs import Job, Step
from accounts.services.reviews import Review
from accounts.services.users import User

Found = TypeVar("Found")

REASON: Final = "Offboarding"
BATCH_SIZE: Final = 1000
# A proxy gives up after a minute, and each call to a cluster that doesn't answer takes as long as its timeout.
MAX_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Remains:
    """Active API keys, number of sessions in usermgmt, and open reviews with pending decisions that name the user as a reviewer.

    `roles`: those, except built-in ones, that no other native user has. None: it couldn't be loaded.
    """

    keys: ApiKeys | None
    sessions: int | None
    reviews: list[Review] | None
    roles: list[str] | None

    @property
    def is_nothing(self) -> bool:
        """Whether it is known that there is neither a key nor a session. Reviews give no access."""
        return self.keys is not None and not self.keys.keys and not self.keys.more and self.sessions == 0


@dataclass(frozen=True, slots=True)
class Remaining:
    """The same of one of many users, in numbers. `enabled`: None if they don't exist anymore. `moment`: when it was read."""

    username: str
    enabled: bool | None
    keys: int | None
    sessions: int | None
    reviews: list[Review] | None
    moment: datetime

    @property
    def is_proven(self) -> bool:
        """Whether it is known that they can't sign in, and have neither a key nor a session."""
        return not self.enabled and self.keys == 0 and self.sessions == 0


@dataclass
class Summary:
    """What is left of many users, in numbers. `unproven`: the first of those of whom something is left, or isn't known.

    `unknown`: of how many the API keys or the sessions couldn't be loaded. `reviews`: by ID; None if they couldn't be loaded.
    """

    total: int = 0
    active: int = 0
    deactivated: int = 0
    missing: int = 0
    keys: int = 0
    sessions: int = 0
    unknown: int = 0
    proven: int = 0
    unproven: list[Remaining] = field(default_factory=list)
    reviews: dict[str, Review] | None = field(default_factory=dict)

    @classmethod
    def of(cls, found: Iterable[Remaining], rows: int) -> Self:
        """`rows`: how many of the users to keep, so that a million of them take no more memory than these."""
        summary = cls()
        for each in found:
            summary._add(each, rows)
        return summary

    def _add(self, each: Remaining, rows: int) -> None:
        self.total += 1
        self.active += each.enabled is True
        self.deactivated += each.enabled is False
        self.missing += each.enabled is None
        self.keys += each.keys or 0
        self.sessions += each.sessions or 0
        self.unknown += each.keys is None or each.sessions is None
        self.proven += each.is_proven
        if not each.is_proven and len(self.unproven) < rows:
            self.unproven.append(each)
        if each.reviews is None:
            self.reviews = None
        elif self.reviews is not None:
            self.reviews |= {review.id: review for review in each.reviews}

    @property
    def number_unproven(self) -> int:
        return self.total - self.proven

    @property
    def is_proven(self) -> bool:
        return self.proven == self.total > 0


@dataclass(frozen=True, slots=True)
class Offboarding:
    """What became of the API keys and of the user, who stays as they are unless all keys are revoked."""

    keys: Revocation
    error: errors.ServiceError | None = None  # of the change of the user

    @property
    def is_done(self) -> bool:
        return self.keys.is_complete and self.error is None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of one of several users. Without an error they are deleted, unless they weren't tried.

    `revoked`: how many of their API keys. `is_of_key`: the error is of a key, and the user wasn't deleted because of it.
    """

    username: str
    error: errors.ServiceError | None = None
    is_tried: bool = True
    revoked: int = 0
    is_of_key: bool = False


def remains(client: PersonClient, username: str, user: User | None) -> Remains:
    """`user` is None if they don't exist anymore. Five calls, and one for each role. Raises AuthenticationFailed."""
    owners = [Owner.of(user)] if user else Owner.of_missing(username)
    return Remains(
        keys=_loaded(lambda: _active_keys(client, owners)),
        sessions=_loaded(lambda: len(sessions.sessions_of_native_user(username))),
        reviews=_loaded(lambda: _waiting_reviews([username])),
        roles=_loaded(lambda: _own_roles(client, user) if user else []),
    )


def remaining_of_job(client: PersonClient, job: Job, after: int = 0) -> Iterator[tuple[Step, Remaining]]:
    """Of each user of a bulk change, whatever became of them, in the order of the steps; call `jobs.refresh` first.

    Raises JobNotAuthentic, AuthenticationFailed, Unavailable.
    """
    jobs.require_authentic(job)
    steps = jobs.all_steps(job, after=after)
    while batch := list(islice(steps, BATCH_SIZE)):
        jobs.require_authentic(job, batch)
        yield from zip(batch, remaining_of_many(client, [step.username for step in batch]), strict=True)


def remaining_of_many(client: PersonClient, usernames: Sequence[str]) -> list[Remaining]:
    """Of up to 1,000 users, in this order. About ten calls. Raises AuthenticationFailed, Unavailable."""
    now = timezone.now()
    found = {user.username: user for user in [*users.reserved(client), *users.get_many(client, usernames)]}
    keys = _loaded(lambda: api_keys.count_active_by_owner(client, usernames))
    active = _loaded(lambda: sessions.count_by_native_user(usernames))
    waiting = _loaded(lambda: _waiting_reviews(usernames))
    return [
        Remaining(
            username,
            user.enabled if (user := found.get(username)) else None,
            None if keys is None else sum(keys[username, is_reserved] for is_reserved in _realms(user)),
            None if active is None else active[username],
            None if waiting is None else [review for review in waiting if username in review.reviewers],
            now,
        )
        for username in usernames
    ]


def _realms(user: User | None) -> tuple[bool, ...]:
    """Whether the keys of the user are of the reserved realm; of either, if the user doesn't exist anymore."""
    return (user.is_reserved,) if user else (False, True)


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


def _waiting_reviews(usernames: Collection[str]) -> list[Review]:
    """Reviews without named reviewers wait for nobody in particular."""
    reviews.refresh()
    asked = [review for review in reviews.all_reviews("open") if not set(usernames).isdisjoint(review.reviewers)]
    progress = reviews.progress(review.id for review in asked) if asked else {}
    return [review for review in asked if progress[review.id].pending]


def delete_each(client: PersonClient, chosen: Iterable[User], *, revokes_keys: bool) -> list[Deletion]:
    """Try to delete each of these users; after MAX_SECONDS the rest isn't tried. `revokes_keys`: after their API keys."""
    deadline = monotonic() + MAX_SECONDS
    return [
        _delete(client, user, revokes_keys, deadline) if monotonic() < deadline else Deletion(user.username, is_tried=False)
        for user in chosen
    ]


def _delete(client: PersonClient, user: User, revokes_keys: bool, deadline: float) -> Deletion:
    delete = partial(users.delete, client, user.username, user)
    try:
        if not revokes_keys:
            delete()
            return Deletion(user.username)
        result = offboard(client, user, delete, deadline)
    except errors.ServiceError as exc:
        return Deletion(user.username, exc)
    revoked = len(result.keys.revoked)
    if result.keys.failed:
        return Deletion(user.username, result.keys.failed[0][1], revoked=revoked, is_of_key=True)
    return Deletion(user.username, result.error, is_tried=not result.keys.untried, revoked=revoked)


def _own_roles(client: PersonClient, user: User) -> list[str]:
    known = roles.by_name(client, user.roles).values()
    return [role.name for role in known if not (role.is_reserved or role.is_unknown) and not _others_have(client, role.name, user)]


def _others_have(client: PersonClient, role: str, user: User) -> bool:
    but_user = {"filter": [{"term": {"roles": role}}], "must_not": [{"term": {"username": user.username}}]}
    return bool(client.query_user(query={"bool": but_user}, size=0)["total"])


def offboard(client: PersonClient, user: User, change: Callable[[], None], deadline: float | None = None) -> Offboarding:
    """Revoke the active API keys of a user one after the other, then deactivate or delete the user (`change`).

    `deadline`: after it, no further key is tried. Each of them is an event of its own in the audit trail. Raises LastAdministrator,
    and revokes nothing, if `change` would.
    """
    if users.last_administrators(client, [user]):
        raise errors.LastAdministrator(user.username)
    keys = api_keys.revoke_all(client, Owner.of(user), REASON, deadline)
    if not keys.is_complete:
        return Offboarding(keys)
    try:
        change()
    except errors.ServiceError as exc:
        if not keys.revoked:
            raise
        return Offboarding(keys, exc)
    return Offboarding(keys)
