"""User profiles, which Kibana creates and updates at each sign-in (`_security/profile`)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from accounts.services import errors
from accounts.services.client import PersonClient
from accounts.services.users import users

# An ID has about 50 characters, and a request line can have 4,096 bytes.
MAX_IDS: Final = 50


def last_sign_in(client: PersonClient, user: users.User) -> datetime | None:
    """The last sign-in to Kibana, or None without information. Two calls at most. Raises AccessDenied."""
    uid = _uid(client, user)
    if not uid:
        return None
    return next(iter(last_sign_ins(client, [uid]).values()), None)


def last_sign_ins(client: PersonClient, uids: Sequence[str]) -> dict[str, datetime]:
    """The last sign-in to Kibana by profile ID. One call per MAX_IDS profiles. Raises AccessDenied."""
    batches = [uids[start : start + MAX_IDS] for start in range(0, len(uids), MAX_IDS)]
    profiles = [profile for batch in batches for profile in _profiles(client, batch)]
    return {profile["uid"]: datetime.fromtimestamp(profile["last_synchronized"] / 1000, UTC) for profile in profiles}


def _profiles(client: PersonClient, uids: Sequence[str]) -> Sequence[dict[str, Any]]:
    try:
        found: Sequence[dict[str, Any]] = client.get_user_profile(uid=list(uids))["profiles"]
    except errors.NotFound:
        return []
    return found


def _uid(client: PersonClient, user: users.User) -> str | None:
    if user.is_reserved:  # `_query/user` has only native users
        found = client.get_user(username=user.username, with_profile_uid=True).body.get(user.username, {})
    else:
        answer = client.query_user(query={"term": {"username": user.username}}, size=1, with_profile_uid=True)
        found = next(iter(answer["users"]), {})
    uid: str | None = found.get("profile_uid")
    return uid
