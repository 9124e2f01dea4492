"""Finding events in the trail, with the product's own key; each is put together from its stages.

A page takes two calls: a search, and one `_mget` for what became of the intents on it (real-time, without a refresh).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from accounts.services import errors
from accounts.services.audit import histogram, queries
from accounts.services.audit.events import Event
from accounts.services.audit.queries import Query
from accounts.services.client import service_client
from accounts.services.documents import indices

PLACE: Final[dict[str, Any]] = {"index": indices.AUDIT_PATTERN, "expand_wildcards": ["open", "hidden"], "ignore_unavailable": True}
NEWEST_FIRST: Final[list[Mapping[str, Any]]] = [
    {"@timestamp": {"order": "desc", "unmapped_type": "date_nanos"}},
    {"event.id": {"order": "desc", "unmapped_type": "keyword"}},
]
OLDEST_FIRST: Final = [{name: {**how, "order": "asc"}} for order in NEWEST_FIRST for name, how in order.items()]
A_PORTION: Final = 1000
# An outcome that is not there by now will not come any more: no call may take so long.
OUTCOME_EXPECTED_FOR: Final = timedelta(minutes=2)
MOST_UNKNOWN: Final = 200
CHANGES: Final = ("user-create", "user-update", "user-enable", "user-disable", "user-delete")
MOST_CHANGES: Final = 3000  # each is looked up in three stages, of which one call takes 10,000


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first; `next` leads to the older ones ("" at the end), `bars` counts all that fit."""

    events: Sequence[Event]
    next: str = ""
    bars: Sequence[histogram.Bar] = ()


def search(query: Query) -> Page:
    """The events that fit. Raises Unavailable, NotSetUp, and Invalid for a `next` that is not ours."""
    found = service_client().search(
        **PLACE,
        query=queries.body(query, _without_outcome() if query.outcome == "unknown" else None),
        sort=NEWEST_FIRST,
        size=query.size + 1,
        search_after=json.loads(query.after) if query.after else None,
        aggs={"bars": histogram.aggregation(query)},
        track_total_hits=False,
    )
    hits = found["hits"]["hits"]
    more = json.dumps(hits[query.size - 1]["sort"]) if len(hits) > query.size else ""
    return Page(_together(hits[: query.size]), more, histogram.bars(found.get("aggregations", {})))


def of_target(kind: str, name: str, size: int = 50, after: str = "") -> Page:
    """What was done to somebody or something."""
    return search(Query(kind=kind, target=name, size=size, after=after))


def of_actor(username: str, size: int = 50, after: str = "") -> Page:
    """What somebody did, whatever the realm."""
    return search(Query(actor=username, size=size, after=after))


def changes_of(usernames: Collection[str], since: datetime) -> dict[str, list[Event]]:
    """What was done to each of these users since a moment, newest first; those with nothing are left out."""
    if not usernames:
        return {}
    filters = queries.body(Query(kind="user", since=since), None)["bool"]["filter"]
    filters += [{"terms": {"usermgmt.target.name": list(usernames)}}, {"terms": {"event.action": list(CHANGES)}}]
    found = service_client().search(**PLACE, query={"bool": {"filter": filters}}, sort=NEWEST_FIRST, size=MOST_CHANGES)
    changes: dict[str, list[Event]] = {}
    for event in _together(found["hits"]["hits"]):
        changes.setdefault(event.target, []).append(event)
    return changes


def get(event_id: str) -> Event:
    """One event with all that is known of it. Raises NotFound."""
    hits = service_client().search(**PLACE, query={"term": {"event.id": event_id}}, sort=NEWEST_FIRST, size=10)["hits"]["hits"]
    first = [hit for hit in hits if hit["_source"]["usermgmt"]["stage"] in ("intent", "note")]
    if not first:
        raise errors.NotFound(event_id)
    return _together(first)[0]


def _together(hits: Iterable[Mapping[str, Any]]) -> list[Event]:
    """Each event once, with what became of it."""
    events = {event.id: event for event in map(Event.of, hits)}
    wanted = [
        {"_index": event.index, "_id": f"{event.id}-{stage}"}
        for event in events.values()
        if event.stage != "note"
        for stage in ("intent", "outcome", "resolved")
    ]
    stages = service_client().mget(docs=wanted)["docs"] if wanted else []
    known = {doc["_id"]: Event.of(doc) for doc in stages if doc.get("found")}
    return [merged(event, known) for event in events.values()]


def merged(event: Event, known: Mapping[str, Event]) -> Event:
    """One event of its stages, each under its document's id."""
    if event.stage == "note":
        return event
    intent = known.get(f"{event.id}-intent", event)
    outcome, resolution = known.get(f"{event.id}-outcome"), known.get(f"{event.id}-resolved")
    if outcome and outcome.outcome != "unknown":
        return replace(
            intent,
            stage="outcome",
            outcome=outcome.outcome,
            reason=outcome.reason,
            details=outcome.details,
            ended=outcome.moment,
        )
    if resolution:
        return replace(
            intent,
            stage="resolved",
            outcome=resolution.outcome,
            reason=resolution.reason,
            ended=intent.moment,
            resolution=resolution,
        )
    if outcome or timezone.now() - intent.moment > OUTCOME_EXPECTED_FOR:
        return replace(intent, outcome="unknown", reason=outcome.reason if outcome else "")
    return intent


def _without_outcome() -> list[str]:
    """The ids of changes of which nobody knows what became of them. All stages of an event are in one index, so it is exact."""
    known = {"bool": {"should": [{"terms": {"event.outcome": ["success", "failure"]}}, {"term": {"usermgmt.stage": "resolved"}}]}}
    answer = service_client().search(
        **PLACE,
        query={"terms": {"usermgmt.stage": ["intent", "outcome", "resolved"]}},
        size=0,
        aggs={
            "events": {
                "terms": {"field": "event.id", "size": MOST_UNKNOWN, "order": {"known": "asc"}},
                "aggs": {"known": {"filter": known}},
            }
        },
    )
    buckets = answer.get("aggregations", {}).get("events", {}).get("buckets", [])
    return [bucket["key"] for bucket in buckets if not bucket["known"]["doc_count"]]


def successful_changes(kind: str, since: datetime | None = None) -> Iterator[Event]:
    """Every change of that kind that was done, the oldest first, one page after the other."""
    filters: list[dict[str, Any]] = [
        {"term": {"usermgmt.target.kind": kind}},
        {"term": {"event.outcome": "success"}},
        {"terms": {"usermgmt.stage": ["outcome", "resolved"]}},
    ]
    if since:
        filters.append({"range": {"@timestamp": {"gte": since.isoformat()}}})
    after = None
    while True:
        found = service_client().search(
            **PLACE, query={"bool": {"filter": filters}}, sort=OLDEST_FIRST, size=A_PORTION, search_after=after
        )
        hits = found["hits"]["hits"]
        yield from map(Event.of, hits)
        if len(hits) < A_PORTION:
            return
        after = hits[-1]["sort"]
