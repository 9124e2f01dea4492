"""The users at a moment in the past: the present ones, with what the trail knows of undone, the newest change first.

Only users who were changed since then are looked at: the others are as they were, unless something changed them outside of the
product. Where the trail contradicts what it meets, that is said of the user.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from accounts.services import users
from accounts.services.audit import Event
from accounts.services.client import PersonClient
from accounts.services.compare import attribution, trail
from accounts.services.compare.differences import Comparison, Entry, compared
from accounts.services.exports.rows import Facts
from accounts.services.users import User

A_PAGE: Final = 1000
EMPTY: Final = {"full_name": "", "email": "", "roles": (), "enabled": True}


@dataclass(frozen=True)
class Past:
    """A comparison of two moments. `outside`: users who were changed without this product, too; `unknown`: changes whose
    outcome nobody knows, which were not counted."""

    comparison: Comparison
    outside: Sequence[str] = ()
    unknown: Sequence[Event] = ()


@dataclass
class States:
    """Users by name, None for who does not exist, on the way back in time."""

    users: dict[str, User | None]
    outside: set[str] = field(default_factory=set)

    def undo(self, event: Event) -> None:
        """The state before the event."""
        name = event.target
        now = self.users[name]
        if not _is_result_of(event, now):
            self.outside.add(name)
        self.users[name] = None if event.action == "user-create" else _before(event, now or User(name))


def between(client: PersonClient, since: datetime, until: datetime | None = None) -> Past:
    """What became of the users between two moments; without `until`, up to now.

    Privileges are judged by the roles as they are today: the trail does not know what roles granted. Raises TooMany, Refused
    without read_security, Unavailable, NotSetUp.
    """
    events = trail.changes(since)
    known = [event for event in events if event.outcome == "success"]
    states = States(_present(client, {event.target for event in known}))
    later = [event for event in known if until and event.moment >= until]
    meanwhile = known[len(later) :]
    _undo(states, later)
    after = dict(states.users)
    _undo(states, meanwhile)
    touched = {event.target for event in meanwhile}
    entries = _Entries(client)
    comparison = compared(entries.of(states.users, touched), entries.of(after, touched))
    return Past(
        attribution.named(comparison, trail.who(meanwhile)),
        sorted(states.outside & touched),
        [event for event in events if event.outcome == "unknown" and not (until and event.moment >= until)],
    )


class _Entries:
    def __init__(self, client: PersonClient) -> None:
        self._facts = Facts.ask(client)

    def of(self, states: Mapping[str, User | None], names: Iterable[str]) -> list[Entry]:
        found = [states[name] for name in sorted(names)]
        return [Entry.of(self._facts.row(user)) for user in found if user]


def _undo(states: States, events: Iterable[Event]) -> None:
    for event in events:
        states.undo(event)


def _present(client: PersonClient, names: Iterable[str]) -> dict[str, User | None]:
    """The users as they are now: native ones in calls of a thousand, and the reserved ones."""
    wanted = sorted(names)
    found: dict[str, User | None] = dict.fromkeys(wanted)
    present = [user for user in users.reserved(client) if user.username in found]
    for start in range(0, len(wanted), A_PAGE):
        present += users.get_many(client, wanted[start : start + A_PAGE])
    return found | {user.username: replace(user, roles=tuple(sorted(user.roles))) for user in present}


def _is_result_of(event: Event, now: User | None) -> bool:
    """Whether the user is what the event made of them."""
    if event.action == "user-delete" or now is None:
        return (event.action == "user-delete") == (now is None)
    return all(getattr(now, name) == value for name, value in _values(event, 1).items())


def _before(event: Event, now: User) -> User:
    return replace(now, **_values(event, 0))


def _values(event: Event, side: int) -> dict[str, Any]:
    """The fields of the event before (0) or after it (1), as a user has them."""
    changed = {name: values[side] for name, values in event.changes.items() if name in EMPTY}
    return {name: _as_user_has(name, value) for name, value in changed.items()}


def _as_user_has(name: str, value: Any) -> Any:
    if value is None:
        return EMPTY[name]
    return tuple(sorted(value)) if name == "roles" else value
