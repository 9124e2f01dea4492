"""All users that match a query, in its order and in batches, for exports."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from math import inf
from typing import TypeVar

from accounts.services import roles
from accounts.services.client import PersonClient
from accounts.services.users import users
from accounts.services.users.pages import BATCH_SIZE, MatchingUsers, Row, administration_for
from accounts.services.users.query import Position, UserQuery
from accounts.services.users.users import User

T = TypeVar("T")


def batches(
    client: PersonClient, query: UserQuery, read_extra: Callable[[Sequence[User]], T]
) -> Iterator[tuple[list[User], int, T]]:
    """Batches of users, with the number of all matches and the result of `read_extra` for these users.

    Another thread reads the next batch while the caller processes this one. Each batch starts after the last row of the previous
    one (`search_after`), so no user is missing or repeated while others are added. Raises AccessDenied without `read_security`.
    """
    matching = all_matching(client, query)

    def read(after: Position | None) -> tuple[list[Row], int, T]:
        rows, total = matching.rows(after, BATCH_SIZE)
        return rows, total, read_extra([user for _, user in rows])

    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(copy_context().run, read, None)
        while True:
            rows, total, extra = pending.result()
            is_last = len(rows) < BATCH_SIZE
            if not is_last:
                pending = pool.submit(copy_context().run, read, rows[-1][0])
            yield [user for _, user in rows], total, extra
            if is_last:
                return


def count(client: PersonClient, query: UserQuery) -> int:
    """How many users match."""
    return all_matching(client, query).rows(None, 0)[1]


def all_matching(client: PersonClient, query: UserQuery) -> MatchingUsers:
    """Without a limit of users that are read and compared here."""
    administration = administration_for(client, query)
    return MatchingUsers(client, query, roles.names(client), users.reserved(client), max_read=inf, administration=administration)


def without_position(query: UserQuery) -> UserQuery:
    """The same users in the same order, from the start."""
    return replace(query, after=None, before=None, last=False, number=1)
