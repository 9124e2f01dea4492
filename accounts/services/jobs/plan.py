"""The preview of a job: what will change for whom, and who is skipped and why. Nothing is changed."""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from django.utils import timezone

from accounts.services import api_keys, roles, users
from accounts.services.client import PersonClient
from accounts.services.cluster.own_roles import SERVICE
from accounts.services.documents import batches
from accounts.services.jobs import new_passwords, store
from accounts.services.jobs.records import ROLE_ACTIONS, Action, Job, Step, seen, stored_query
from accounts.services.users import User, UserQuery, end_dates

BATCH_SIZE: Final = 1000
BUILT_IN: Final = "Built-in users can't be changed in bulk. Use the page of the user."
NO_USER: Final = "This user no longer exists."
LAST_ADMINISTRATOR: Final = "No other active user could manage users."
END_DATE_MOVED: Final = "The end date of this user was changed."
NO_KEYS: Final = "This user has no active API keys."
OWN_KEY: Final = "usermgmt itself uses an API key of this user."
NO_CHANGE: Final[dict[Action, str]] = {
    "add-roles": "This user already has the roles.",
    "remove-roles": "This user has none of the roles.",
    "replace-roles": "This user already has exactly these roles.",
}

# Why the operator can't change a user so (None: delete the user), as a sentence; "" if they can.
Denial = Callable[[Action, User, User | None], str]
# The next steps, and the job as it is with them.
Planner = Callable[[PersonClient, Job, Denial], tuple[Job, list[Step]]]


def create(
    client: PersonClient,
    action: Action,
    names: Sequence[str],
    chosen: UserQuery | Sequence[str],
    description: str,
    *,
    revokes_keys: bool = False,
) -> Job:
    """A new job, without its steps. `names`: of roles; `chosen`: all users that match, or usernames. Raises Unavailable.

    `revokes_keys`: whether the API keys of users who are deactivated or deleted are revoked, too.
    """
    selection: dict[str, Any] = (
        {"query": stored_query(chosen)} if isinstance(chosen, UserQuery) else {"usernames": tuple(dict.fromkeys(chosen))}
    )
    kept = names if action in ROLE_ACTIONS else ()
    actor = client.actor
    revokes_keys = revokes_keys and action in ("deactivate", "delete")
    job = Job(uuid.uuid4().hex, action, timezone.now(), actor.username, description, tuple(kept), revokes_keys, **selection)
    return store.create(job.operated_by(actor))


def plan_batch(client: PersonClient, job: Job, denial: Denial, planner: Planner) -> Job:
    """Plan the next users, unless another process does; returns the job as it is then.

    Raises AccessDenied without `read_security`, Unavailable; the job then stays as it was.
    """

    def plan(claimed: Job) -> Job:
        further, steps = planner(client, claimed, denial)
        store.create_steps(steps)  # if another process is first, they belong to no job
        return further

    return batches.next_batch(job, store.write, plan) or store.get(job.id)


def planned(client: PersonClient, job: Job, denial: Denial) -> tuple[Job, list[Step]]:
    names, found, total = _read(client, job)
    rules = Rules(client, job, denial, job.administrators)
    part = uuid.uuid4().hex
    keys = api_keys.count_active_by_owner(client, names) if job.is_revoking else Counter()
    steps = [_step(job, part, number, name, found.get(name), rules, keys) for number, name in enumerate(names, start=job.read + 1)]
    is_last = len(names) < BATCH_SIZE
    further = replace(
        job,
        state="planned" if is_last else "planning",
        after=names[-1] if names else "",
        read=job.read + len(names),
        total=total,
        parts=(*job.parts, part) if names else job.parts,
        administrators=rules.administrators.taken,
    )
    return further, steps


def _step(
    job: Job, part: str, number: int, username: str, user: User | None, rules: "Rules", keys: Counter[tuple[str, bool]]
) -> Step:
    if user is None:
        return Step(job.id, part, number, username, None, "skipped", NO_USER)
    count = keys[username, user.is_reserved]
    reason = rules.reason(user, rules.wanted(user)) or (NO_KEYS if job.action == "revoke-api-keys" and not count else "")
    if reason:
        return Step(job.id, part, number, username, seen(user), "skipped", reason)
    secret = new_passwords.generated(job.id, username) if job.action == "reset-passwords" else ""
    notes = (f"Active API keys at the time of the preview: {count:,}.",) if count else ()  # the result shows it, too
    return Step(job.id, part, number, username, seen(user), secret=secret, notes=notes)


def _read(client: PersonClient, job: Job) -> tuple[list[str], dict[str, User], int]:
    """The next usernames, those of them that exist, and the number of all."""
    query = job.user_query
    if query is None:
        names = list(job.usernames[job.read : job.read + BATCH_SIZE])
        return names, current(client, names), len(job.usernames)
    rows, total = users.all_matching(client, query).rows((job.after, job.after) if job.after else None, BATCH_SIZE)
    found = {user.username: user for _, user in rows}
    return list(found), found, total


def current(client: PersonClient, usernames: Sequence[str]) -> dict[str, User]:
    """The users as they are now, by username; those who don't exist are left out."""
    native = users.get_many(client, usernames) if usernames else []
    chosen = set(usernames)
    return {user.username: user for user in [*users.reserved(client), *native] if user.username in chosen}


@dataclass
class Administrators:
    """The active users who can manage users. `taken`: how many of them lose that by changes that were allowed."""

    client: PersonClient
    managing: frozenset[str]
    taken: int = 0

    @cached_property
    def total(self) -> int:
        query = {"bool": {"filter": [{"terms": {"roles": sorted(self.managing)}}, {"term": {"enabled": True}}]}}
        native: int = self.client.query_user(query=query, size=0)["total"]
        return native + sum(self._manages(user) for user in users.reserved(self.client))

    def take(self, user: User, wanted: User | None) -> bool:
        """Whether this change leaves one of them; it then counts."""
        if not self._manages(user) or (wanted and self._manages(wanted)):
            return True
        if self.taken + 1 >= self.total:
            return False
        self.taken += 1
        return True

    def _manages(self, user: User) -> bool:
        return user.enabled and not self.managing.isdisjoint(user.roles)


class Rules:
    """What a job does to a user, and to whom it does nothing."""

    def __init__(self, client: PersonClient, job: Job, denial: Denial, taken: int = 0) -> None:
        known = roles.all_roles(client)
        self._job = job
        self._denial = denial
        query = job.user_query
        self._is_for_past_end_dates = job.action == "deactivate" and query is not None and "past-end-date" in query.flags
        names = {role.name for role in known}
        self._nonexistent = [name for name in job.roles if name not in names] if job.action != "remove-roles" else []
        managing = frozenset(role.name for role in known if role.grants_user_management)
        self.administrators = Administrators(client, managing, taken)

    def wanted(self, user: User) -> User | None:
        """The user after the change; None: deleted."""
        action, chosen = self._job.action, self._job.roles
        if action == "delete":
            return None
        if action in ("reset-passwords", "revoke-api-keys"):
            return user
        if action in ("activate", "deactivate"):
            return replace(user, enabled=action == "activate")
        if action == "add-roles":
            return replace(user, roles=tuple(dict.fromkeys([*user.roles, *chosen])))
        if action == "remove-roles":
            return replace(user, roles=tuple(name for name in user.roles if name not in chosen))
        kept = [name for name in user.roles if name in chosen]
        return replace(user, roles=tuple(dict.fromkeys([*kept, *chosen])))

    def reason(self, user: User, wanted: User | None) -> str:
        """Why the user is skipped; "" for a change that counts as made."""
        action = self._job.action
        if self._nonexistent:
            return f"The role '{self._nonexistent[0]}' doesn't exist."
        if user.is_reserved and action not in ROLE_ACTIONS and action != "delete":
            return BUILT_IN
        if self._job.is_revoking and user.username == SERVICE:
            return OWN_KEY
        if denied := self._denial(action, user, wanted):
            return denied
        if self._is_for_past_end_dates and user.enabled and not end_dates.is_past(user):
            return END_DATE_MOVED
        if wanted and action in ROLE_ACTIONS and set(wanted.roles) == set(user.roles):
            return NO_CHANGE[action]
        return "" if self.administrators.take(user, wanted) else LAST_ADMINISTRATOR
