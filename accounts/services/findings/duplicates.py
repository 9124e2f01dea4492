"""Users with the same email address, and usernames that differ only in case.

Elasticsearch can't search for either, so each batch stores what is needed of its users, and all of it is compared at the end.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from accounts.services.findings.rows import Chunk, Row, read_state
from accounts.services.findings.rules import badges
from accounts.services.users import User

MAX_NAMED: Final = 3

State = tuple[str, str, str, Sequence[str]]  # username, email address, full name, badges


def collect(users: Iterable[User]) -> list[State]:
    """What a batch stores."""
    return [(user.username, user.email, user.full_name, badges(user)) for user in users]


def find(chunks: Sequence[Chunk]) -> dict[str, list[Row]]:
    """Both findings. The stored states are read twice, so that users without a duplicate are not held in memory."""
    by_name = _groups(chunks, lambda one: str(one[0]).casefold())
    by_email = _groups(chunks, lambda one: str(one[1]).strip().casefold())
    return {
        "similar-names": [_row(one, f"Similar to {_others(one, group)}.") for group in by_name for one in group],
        "shared-email": [_row(one, f"{one[1]}, also used by {_others(one, group)}.") for group in by_email for one in group],
    }


def _groups(chunks: Sequence[Chunk], key: Callable[[Sequence[Any]], str]) -> list[list[Sequence[Any]]]:
    counts = Counter(map(key, read_state(chunks)))
    groups: dict[str, list[Sequence[Any]]] = {}
    for one in read_state(chunks):
        if (value := key(one)) and counts[value] > 1:
            groups.setdefault(value, []).append(one)
    return list(groups.values())


def _row(one: Sequence[Any], details: str) -> Row:
    username, _, full_name, user_badges = one
    return Row(username, username, full_name, details, badges=tuple(user_badges))


def _others(one: Sequence[Any], group: Sequence[Sequence[Any]]) -> str:
    names = [other[0] for other in group[: MAX_NAMED + 1] if other[0] != one[0]][:MAX_NAMED]
    more = len(group) - 1 - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")
