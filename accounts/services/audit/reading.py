"""Searching the audit trail, with the API key of usermgmt; each event is merged from its stages.

A page takes two calls: a search, and one `_mget` for the outcomes of the intents on it (real-time, without a refresh).
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from accounts.services import errors
from accounts.services.audit import histogram, queries
from accounts.services.audit.actions import USER_CHANGES
from accounts.services.audit.events import STAGES, Event
from accounts.services.audit.queries import Query
from accounts.services.client import service_client
from accounts.services.documents import indices

# A search fails if a month can't be read. Otherwise Elasticsearch would leave it out, with status 200.
AUDIT_INDICES: Final[dict[str, Any]] = {
    "index": indices.AUDIT_PATTERN,
    "expand_wildcards": ["open", "hidden"],
    "ignore_unavailable": True,
    "allow_partial_search_results": False,
}
READABLE_INDICES: Final = {**AUDIT_INDICES, "allow_partial_search_results": True}
NEWEST_FIRST: Final[list[Mapping[str, Any]]] = [
    {"@timestamp": {"order": "desc", "unmapped_type": "date_nanos"}},
    {"event.id": {"order": "desc", "unmapped_type": "keyword"}},
]
OLDEST_FIRST: Final = [{name: {**how, "order": "asc"}} for order in NEWEST_FIRST for name, how in order.items()]
BATCH_SIZE: Final = 1000
# An outcome that is missing by then will never come: no call takes that long.
OUTCOME_TIMEOUT: Final = timedelta(minutes=2)
METADATA_ERASED: Final[dict[str, Any]] = {"term": {"event.reason": errors.MetadataErased.code}}  # a failure that was applied
# Counts of different values, exact for one and two, with few bytes for each event.
SAME_AT_ALL_STAGES: Final[dict[str, Any]] = {
    name: {"cardinality": {"field": field, "precision_threshold": 1, "execution_hint": "direct"}}
    for name, field in (("actors", "user.name"), ("actions", "event.action"), ("targets", "usermgmt.target.name"))
}
MAX_UNKNOWN: Final = 200
MAX_ALL_UNKNOWN: Final = 10_000
MAX_CHANGES: Final = 3000  # each has three stages, and one call reads up to 10,000


@dataclass(frozen=True, slots=True)
class Page:
    """Some events, newest first; `next` leads to older ones ("" at the end), `bars` is the histogram of all that match.

    `is_partial`: events are missing, because a month can't be read.
    """

    events: Sequence[Event]
    next: str = ""
    bars: Sequence[histogram.Bar] = ()
    is_partial: bool = False


def search(query: Query, *, allows_partial: bool = False) -> Page:
    """The events that match. `allows_partial`: without a month that can't be read, instead of Unavailable.

    Raises Unavailable, NotSetUp, and Invalid for an `after` that isn't the `next` of a page.
    """
    found = service_client().search(
        **(READABLE_INDICES if allows_partial else AUDIT_INDICES),
        query=queries.body(query, _without_outcome(query, MAX_UNKNOWN)) if query.outcome == "unknown" else _known_body(query),
        sort=NEWEST_FIRST,
        size=query.size + 1,
        search_after=json.loads(query.after) if query.after else None,
        aggs={"bars": histogram.aggregation(query)},
        track_total_hits=False,
    )
    hits = found["hits"]["hits"]
    more = json.dumps(hits[query.size - 1]["sort"]) if len(hits) > query.size else ""
    events = _merged_events(hits[: query.size])
    if query.outcome:  # the search doesn't find yet what was verified a moment ago, and finds outcomes of no change
        events = [event for event in events if event.outcome == query.outcome]
    return Page(events, more, histogram.bars(found.get("aggregations", {})), bool(found["_shards"]["failed"]))


def count(query: Query) -> int:
    """How many events match. Raises Unavailable and NotSetUp."""
    found = service_client().search(**AUDIT_INDICES, query=_whole_body(query), size=0, track_total_hits=True)
    total: int = found["hits"]["total"]["value"]
    return total


def batches(query: Query) -> Iterator[list[Event]]:
    """All events that match, oldest first, with two calls for each batch. Raises Unavailable and NotSetUp."""
    for hits in _all_hits(_whole_body(query)):
        yield _merged_events(hits)


def of_target(kind: str, name: str, size: int = 50, after: str = "") -> Page:
    """The events of a target."""
    return search(Query(kind=kind, target=name, size=size, after=after))


def count_without_failures(query: Query) -> int:
    """How many of the events that match were applied or have an unknown outcome. Raises Unavailable and NotSetUp."""
    failed = queries.body(replace(query, outcome="failure"), None)
    both = {"all": queries.body(query, None), "failed": {"bool": {"must": failed, "must_not": METADATA_ERASED}}}
    found = service_client().search(**AUDIT_INDICES, size=0, aggs={name: {"filter": each} for name, each in both.items()})
    counts: dict[str, int] = {name: each["doc_count"] for name, each in found.get("aggregations", {}).items()}
    return counts.get("all", 0) - counts.get("failed", 0)


def changes_of(
    names: Collection[str], since: datetime, kind: str = "user", actions: Collection[str] = USER_CHANGES
) -> dict[str, list[Event]]:
    """The changes of each of these users, or other targets, since then, newest first; those without changes are left out."""
    if not names:
        return {}
    filters = queries.body(Query(kind=kind, actions=actions, since=since), None)["bool"]["filter"]
    filters.append({"terms": {"usermgmt.target.name": list(names)}})
    found = service_client().search(**AUDIT_INDICES, query={"bool": {"filter": filters}}, sort=NEWEST_FIRST, size=MAX_CHANGES)
    changes: dict[str, list[Event]] = {}
    for event in _merged_events(found["hits"]["hits"]):
        changes.setdefault(event.target, []).append(event)
    return changes


def of_requests(
    requests: Collection[str], usernames: Collection[str], actions: Collection[str] = USER_CHANGES
) -> dict[tuple[str, str], Event]:
    """The changes of these users by these requests (their IDs), by request and username: the newest of each."""
    filters = queries.body(Query(kind="user", actions=actions), None)["bool"]["filter"]
    filters += [{"terms": {"trace.id": list(requests)}}, {"terms": {"usermgmt.target.name": list(usernames)}}]
    found = service_client().search(**AUDIT_INDICES, query={"bool": {"filter": filters}}, sort=NEWEST_FIRST, size=MAX_CHANGES)
    return {(event.request, event.target): event for event in reversed(_merged_events(found["hits"]["hits"]))}


def get(event_id: str) -> Event:
    """One event with all its stages; a damaged one by the ID of its document. Raises EventNotFound."""
    first = [{"term": {"event.id": event_id}}, {"terms": {"usermgmt.stage": ["intent", "single"]}}]
    query = {"bool": {"should": [{"bool": {"filter": first}}, {"ids": {"values": [event_id]}}]}}
    hits = service_client().search(**AUDIT_INDICES, query=query, sort=OLDEST_FIRST, size=1)["hits"]["hits"]
    found = [event for event in map(Event.of, hits) if event.stage in ("intent", "single")]
    if not found:
        raise errors.EventNotFound(event_id)
    return _merged(found)[0]


def time_of(aggregation: Mapping[str, Any]) -> datetime | None:
    """The result of a `min` or `max` of times; None without documents."""
    value = aggregation.get("value")
    return datetime.fromtimestamp(value / 1000, UTC) if value is not None else None


def _merged_events(hits: Iterable[Mapping[str, Any]]) -> list[Event]:
    return _merged([Event.of(hit) for hit in hits])


def _merged(found: Sequence[Event]) -> list[Event]:
    """Each event once, with its outcome."""
    events = {event.id or f"{number}": event for number, event in enumerate(found)}  # a damaged one may have no ID
    known = {f"{event.id}-{event.stage}": event for event in found}
    wanted = [
        {"_index": event.index, "_id": id}
        for event in events.values()
        if event.stage != "single"
        for stage in ("intent", "outcome", "verified")
        if (id := f"{event.id}-{stage}") not in known
    ]
    stages = service_client().mget(docs=wanted)["docs"] if wanted else []
    known |= {doc["_id"]: Event.of(doc) for doc in stages if doc.get("found")}
    return [merged(event, known) for event in events.values()]


def merged(event: Event, known: Mapping[str, Event]) -> Event:
    """One event of its stages, by document ID."""
    if event.stage == "single":
        return event
    if damaged := next((each for each in (known.get(f"{event.id}-{stage}") for stage in STAGES) if each and each.is_damaged), None):
        return replace(event, outcome="unknown", reason=damaged.reason)
    intent = known.get(f"{event.id}-intent", event)
    later = (known.get(f"{event.id}-{stage}") for stage in ("outcome", "verified"))
    outcome, verification = (each if each and each.is_stage_of(intent) else None for each in later)
    if outcome:
        intent = replace(
            intent,
            stage="outcome",
            outcome=outcome.outcome,
            reason=outcome.reason,
            details=outcome.details,
            ended=outcome.moment,
        )
    if verification and intent.outcome in ("", "unknown"):
        return replace(
            intent,
            stage="verified",
            outcome=verification.outcome,
            reason=verification.reason,
            ended=intent.moment,
            verification=verification,
        )
    if not outcome and timezone.now() - intent.moment > OUTCOME_TIMEOUT:
        return replace(intent, outcome="unknown")
    return intent


def _whole_body(query: Query) -> dict[str, Any]:
    """The query of all events that match, not only of the latest with unknown outcome. Raises Unavailable if there are too many."""
    if query.outcome != "unknown":
        return _known_body(query)
    ids = _without_outcome(query, MAX_ALL_UNKNOWN)
    if len(ids) == MAX_ALL_UNKNOWN:
        raise errors.Unavailable(f"there are {len(ids):,} or more events with unknown outcome")
    return queries.body(query, ids)


def _known_body(query: Query) -> dict[str, Any]:
    """The query, where an event belongs to the period in which it began, whenever its outcome was recorded."""
    if not query.outcome:
        return queries.body(query, None)
    now = timezone.now()
    before, within = (_begun_before(query, at) if at and at < now else [] for at in (query.since, query.until))
    return queries.body(query, None, before, within)


def _begun_before(query: Query, moment: datetime) -> list[str]:
    """The IDs of the changes that match, began before that time, and ended after it."""
    found: list[str] = []
    for hits in _all_hits(queries.outcomes_after(query, moment, OUTCOME_TIMEOUT)):
        intents = [{"_index": hit["_index"], "_id": f"{Event.of(hit).id}-intent"} for hit in hits]
        documents = service_client().mget(docs=intents)["docs"] if intents else []
        found += [event.id for event in (Event.of(each) for each in documents if each.get("found")) if event.moment < moment]
    return found


def _without_outcome(query: Query, limit: int) -> list[str]:
    """The IDs of the latest changes with unknown outcome that match. All stages of an event are in one index, so this is exact.

    Whoever can write to the index can add an outcome that isn't of the change: its actor, action, or target differ then.
    """
    known = {"bool": {"should": [{"terms": {"event.outcome": ["success", "failure"]}}, {"term": {"usermgmt.stage": "verified"}}]}}
    # A younger change without an outcome is in progress. One with a recorded outcome is found by that.
    latest = timezone.now() - OUTCOME_TIMEOUT
    answer = service_client().search(
        **READABLE_INDICES,  # for a search that fails, or for one that says so
        query=queries.all_stages(replace(query, until=min(query.until or latest, latest))),
        size=0,
        aggs={
            "events": {
                "terms": {"field": "event.id", "size": limit, "order": [{"known": "asc"}, {"latest": "desc"}]},
                "aggs": {"known": {"filter": known}, "latest": {"max": {"field": "@timestamp"}}},
            },
            "contradictory": {
                "terms": {"field": "event.id", "size": limit, "order": [{name: "desc"} for name in SAME_AT_ALL_STAGES]},
                "aggs": SAME_AT_ALL_STAGES,
            },
        },
    )
    found = answer.get("aggregations", {"events": {"buckets": []}, "contradictory": {"buckets": []}})
    ids = [bucket["key"] for bucket in found["events"]["buckets"] if not bucket["known"]["doc_count"]]
    contradictory = {each["key"] for each in found["contradictory"]["buckets"] if _is_contradictory(each)}
    return [*_unknown_of(contradictory.difference(ids)), *ids][:limit]


def _is_contradictory(bucket: Mapping[str, Any]) -> bool:
    return any(bucket[name]["value"] > 1 for name in SAME_AT_ALL_STAGES)


def _unknown_of(ids: Collection[str]) -> list[str]:
    """The IDs of those events whose outcome is unknown. Two calls, if there are any."""
    if not ids:
        return []
    intents = [{"terms": {"event.id": list(ids)}}, {"term": {"usermgmt.stage": "intent"}}]
    found = service_client().search(**AUDIT_INDICES, query={"bool": {"filter": intents}}, sort=NEWEST_FIRST, size=MAX_ALL_UNKNOWN)
    return [event.id for event in _merged_events(found["hits"]["hits"]) if event.outcome == "unknown"]


def applied_changes(kind: str, since: datetime | None = None) -> Iterator[Event]:
    """Every change of that kind that was made (see `Event.is_applied`), oldest first."""
    filters: list[dict[str, Any]] = [
        {"term": {"usermgmt.target.kind": kind}},
        {"bool": {"should": [{"term": {"event.outcome": "success"}}, METADATA_ERASED]}},
        {"terms": {"usermgmt.stage": ["outcome", "verified"]}},
    ]
    if since:
        filters.append({"range": {"@timestamp": {"gte": since.isoformat()}}})
    for hits in _all_hits({"bool": {"filter": filters}}):
        yield from map(Event.of, hits)


def _all_hits(query: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """Oldest first, some at a time. Events are never changed or deleted, so each batch starts after the last hit."""
    after = None
    while True:
        found = service_client().search(**AUDIT_INDICES, query=query, sort=OLDEST_FIRST, size=BATCH_SIZE, search_after=after)
        hits = found["hits"]["hits"]
        yield hits
        if len(hits) < BATCH_SIZE:
            return
        after = hits[-1]["sort"]
