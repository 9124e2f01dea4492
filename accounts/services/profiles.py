"""User profiles, which Kibana makes and refreshes when somebody signs in there (`_security/profile`)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from accounts.services import errors, users
from accounts.services.connection import Person


def last_sign_in(connection: Person, user: users.User) -> datetime | None:
    """When the user last signed in to Kibana; None when nothing is known of it. Two calls at most. Raises Refused."""
    uid = _uid(connection, user)
    return last_sign_ins(connection, [uid]).get(uid) if uid else None


def last_sign_ins(connection: Person, uids: Sequence[str]) -> dict[str, datetime]:
    """When the users of these profiles last signed in to Kibana, by profile; one call. Raises Refused."""
    try:
        profiles = connection.get_user_profile(uid=uids)["profiles"] if uids else []
    except errors.NotFound:
        return {}
    return {profile["uid"]: datetime.fromtimestamp(profile["last_synchronized"] / 1000, UTC) for profile in profiles}


def _uid(connection: Person, user: users.User) -> str | None:
    if user.is_reserved:  # `_query/user` does not know them
        found = connection.get_user(username=user.username, with_profile_uid=True).body.get(user.username, {})
    else:
        answer = connection.query_user(query={"term": {"username": user.username}}, size=1, with_profile_uid=True)
        found = next(iter(answer["users"]), {})
    uid: str | None = found.get("profile_uid")
    return uid
