"""When users were created, last changed their password, and last signed in, based on the audit trail."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from accounts.services.audit.actions import Action
from accounts.services.audit.reading import AUDIT_INDICES, time_of
from accounts.services.client import service_client

USERS: Final = {"term": {"usermgmt.target.kind": "user"}}
ACTIONS: Final = {
    "created": Action.USER_CREATE,
    "deleted": Action.USER_DELETE,
    "password": Action.PASSWORD_CHANGE,
    "signed_in": Action.SIGN_IN,
}
# The latest event of each; a change whose outcome was verified later counts, too.
LATEST: Final = {
    name: {"filter": {"term": {"event.action": action}}, "aggs": {"last": {"max": {"field": "@timestamp"}}}}
    for name, action in ACTIONS.items()
}
FIRST: Final = {"first": {"min": {"field": "@timestamp"}}}


@dataclass(frozen=True, slots=True)
class UserActivity:
    """None where the audit trail has no event. `since`: when a user of this name was last created or deleted.

    What is older than that is about another user.
    """

    created: datetime | None = None
    password_changed: datetime | None = None
    last_sign_in: datetime | None = None
    since: datetime | None = None


def activity_of(usernames: Collection[str]) -> dict[str, UserActivity]:
    """Of those of the users that the audit trail knows, in one call. Raises Unavailable and NotSetUp."""
    if not usernames:
        return {}
    query = {"bool": _successful(usernames)}
    found = service_client().search(**AUDIT_INDICES, query=query, size=0, aggs={"names": _by_name(usernames)})
    return _activities(found.get("aggregations", {}))


def activity_and_trail_start(usernames: Collection[str]) -> tuple[dict[str, UserActivity], datetime | None]:
    """The activity of these users, and `trail_start`, in one call. Raises Unavailable and NotSetUp."""
    known = {"filter": {"bool": _successful(usernames)}, "aggs": {"names": _by_name(usernames)}}
    found = service_client().search(**AUDIT_INDICES, size=0, aggs={"known": known, **FIRST}).get("aggregations", {})
    return _activities(found.get("known", {})), time_of(found.get("first", {}))


def trail_start() -> datetime | None:
    """The time of the first event, before which nothing is known; None for an empty audit trail."""
    found = service_client().search(**AUDIT_INDICES, size=0, aggs=FIRST)
    return time_of(found.get("aggregations", {}).get("first", {}))


def _successful(usernames: Collection[str]) -> dict[str, Any]:
    names = {"terms": {"usermgmt.target.name": list(usernames)}}
    return {"filter": [USERS, names, {"term": {"event.outcome": "success"}}, {"terms": {"event.action": list(ACTIONS.values())}}]}


def _by_name(usernames: Collection[str]) -> dict[str, Any]:
    return {"terms": {"field": "usermgmt.target.name", "size": max(1, len(usernames))}, "aggs": LATEST}


def _activities(found: Mapping[str, Any]) -> dict[str, UserActivity]:
    return {bucket["key"]: _activity(bucket) for bucket in found.get("names", {}).get("buckets", [])}


def _activity(bucket: Mapping[str, Any]) -> UserActivity:
    last = {name: time_of(bucket[name]["last"]) for name in ACTIONS}
    since = max((at for at in (last["created"], last["deleted"]) if at), default=None)
    now = {name: at if at and not (since and at < since) else None for name, at in last.items()}
    passwords = [at for at in (now["created"], now["password"]) if at]
    return UserActivity(now["created"], max(passwords, default=None), now["signed_in"], since)
