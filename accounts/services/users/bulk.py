"""Deleting several users: each one is tried, whatever becomes of the others."""

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Final

from accounts.services import errors
from accounts.services.client import PersonClient
from accounts.services.users import users
from accounts.services.users.users import User

# A proxy gives up after a minute, and each call to a cluster that doesn't answer takes as long as its timeout.
MAX_SECONDS: Final = 30


@dataclass(frozen=True)
class Deletion:
    """What became of one user. Without an error they are deleted, unless they weren't tried."""

    username: str
    error: errors.ServiceError | None = None
    is_tried: bool = True


def delete_each(client: PersonClient, chosen: Iterable[User]) -> list[Deletion]:
    """Try to delete each of these users; after MAX_SECONDS the rest isn't tried."""
    deadline = monotonic() + MAX_SECONDS
    return [_delete(client, user) if monotonic() < deadline else Deletion(user.username, is_tried=False) for user in chosen]


def _delete(client: PersonClient, user: User) -> Deletion:
    try:
        users.delete(client, user.username, user)
    except errors.ServiceError as exc:
        return Deletion(user.username, exc)
    return Deletion(user.username)
