"""Reading everybody, a page at a time, by name: native users from `_query/user`, the few reserved ones sorted in."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.utils import timezone

from accounts.services import audit, errors, roles, users
from accounts.services.client import PersonClient
from accounts.services.findings.rules import UNSEEN_FOR, Known
from accounts.services.roles import privileges
from accounts.services.users import User, privilege_holders, profiles

PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class UserPage:
    """Some users by name, how many there are in all, and the name after which the next page begins ("" on the last one)."""

    users: Sequence[User]
    total: int
    after: str
    profiles: Mapping[str, str]


def page(client: PersonClient, after: str = "") -> UserPage:
    """The users after that name. Raises AccessDenied without read_security."""
    answer = client.query_user(
        sort=[{"username": {"order": "asc"}}], size=PAGE, search_after=[after] if after else None, with_profile_uid=True
    )
    bodies = answer["users"]
    last = bodies[-1]["username"] if len(bodies) == PAGE else ""
    reserved = users.reserved(client)
    among = [user for user in reserved if user.username > after and (not last or user.username <= last)]
    found = sorted([*map(users.user_from_api, bodies), *among], key=lambda user: user.username)
    uids = {body["username"]: body["profile_uid"] for body in bodies if body.get("profile_uid")}
    return UserPage(found, answer["total"] + len(reserved), last, uids)


def pages(client: PersonClient, after: str, most: int) -> Iterator[UserPage]:
    """Up to so many pages, from there on."""
    for _ in range(most):
        found = page(client, after)
        yield found
        after = found.after
        if not after:
            return


def known(client: PersonClient, found: UserPage, begins: datetime | None) -> Known:
    """What the rules need for a page: roles, what the trail knows of these users, and Kibana's sign-ins where they decide."""
    existing = roles.all_roles(client)
    ways = privilege_holders.grant_paths(existing, privileges.MANAGE_SECURITY)
    active = [user.username for user in found.users if user.enabled and not user.is_reserved]
    moments = audit.activity_of(active)
    now = timezone.now()
    unseen = [name for name in active if not _is_recent(moments.get(name, audit.UserActivity()).last_sign_in, now)]
    by_name = {role.name: role for role in existing}
    return Known(by_name, ways, now, moments, _seen_in_kibana(client, found.profiles, unseen), begins)


def _is_recent(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment <= UNSEEN_FOR


def _seen_in_kibana(client: PersonClient, uids: Mapping[str, str], names: Iterable[str]) -> dict[str, datetime]:
    wanted = {uids[name]: name for name in names if name in uids}
    try:
        seen = profiles.last_sign_ins(client, list(wanted))
    except errors.AccessDenied:  # profiles may be another's to see: nothing is known, then
        return {}
    return {wanted[uid]: moment for uid, moment in seen.items() if uid in wanted}
