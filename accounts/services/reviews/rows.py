"""What a review freezes of each user."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from accounts.services import audit, cluster_privileges, privileges, roles
from accounts.services.connection import Person
from accounts.services.roles import Role
from accounts.services.users import User


def of_users(connection: Person, users: Sequence[User]) -> list[dict[str, Any]]:
    """A row for each; None for what nobody knows. Three calls for all of them."""
    names = [user.username for user in users]
    known = roles.by_name(connection, {role for user in users for role in user.roles})
    keys, moments = living_keys(connection, names), audit.moments(names)
    return [_row(user, [known[role] for role in user.roles], keys, moments.get(user.username)) for user in users]


def living_keys(connection: Person, usernames: Sequence[str]) -> dict[str, int]:
    """How many API keys of each of the users work now (`_security/_query/api_key`); those with none are left out."""
    now = datetime.now(UTC).isoformat()
    lives = [{"bool": {"must_not": {"exists": {"field": "expiration"}}}}, {"range": {"expiration": {"gt": now}}}]
    answer = connection.query_api_keys(
        query={
            "bool": {
                "filter": [{"terms": {"username": list(usernames)}}, {"term": {"invalidated": False}}],
                "should": lives,
                "minimum_should_match": 1,
            }
        },
        size=0,
        aggs={"owners": {"terms": {"field": "username", "size": max(1, len(usernames))}}},
    )
    # An answer without a key has no aggregations.
    buckets = answer.get("aggregations", {}).get("owners", {}).get("buckets", [])
    return {bucket["key"]: bucket["doc_count"] for bucket in buckets}


def _row(user: User, its_roles: Sequence[Role], keys: Mapping[str, int], moments: audit.Moments | None) -> dict[str, Any]:
    cluster = [privilege for role in its_roles for privilege in role.cluster]
    known = moments or audit.Moments()
    return {
        "username": user.username,
        "full_name": user.full_name,
        "email": user.email,
        "enabled": user.enabled,
        "reserved": user.is_reserved,
        "deprecated": user.is_deprecated,
        "roles": list(user.roles),
        "unknown_roles": [role.name for role in its_roles if role.is_unknown],
        "may_change_users": cluster_privileges.holds(cluster, privileges.MANAGE_SECURITY),
        "api_keys": keys.get(user.username, 0),
        "created": _text(known.created),
        "last_sign_in": _text(known.last_sign_in),
        "password_changed": _text(known.password_changed),
        "metadata": {key: value for key, value in user.metadata.items() if not key.startswith("_")},
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
