"""Compares the users that a replay of the audit trail gives with those in Elasticsearch."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.services import audit
from accounts.services.audit import Event, replay
from accounts.services.audit.replay import ReplayedUser
from accounts.services.client import PersonClient
from accounts.services.users.iteration import batches
from accounts.services.users.query import UserQuery
from accounts.services.users.users import User, audited_fields


@dataclass(frozen=True)
class Difference:
    """A user who differs from the audit trail. `fields`: {name: (audit trail, Elasticsearch)}, empty for a missing user."""

    username: str
    fields: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class TrailCheck:
    """`checked`: users in the audit trail; `unknown`: users without an event, who are older or were created outside usermgmt.

    `trail_start`: before that, nothing is known, so nothing was compared. `damaged`: changes that another program wrote or changed,
    so that they can't be read. Their users may differ only for that reason.
    """

    checked: int
    unknown: int
    differences: list[Difference]
    trail_start: datetime | None
    damaged: list[Event]


def check(client: PersonClient) -> TrailCheck:
    """Compare all users with the replayed audit trail. Raises AccessDenied without `read_security`, Unavailable, NotSetUp."""
    known, damaged = replay.users_and_damaged()
    differences, seen, unknown = [], set(), 0
    for found, _, _ in batches(client, UserQuery(), lambda users: None):
        for user in found:
            if user.username not in known:
                unknown += 1
                continue
            seen.add(user.username)
            if fields := dict(_fields(known[user.username], user)):
                differences.append(Difference(user.username, fields))
    missing = [Difference(username) for username in sorted(known.keys() - seen)]
    return TrailCheck(len(known), unknown, [*differences, *missing], audit.trail_start(), damaged)


def _fields(replayed: ReplayedUser, user: User) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name, value in audited_fields(user).items():
        is_known = replayed.is_created or name in replayed.fields
        if is_known and replayed.fields.get(name) != value:
            yield name, (replayed.fields.get(name), value)
