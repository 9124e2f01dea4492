"""What only all users together show: one e-mail address on several, names that differ only in case.

Neither can be asked of Elasticsearch, so each portion keeps what is needed of its users, and this looks at all of it at the end.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from accounts.services.findings.rows import Chunk, Row, read_state
from accounts.services.findings.rules import marks
from accounts.services.users import User

NAMED: Final = 3

State = tuple[str, str, str, Sequence[str]]  # user name, e-mail address, full name, marks


def collect(users: Iterable[User]) -> list[State]:
    """What a portion keeps."""
    return [(user.username, user.email, user.full_name, marks(user)) for user in users]


def find(chunks: Sequence[Chunk]) -> dict[str, list[Row]]:
    """Both findings; it reads the kept states twice, so that what is alone is not held in memory."""
    by_name = _groups(chunks, lambda one: str(one[0]).casefold())
    by_email = _groups(chunks, lambda one: str(one[1]).strip().casefold())
    return {
        "similar-names": [_row(one, f"Beside {_others(one, group)}.") for group in by_name for one in group],
        "shared-email": [_row(one, f"{one[1]}, also of {_others(one, group)}.") for group in by_email for one in group],
    }


def _groups(chunks: Sequence[Chunk], key: Callable[[Sequence[Any]], str]) -> list[list[Sequence[Any]]]:
    counts = Counter(map(key, read_state(chunks)))
    groups: dict[str, list[Sequence[Any]]] = {}
    for one in read_state(chunks):
        if (value := key(one)) and counts[value] > 1:
            groups.setdefault(value, []).append(one)
    return list(groups.values())


def _row(one: Sequence[Any], note: str) -> Row:
    username, _, full_name, its_marks = one
    return Row(username, username, full_name, note, marks=tuple(its_marks))


def _others(one: Sequence[Any], group: Sequence[Sequence[Any]]) -> str:
    names = [other[0] for other in group[: NAMED + 1] if other[0] != one[0]][:NAMED]
    more = len(group) - 1 - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more else "")
