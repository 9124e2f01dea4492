"""Taking back a change of a user with what the audit trail has: an edit, an activation, a deactivation, or a deletion.

Of roles and metadata, only what the event changed is taken back: roles and keys that were changed since stay.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from django.views.decorators.debug import sensitive_variables

from accounts.services import audit
from accounts.services.audit import Action, Event
from accounts.services.audit.events import USER_FIELDS
from accounts.services.client import PersonClient
from accounts.services.documents import damage
from accounts.services.users import users
from accounts.services.users.metadata import changed_keys, is_same
from accounts.services.users.users import User

RESTORABLE: Final = (Action.USER_UPDATE, Action.USER_ENABLE, Action.USER_DISABLE, Action.USER_DELETE)
DETAIL: Final = "restores"  # of the event that restores, with the ID of the other one

IN_PROGRESS: Final = "The change is still in progress."
NOT_CHANGED: Final = "The change was not made, so there is nothing to restore."
NOT_RECORDED: Final = "The audit trail doesn't have the values before this event."


@dataclass(frozen=True, slots=True)
class FieldRestore:
    """A field of the user: as it is now, and as it will be. `is_changed_since`: not by this event alone."""

    name: str
    now: Any
    restored: Any
    is_changed_since: bool

    @property
    def is_change(self) -> bool:
        return not is_same(self.now, self.restored)


def is_restorable(event: Event) -> bool:
    """Whether it is worth asking: the user may have been deleted or changed since."""
    return event.kind == "user" and event.action in RESTORABLE and not denial_reason(event)


def denial_reason(event: Event) -> str:
    """Why the event alone says that nothing can be restored; "" if it can."""
    if event.outcome == "":
        return IN_PROGRESS
    if not event.may_be_applied:
        return NOT_CHANGED
    before = {name: was for name, (was, _) in event.changes.items()}
    # These two are never empty: they are recorded as None if the user couldn't be read.
    is_known = bool(before) and all(before[name] is not None for name in ("roles", "enabled") if name in before)
    is_known = is_known and all(map(_is_metadata, event.changes.get("metadata", ())))
    is_complete = event.action != Action.USER_DELETE or {"roles", "enabled"} <= before.keys()
    return "" if is_known and is_complete else NOT_RECORDED


def _is_metadata(recorded: str | None) -> bool:
    """Whether it is a JSON object, which another program may have replaced."""
    try:
        return isinstance(_value("metadata", recorded), dict)
    except damage.ERRORS:
        return False


def is_about_earlier_user(event: Event) -> bool:
    """Whether a user of this name was created or deleted since. Raises Unavailable and NotSetUp."""
    known = audit.activity_of([event.target]).get(event.target)
    return bool(known and known.since and event.moment < known.since)


def restored_by(event: Event) -> Event | None:
    """The latest event that took back this one, or may have. Raises Unavailable and NotSetUp."""
    changes = audit.changes_of([event.target], event.moment).get(event.target, [])
    return next((each for each in changes if each.details.get(DETAIL) == event.id and each.may_be_applied), None)


def deleted_user(event: Event) -> User:
    """The user before the deletion."""
    was = {name: _value(name, before) for name, (before, _) in event.changes.items() if name in USER_FIELDS}
    return User(event.target, **{**was, "roles": tuple(was["roles"])})


def fields(event: Event, user: User) -> list[FieldRestore]:
    """What restoring the values before the event would change now."""
    now = _fields(user)
    return [
        FieldRestore(name, now[name], _restored(name, before, after, now[name]), not is_same(now[name], after))
        for name, pair in event.resulting_changes.items()
        if name in now
        for before, after in [(_value(name, pair[0]), _value(name, pair[1]))]
    ]


def state(event: Event, user: User | None) -> str:
    """Changes whenever a field of the user does, or what the audit trail has of the event."""
    shown = [event.target, event.changes, event.resulting_changes, _fields(user) if user else None]
    return sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def restore(client: PersonClient, event: Event, user: User, names: Collection[str]) -> None:
    """Give the user these fields as `fields` has them. Raises what `users.update_all` raises."""
    restored = {field.name: field.restored for field in fields(event, user) if field.name in names and field.is_change}
    details = {DETAIL: event.id}
    if restored.keys() == {"enabled"}:
        change = users.enable if restored["enabled"] else users.disable
        change(client, user.username, user, details=details)
    elif restored:
        users.update_all(client, user, restored_user(user, restored), replaces_metadata="metadata" in restored, details=details)


def restored_user(user: User, restored: Mapping[str, Any]) -> User:
    """With these values. Roles keep their order, added ones come last."""
    chosen = dict.fromkeys(restored.get("roles", user.roles))
    return replace(user, **{**restored, "roles": tuple(dict.fromkeys([*filter(chosen.__contains__, user.roles), *chosen]))})


@sensitive_variables("password")
def recreate(client: PersonClient, event: Event, password: str) -> None:
    """Create the deleted user again as they were. Raises what `users.create` raises."""
    users.create(client, deleted_user(event), password, details={DETAIL: event.id})


def _fields(user: User) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in users.audited_fields(user).items()}


def _value(name: str, recorded: Any) -> Any:
    """As the user has it; the audit trail has None for what is empty, and metadata as JSON."""
    if name == "metadata":
        return json.loads(recorded) if recorded else {}
    if name == "roles":
        return sorted(recorded or [])
    return recorded if name == "enabled" else recorded or ""


def _restored(name: str, before: Any, after: Any, now: Any) -> Any:
    if name == "roles":
        return sorted((set(now) - (set(after) - set(before))) | (set(before) - set(after)))
    if name != "metadata":
        return before
    touched = changed_keys(before, after)
    kept = {key: value for key, value in now.items() if key not in touched}
    return kept | {key: before[key] for key in touched if key in before}
