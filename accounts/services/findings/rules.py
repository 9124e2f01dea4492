"""The checks of a single user: pure functions of the user and of its context."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from accounts.services.audit import UserActivity
from accounts.services.findings.rows import Row
from accounts.services.roles import Role
from accounts.services.users import User, end_dates, password_age
from accounts.services.users.administrators import Administration
from accounts.services.users.privilege_holders import GrantPaths

UNSEEN_FOR: Final = timedelta(days=90)
MAX_SHOWN_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class Context:
    """What the rules depend on. `kibana_sign_ins`: the last sign-in to Kibana by username; `trail_start`: of the audit trail.

    `password_days`: older passwords are found.
    """

    roles: Mapping[str, Role]
    grant_paths: GrantPaths
    administration: Administration
    now: datetime
    activity: Mapping[str, UserActivity] = field(default_factory=dict)
    kibana_sign_ins: Mapping[str, datetime] = field(default_factory=dict)
    trail_start: datetime | None = None
    password_days: int = 365


def of_user(user: User, context: Context) -> Iterator[tuple[str, Row]]:
    """Each finding about the user: its slug and its row."""
    managing = context.grant_paths.granting_roles(user)
    if managing:
        yield "managers", row(user, roles=managing)
    elif found := _escalation(user, context):
        yield found
    if managing and not user.email and not user.is_reserved:
        yield "no-email", row(user, roles=managing)
    if unknown := tuple(name for name in user.roles if name not in context.roles):
        yield "unknown-roles", row(user, roles=unknown)
    if (deprecated := _deprecated(user, context)) or (user.is_deprecated and user.enabled):
        yield "deprecated", row(user, _reasons(user, deprecated), tuple(role.name for role in deprecated))
    if user.is_reserved and user.enabled:
        yield "built-in", row(user)
    if (end := end_dates.of(user)) and user.enabled:
        yield from _end_date(user, end, context)
    if details := _unseen(user, context):
        yield "unseen", row(user, details)
    if user.enabled and not user.is_reserved:
        yield from _password(user, context)


def row(user: User, details: str = "", roles: tuple[str, ...] = (), key: str = "", ref: str = "") -> Row:
    return Row(key or user.username, user.username, user.full_name, details, roles, badges(user), ref)


def badges(user: User) -> tuple[str, ...]:
    return tuple(badge for badge, is_shown in (("Reserved", user.is_reserved), ("Deactivated", not user.enabled)) if is_shown)


def last_sign_in(user: User, context: Context) -> datetime | None:
    """The later of the last sign-ins to usermgmt and to Kibana; None if neither is known."""
    own = context.activity.get(user.username, UserActivity()).last_sign_in
    return max((at for at in (own, context.kibana_sign_ins.get(user.username)) if at), default=None)


def _escalation(user: User, context: Context) -> tuple[str, Row] | None:
    """How a user who isn't an administrator can become one. What is only possible for built-in users is part of Elasticsearch."""
    is_administrator = context.administration.is_administrator(user.roles)
    if is_administrator is False or (is_administrator is None and user.is_reserved):
        return None
    escalations = context.administration.escalations_of(user.roles)
    if not escalations:  # only anonymous access isn't known, which is a finding of its own
        return None
    found = row(user, "; ".join(str(each) for _, each in escalations), tuple(dict.fromkeys(role for role, _ in escalations)))
    return ("escalation" if is_administrator else "possible-escalation"), found


def _unseen(user: User, context: Context) -> str:
    """The details of an inactive user, which claim only what is known; "" for others."""
    if user.is_reserved or not user.enabled:
        return ""
    if last := last_sign_in(user, context):
        return f"Last sign-in {last:%Y-%m-%d}." if context.now - last > UNSEEN_FOR else ""
    if created := context.activity.get(user.username, UserActivity()).created:
        return f"No sign-in since the user was created on {created:%Y-%m-%d}."
    return f"No recorded sign-in. The audit trail starts on {context.trail_start or context.now:%Y-%m-%d}."


def _end_date(user: User, end: end_dates.EndDate, context: Context) -> Iterator[tuple[str, Row]]:
    state = end.state(context.now.date())
    if state == "past":
        yield "past-end-date", row(user, f"End date {end.day}.")
    elif state == "soon":
        yield "ending", row(user, f"End date {end.day}.")
    elif state == "unreadable":
        yield "unreadable-end-dates", row(user, f"The end date is: {str(end.stored)[:MAX_SHOWN_LENGTH]}")


def _password(user: User, context: Context) -> Iterator[tuple[str, Row]]:
    """An old password, or one of unknown age: without an event, nothing is claimed."""
    known = context.activity.get(user.username, UserActivity())
    limit = timedelta(days=context.password_days)
    if password_age.is_older(known, limit, context.now):
        yield "old-passwords", row(user, f"Last changed on {known.password_changed:%Y-%m-%d}, more than {limit.days:,} days ago.")
    elif password_age.may_be_older(known, limit, context.now):
        details = (
            f"No recorded change since an earlier user of this name was deleted on {known.since:%Y-%m-%d}."
            if known.since
            else f"No recorded change. The audit trail starts on {context.trail_start or context.now:%Y-%m-%d}."
        )
        yield "unknown-passwords", row(user, details)


def _deprecated(user: User, context: Context) -> list[Role]:
    return [context.roles[name] for name in user.roles if name in context.roles and context.roles[name].is_deprecated]


def _reasons(user: User, deprecated: Sequence[Role]) -> str:
    own = [f"The user is deprecated. {user.deprecated_reason}"] if user.is_deprecated else []
    return " ".join(dict.fromkeys([*own, *(role.deprecated_reason for role in deprecated if role.deprecated_reason)]))
