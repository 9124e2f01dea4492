"""Reading all users in pages, by username: native users from `_query/user`, with the reserved users sorted in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.conf import settings
from django.utils import timezone

from accounts.services import audit, errors, roles, users
from accounts.services.client import PersonClient
from accounts.services.findings.rules import UNSEEN_FOR, Context
from accounts.services.roles import privileges
from accounts.services.users import User, administrators, privilege_holders, profiles
from accounts.services.users.administrators import Administration

PAGE_SIZE: Final = 1000


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some users by username, how many there are in all, and the username before the next page ("" on the last one)."""

    users: Sequence[User]
    total: int
    after: str
    profiles: Mapping[str, str]


def page(client: PersonClient, after: str = "") -> UserPage:
    """The users after a username. Raises AccessDenied without `read_security`."""
    answer = client.query_user(
        sort=[{"username": {"order": "asc"}}], size=PAGE_SIZE, search_after=[after] if after else None, with_profile_uid=True
    )
    bodies = answer["users"]
    last = bodies[-1]["username"] if len(bodies) == PAGE_SIZE else ""
    reserved = users.reserved(client)
    among = [user for user in reserved if user.username > after and (not last or user.username <= last)]
    found = sorted([*map(users.user_from_api, bodies), *among], key=lambda user: user.username)
    uids = {body["username"]: body["profile_uid"] for body in bodies if body.get("profile_uid")}
    return UserPage(found, answer["total"] + len(reserved), last, uids)


def pages(client: PersonClient, after: str, max_pages: int) -> Iterator[UserPage]:
    """Up to `max_pages` pages after a username."""
    for _ in range(max_pages):
        found = page(client, after)
        yield found
        after = found.after
        if not after:
            return


def administration(client: PersonClient) -> Administration:
    """Which roles make an administrator: up to three calls, so once for several pages."""
    return administrators.load(client, roles.all_roles(client), roles.anonymous_access(client))


def context(client: PersonClient, found: UserPage, administration: Administration, trail_start: datetime | None) -> Context:
    """What the rules need for a page: roles, the activity of these users, and sign-ins to Kibana where they decide."""
    existing = roles.all_roles(client)
    grant_paths = privilege_holders.grant_paths(existing, privileges.MANAGE_SECURITY, administration.anonymous)
    active = [user.username for user in found.users if user.enabled and not user.is_reserved]
    activity = audit.activity_of(active)
    now = timezone.now()
    unseen = [name for name in active if not _is_recent(activity.get(name, audit.UserActivity()).last_sign_in, now)]
    by_name = {role.name: role for role in existing}
    sign_ins = _kibana_sign_ins(client, found.profiles, unseen)
    return Context(by_name, grant_paths, administration, now, activity, sign_ins, trail_start, settings.OLD_PASSWORD_DAYS)


def _is_recent(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment <= UNSEEN_FOR


def _kibana_sign_ins(client: PersonClient, uids: Mapping[str, str], names: Iterable[str]) -> dict[str, datetime]:
    wanted = {uids[name]: name for name in names if name in uids}
    try:
        found = profiles.last_sign_ins(client, list(wanted))
    except errors.AccessDenied:  # without the privilege for user profiles there is no information
        return {}
    return {wanted[uid]: moment for uid, moment in found.items() if uid in wanted}
