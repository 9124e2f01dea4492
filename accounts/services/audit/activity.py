"""When users were created, got their password and last signed in here, as far as the trail knows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from accounts.services.audit.reading import PLACE
from accounts.services.client import service_client

LISTED: Final = {"term": {"usermgmt.target.kind": "user"}}
ACTIONS: Final = {"created": "user-create", "deleted": "user-delete", "password": "password-change", "signed_in": "sign-in"}
# The last moment of each; a change whose outcome was looked up later counts as well.
LATEST: Final = {
    name: {"filter": {"term": {"event.action": action}}, "aggs": {"last": {"max": {"field": "@timestamp"}}}}
    for name, action in ACTIONS.items()
}
FIRST: Final = {"first": {"min": {"field": "@timestamp"}}}
A_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class UserActivity:
    """Of one user; None where the trail knows of none."""

    created: datetime | None = None
    password_changed: datetime | None = None
    last_sign_in: datetime | None = None


def activity_of(usernames: Collection[str]) -> dict[str, UserActivity]:
    """Of those of the users that the trail knows, in one call. Raises Unavailable and NotSetUp."""
    if not usernames:
        return {}
    names = {"terms": {"usermgmt.target.name": list(usernames)}}
    found = _ask({"terms": {"field": "usermgmt.target.name", "size": len(usernames)}}, names)
    return {bucket["key"]: _moments(bucket) for bucket in found.get("buckets", [])}


def activity_and_trail_start(usernames: Collection[str]) -> tuple[dict[str, UserActivity], datetime | None]:
    """The moments of these users, and when the trail begins, in one call. Raises Unavailable and NotSetUp."""
    listed = {**_happened(), "must": [{"terms": {"usermgmt.target.name": list(usernames)}}]}
    names = {"terms": {"field": "usermgmt.target.name", "size": max(1, len(usernames))}, "aggs": LATEST}
    found = service_client().search(
        **PLACE, size=0, aggs={"known": {"filter": {"bool": listed}, "aggs": {"names": names}}, **FIRST}
    )
    aggregations = found.get("aggregations", {})
    buckets = aggregations.get("known", {}).get("names", {}).get("buckets", [])
    return {bucket["key"]: _moments(bucket) for bucket in buckets}, _moment(aggregations.get("first", {}))


def all_activity() -> dict[str, UserActivity]:
    """Of every user that the trail knows. Raises Unavailable and NotSetUp."""
    known: dict[str, UserActivity] = {}
    sources = [{"name": {"terms": {"field": "usermgmt.target.name"}}}]
    after: dict[str, Any] = {}
    while True:
        found = _ask({"composite": {"sources": sources, "size": A_PAGE, **after}})
        known |= {bucket["key"]["name"]: _moments(bucket) for bucket in found.get("buckets", [])}
        if "after_key" not in found:
            return known
        after = {"after": found["after_key"]}


def trail_start() -> datetime | None:
    """When the first event was written: what happened before is not known. None for an empty trail."""
    found = service_client().search(**PLACE, size=0, aggs=FIRST)
    return _moment(found.get("aggregations", {}).get("first", {}))


def _happened() -> dict[str, Any]:
    return {"filter": [LISTED, {"term": {"event.outcome": "success"}}, {"terms": {"event.action": list(ACTIONS.values())}}]}


def _ask(by_name: dict[str, Any], *filters: dict[str, Any]) -> Mapping[str, Any]:
    query = {"bool": {**_happened(), "must": list(filters)}}
    found = service_client().search(**PLACE, query=query, size=0, aggs={"names": {**by_name, "aggs": LATEST}})
    answer: Mapping[str, Any] = found.get("aggregations", {}).get("names", {})
    return answer


def _moments(bucket: Mapping[str, Any]) -> UserActivity:
    last = {name: _moment(bucket[name]["last"]) for name in ACTIONS}
    # Somebody of that name who was deleted is not the user who has the name now.
    now = {name: at if at and not (last["deleted"] and at < last["deleted"]) else None for name, at in last.items()}
    passwords = [at for at in (now["created"], now["password"]) if at]
    return UserActivity(now["created"], max(passwords, default=None), now["signed_in"])


def _moment(aggregation: Mapping[str, Any]) -> datetime | None:
    value = aggregation.get("value")
    return datetime.fromtimestamp(value / 1000, UTC) if value is not None else None
