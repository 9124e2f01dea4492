"""What is found about one user: pure functions of the user and of what is known besides."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from accounts.services.audit import UserActivity
from accounts.services.findings.rows import Row
from accounts.services.roles import Role
from accounts.services.users import User
from accounts.services.users.privilege_holders import GrantPath, granting_roles

UNSEEN_FOR: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Known:
    """What the rules go by. `seen`: the last sign-in to Kibana by user name; `begins`: the trail's first event."""

    roles: Mapping[str, Role]
    ways: Sequence[GrantPath]
    now: datetime
    moments: Mapping[str, UserActivity] = field(default_factory=dict)
    seen: Mapping[str, datetime] = field(default_factory=dict)
    begins: datetime | None = None


def of_user(user: User, known: Known) -> Iterator[tuple[str, Row]]:
    """Each finding that the user belongs to, with its row."""
    managing = granting_roles(user, known.ways)
    if managing:
        yield "managers", row(user, roles=managing)
    if managing and not user.email and not user.is_reserved:
        yield "no-email", row(user, roles=managing)
    if unknown := tuple(name for name in user.roles if name not in known.roles):
        yield "unknown-roles", row(user, roles=unknown)
    if (deprecated := _deprecated(user, known)) or (user.is_deprecated and user.enabled):
        yield "deprecated", row(user, _reasons(user, deprecated), tuple(role.name for role in deprecated))
    if user.is_reserved and user.enabled:
        yield "built-in", row(user)
    if note := _unseen(user, known):
        yield "unseen", row(user, note)


def row(user: User, note: str = "", roles: tuple[str, ...] = (), key: str = "", ref: str = "") -> Row:
    """A row about this user."""
    return Row(key or user.username, user.username, user.full_name, note, roles, marks(user), ref)


def marks(user: User) -> tuple[str, ...]:
    """What stands beside the name."""
    return tuple(mark for mark, is_so in (("Reserved", user.is_reserved), ("Deactivated", not user.enabled)) if is_so)


def last_seen(user: User, known: Known) -> datetime | None:
    """The last sign-in, here or in Kibana; None when none is known."""
    here = known.moments.get(user.username, UserActivity()).last_sign_in
    return max((at for at in (here, known.seen.get(user.username)) if at), default=None)


def _unseen(user: User, known: Known) -> str:
    """Since when, in words that claim no more than is known; "" for who was seen, or need not be."""
    if user.is_reserved or not user.enabled:
        return ""
    if seen := last_seen(user, known):
        return f"Last sign-in {seen:%Y-%m-%d}." if known.now - seen > UNSEEN_FOR else ""
    if created := known.moments.get(user.username, UserActivity()).created:
        return f"No sign-in since they were created on {created:%Y-%m-%d}."
    return f"No sign-in known; no information before {known.begins or known.now:%Y-%m-%d}."


def _deprecated(user: User, known: Known) -> list[Role]:
    return [known.roles[name] for name in user.roles if name in known.roles and known.roles[name].is_deprecated]


def _reasons(user: User, deprecated: Sequence[Role]) -> str:
    own = [f"The user is deprecated. {user.deprecated_reason}"] if user.is_deprecated else []
    return " ".join(dict.fromkeys([*own, *(role.deprecated_reason for role in deprecated if role.deprecated_reason)]))
