"""When users were created, last changed their password, and last signed in, based on the audit trail."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from accounts.services.audit.actions import Action
from accounts.services.audit.reading import AUDIT_INDICES
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
BATCH_SIZE: Final = 1000


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
    names = {"terms": {"usermgmt.target.name": list(usernames)}}
    found = _aggregated({"terms": {"field": "usermgmt.target.name", "size": len(usernames)}}, names)
    return {bucket["key"]: _activity(bucket) for bucket in found.get("buckets", [])}


def activity_and_trail_start(usernames: Collection[str]) -> tuple[dict[str, UserActivity], datetime | None]:
    """The activity of these users, and `trail_start`, in one call. Raises Unavailable and NotSetUp."""
    listed = {**_successful(), "must": [{"terms": {"usermgmt.target.name": list(usernames)}}]}
    names = {"terms": {"field": "usermgmt.target.name", "size": max(1, len(usernames))}, "aggs": LATEST}
    aggregations: dict[str, Any] = {"known": {"filter": {"bool": listed}, "aggs": {"names": names}}, **FIRST}
    found = service_client().search(**AUDIT_INDICES, size=0, aggs=aggregations).get("aggregations", {})
    buckets = found.get("known", {}).get("names", {}).get("buckets", [])
    return {bucket["key"]: _activity(bucket) for bucket in buckets}, _time(found.get("first", {}))


def all_activity() -> dict[str, UserActivity]:
    """Of every user in the audit trail. Raises Unavailable and NotSetUp."""
    known: dict[str, UserActivity] = {}
    sources = [{"name": {"terms": {"field": "usermgmt.target.name"}}}]
    after: dict[str, Any] = {}
    while True:
        found = _aggregated({"composite": {"sources": sources, "size": BATCH_SIZE, **after}})
        known |= {bucket["key"]["name"]: _activity(bucket) for bucket in found.get("buckets", [])}
        if "after_key" not in found:
            return known
        after = {"after": found["after_key"]}


def trail_start() -> datetime | None:
    """The time of the first event, before which nothing is known; None for an empty audit trail."""
    found = service_client().search(**AUDIT_INDICES, size=0, aggs=FIRST)
    return _time(found.get("aggregations", {}).get("first", {}))


def _successful() -> dict[str, Any]:
    return {"filter": [USERS, {"term": {"event.outcome": "success"}}, {"terms": {"event.action": list(ACTIONS.values())}}]}


def _aggregated(by_name: dict[str, Any], *filters: dict[str, Any]) -> Mapping[str, Any]:
    query = {"bool": {**_successful(), "must": list(filters)}}
    found = service_client().search(**AUDIT_INDICES, query=query, size=0, aggs={"names": {**by_name, "aggs": LATEST}})
    answer: Mapping[str, Any] = found.get("aggregations", {}).get("names", {})
    return answer


def _activity(bucket: Mapping[str, Any]) -> UserActivity:
    last = {name: _time(bucket[name]["last"]) for name in ACTIONS}
    since = max((at for at in (last["created"], last["deleted"]) if at), default=None)
    now = {name: at if at and not (since and at < since) else None for name, at in last.items()}
    passwords = [at for at in (now["created"], now["password"]) if at]
    return UserActivity(now["created"], max(passwords, default=None), now["signed_in"], since)


def _time(aggregation: Mapping[str, Any]) -> datetime | None:
    value = aggregation.get("value")
    return datetime.fromtimestamp(value / 1000, UTC) if value is not None else None
