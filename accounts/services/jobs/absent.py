"""Who isn't in a file that lists everyone who is to be active."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from accounts.services import users
from accounts.services.client import PersonClient
from accounts.services.cluster.own_roles import SERVICE
from accounts.services.users import User, UserQuery, administrators

ACTIVE: Final = UserQuery(status="active", kind="native")


@dataclass(frozen=True)
class Absent:
    """`administrators` are those who are, or may be, administrators, and aren't named: they stay as they are."""

    usernames: tuple[str, ...]
    administrators: tuple[str, ...]


def absent(client: PersonClient, listed: Collection[str], named: Collection[str]) -> Absent:
    """The active native users who aren't listed, other than the one of usermgmt itself. Raises AccessDenied, Unavailable."""
    administration = administrators.of_all_roles(client)
    present = {*listed, SERVICE}
    found = [user for user in _active(client) if user.username not in present]
    kept = {user.username for user in found if administration.is_administrator(user.roles) is not False}.difference(named)
    names = [user.username for user in found]
    return Absent(tuple(name for name in names if name not in kept), tuple(name for name in names if name in kept))


def _active(client: PersonClient) -> Iterable[User]:
    for batch, _, _ in users.batches(client, ACTIVE, lambda batch: None):
        yield from batch
