"""User profiles, which Kibana makes and refreshes when somebody signs in there (`_security/profile`)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from accounts.services import errors, users
from accounts.services.connection import Person

# Each id has some fifty letters, and a request line may have 4,096 bytes.
MOST_IDS: Final = 50


def last_sign_in(connection: Person, user: users.User) -> datetime | None:
    """When the user last signed in to Kibana; None when nothing is known of it. Two calls at most. Raises Refused."""
    uid = _uid(connection, user)
    if not uid:
        return None
    return next(iter(last_sign_ins(connection, [uid]).values()), None)


def last_sign_ins(connection: Person, uids: Sequence[str]) -> dict[str, datetime]:
    """When the users of these profiles last signed in to Kibana, by the profile's id. A call for every fifty. Raises Refused."""
    parts = [uids[start : start + MOST_IDS] for start in range(0, len(uids), MOST_IDS)]
    profiles = [profile for part in parts for profile in _profiles(connection, part)]
    return {profile["uid"]: datetime.fromtimestamp(profile["last_synchronized"] / 1000, UTC) for profile in profiles}


def _profiles(connection: Person, uids: Sequence[str]) -> Sequence[dict[str, Any]]:
    try:
        found: Sequence[dict[str, Any]] = connection.get_user_profile(uid=list(uids))["profiles"]
    except errors.NotFound:
        return []
    return found


def _uid(connection: Person, user: users.User) -> str | None:
    if user.is_reserved:  # `_query/user` does not know them
        found = connection.get_user(username=user.username, with_profile_uid=True).body.get(user.username, {})
    else:
        answer = connection.query_user(query={"term": {"username": user.username}}, size=1, with_profile_uid=True)
        found = next(iter(answer["users"]), {})
    uid: str | None = found.get("profile_uid")
    return uid
