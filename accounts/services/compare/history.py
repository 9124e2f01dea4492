"""The users at an earlier time: the current ones, with the changes in the audit trail undone, newest first.

Only users with changes since then are compared: all others are the same, unless they were changed outside usermgmt. Where the
audit trail contradicts the state of a user, the user was changed elsewhere, too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from accounts.services import users
from accounts.services.audit import Action, Event
from accounts.services.client import PersonClient
from accounts.services.compare import attribution, trail
from accounts.services.compare.differences import Comparison, Entry, compare
from accounts.services.exports.rows import RowContext
from accounts.services.users import User

BATCH_SIZE: Final = 1000
EMPTY_VALUES: Final = {"full_name": "", "email": "", "roles": (), "enabled": True}


@dataclass(frozen=True)
class PointInTimeComparison:
    """`changed_elsewhere`: users who were also changed outside usermgmt; `unknown`: changes with unknown outcome, not included."""

    comparison: Comparison
    changed_elsewhere: Sequence[str] = ()
    unknown: Sequence[Event] = ()


@dataclass
class States:
    """Users by username at a time that `undo` moves back; None for those that don't exist."""

    users: dict[str, User | None]
    changed_elsewhere: set[str] = field(default_factory=set)

    def undo(self, event: Event) -> None:
        """Go back to the state before the event."""
        name = event.target
        now = self.users[name]
        if not _is_result_of(event, now):
            self.changed_elsewhere.add(name)
        self.users[name] = None if event.action == Action.USER_CREATE else _before(event, now or User(name))


def between(client: PersonClient, since: datetime, until: datetime | None = None) -> PointInTimeComparison:
    """The differences between two points in time; without `until`, up to now.

    "Can manage users" is evaluated with the current roles, because the audit trail doesn't have the privileges of roles. Raises
    TooManyChanges, AccessDenied without `read_security`, Unavailable, NotSetUp.
    """
    events = trail.changes(since)
    known = [event for event in events if event.is_applied]
    states = States(_current(client, {event.target for event in known}))
    later = [event for event in known if until and event.moment >= until]
    undone = known[len(later) :]
    _undo(states, later)
    after = dict(states.users)
    _undo(states, undone)
    changed_users = {event.target for event in undone}
    entries = _Entries(client)
    comparison = compare(entries.of(states.users, changed_users), entries.of(after, changed_users))
    return PointInTimeComparison(
        attribution.with_names(comparison, trail.who(undone)),
        sorted(states.changed_elsewhere & changed_users),
        [event for event in events if event.outcome == "unknown" and not (until and event.moment >= until)],
    )


class _Entries:
    def __init__(self, client: PersonClient) -> None:
        self._context = RowContext.load(client)

    def of(self, states: Mapping[str, User | None], names: Iterable[str]) -> list[Entry]:
        found = [states[name] for name in sorted(names)]
        return [Entry.of(self._context.row(user)) for user in found if user]


def _undo(states: States, events: Iterable[Event]) -> None:
    for event in events:
        states.undo(event)


def _current(client: PersonClient, names: Iterable[str]) -> dict[str, User | None]:
    """The current users: native ones in batches, and the reserved ones."""
    wanted = sorted(names)
    found: dict[str, User | None] = dict.fromkeys(wanted)
    present = [user for user in users.reserved(client) if user.username in found]
    for start in range(0, len(wanted), BATCH_SIZE):
        present += users.get_many(client, wanted[start : start + BATCH_SIZE])
    return found | {user.username: replace(user, roles=tuple(sorted(user.roles))) for user in present}


def _is_result_of(event: Event, now: User | None) -> bool:
    """Whether the user has the state that the event resulted in."""
    if event.action == Action.USER_DELETE or now is None:
        return (event.action == Action.USER_DELETE) == (now is None)
    return all(getattr(now, name) == value for name, value in _values(event, 1).items())


def _before(event: Event, now: User) -> User:
    return replace(now, **_values(event, 0))


def _values(event: Event, side: int) -> dict[str, Any]:
    """The changed fields before the event (0) or after it (1), in the form that User has."""
    changed = {name: values[side] for name, values in event.changes.items() if name in EMPTY_VALUES}
    return {name: _normalized(name, value) for name, value in changed.items()}


def _normalized(name: str, value: Any) -> Any:
    if value is None:
        return EMPTY_VALUES[name]
    return tuple(sorted(value)) if name == "roles" else value
