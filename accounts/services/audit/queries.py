"""Queries of the audit trail."""

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.services.audit.actions import Action
from accounts.services.documents.queries import contains

TEXTS = ("user.name", "usermgmt.target.name", "event.action", "usermgmt.changes.before", "usermgmt.changes.after")
IDS = ("trace.id", "usermgmt.session", "event.id")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # the trail has nothing before it
# Take longer than one call, up to a long download.
LONG_ACTIONS = (Action.EXPORT, Action.RECORDS_DELETE, Action.REVIEW_SNAPSHOT, Action.REVIEW_SIGN_OFF)


@dataclass(frozen=True, slots=True)
class Query:
    """ "", (), and None mean any. `text` is searched for in names, actions, changed values, IDs, and addresses."""

    text: str = ""
    actor: str = ""
    kind: str = ""
    target: str = ""
    action: str = ""
    actions: Collection[str] = ()
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    size: int = 50
    after: str = ""

    @property
    def is_by_outcome(self) -> bool:
        """Whether the documents of outcomes are searched, so that the order and the histogram are by their time.

        That is the time at which they were written, because log shippers read by `@timestamp`: one that is as old as its intent
        would be missed after a long action. With the time of the intent in a field of its own, months with and without the field
        would need two ways to sort and to count, for a difference that only actions of minutes have.
        """
        return self.outcome in ("success", "failure")


def body(query: Query, ids: Sequence[str] | None, before: Sequence[str] = (), within: Sequence[str] = ()) -> dict[str, Any]:
    """As Elasticsearch takes it. `ids`: only the intents of these events.

    With an outcome, the documents of outcomes are searched. `before`: the changes that began before the period and ended in it;
    `within`: those that began in it and ended after it.
    """
    filters = _of_event(query)
    if ids is not None:
        filters += [{"terms": {"event.id": list(ids)}}, {"term": {"usermgmt.stage": "intent"}}]
    elif query.outcome:
        filters += [{"terms": {"usermgmt.stage": ["outcome", "single", "verified"]}}, {"term": {"event.outcome": query.outcome}}]
    else:
        filters.append({"terms": {"usermgmt.stage": ["intent", "single"]}})
    # Without a start, Elasticsearch takes the earliest time there is for one, and the histogram fails.
    since = query.since or (EPOCH if query.until else None)
    if period := {name: moment.isoformat() for name, moment in (("gte", since), ("lt", query.until)) if moment}:
        inside = {"range": {"@timestamp": period}}
        filters.append({"bool": {"should": [inside, {"terms": {"event.id": list(within)}}]}} if within else inside)
    return {"bool": {"filter": filters, "must_not": [{"terms": {"event.id": list(before)}}] if before else []}}


def outcomes_after(query: Query, moment: datetime, timeout: timedelta) -> dict[str, Any]:
    """The outcomes that match, whatever the period, of changes that may have begun before that time.

    `timeout`: how long a change takes at most; one of LONG_ACTIONS may take a day.
    """
    soon = {"range": {"@timestamp": {"gte": moment.isoformat(), "lt": (moment + timeout).isoformat()}}}
    later = {"range": {"@timestamp": {"gte": moment.isoformat(), "lt": (moment + timedelta(days=1)).isoformat()}}}
    long = {"bool": {"filter": [later, {"terms": {"event.action": list(LONG_ACTIONS)}}]}}
    filters = [*_of_event(query), {"term": {"usermgmt.stage": "outcome"}}, {"term": {"event.outcome": query.outcome}}]
    return {"bool": {"filter": [*filters, {"bool": {"should": [soon, long]}}]}}


def all_stages(query: Query) -> dict[str, Any]:
    """All stages of the changes that match. A stage after `until` may be of a change before it."""
    filters = [*_of_event(query), {"terms": {"usermgmt.stage": ["intent", "outcome", "verified"]}}]
    if query.since:
        filters.append({"range": {"@timestamp": {"gte": query.since.isoformat()}}})
    if query.until:
        started = {"range": {"@timestamp": {"lt": query.until.isoformat()}}}
        later = {"terms": {"usermgmt.stage": ["outcome", "verified"]}}
        filters.append({"bool": {"should": [started, later], "minimum_should_match": 1}})
    return {"bool": {"filter": filters}}


def _of_event(query: Query) -> list[dict[str, Any]]:
    """The filters for what all stages of an event have."""
    terms = {
        "user.name": query.actor,
        "usermgmt.target.kind": query.kind,
        "usermgmt.target.name": query.target,
        "event.action": query.action,
    }
    filters: list[dict[str, Any]] = [{"term": {name: value}} for name, value in terms.items() if value]
    if query.actions:
        filters.append({"terms": {"event.action": list(query.actions)}})
    if query.text:
        filters.append(_containing(query.text))
    return filters


def _containing(text: str) -> dict[str, Any]:
    anywhere = [contains(name, text) for name in TEXTS]
    exactly = [{"term": {name: text}} for name in IDS]
    return {"bool": {"should": [*anywhere, *exactly, *_address(text)], "minimum_should_match": 1}}


def _address(text: str) -> list[dict[str, Any]]:
    """For an address, or a network such as 10.0.0.0/8. Elasticsearch rejects forms such as 10.0.0.0/255.0.0.0 and ::ffff:0:0/96."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return []
    return [{"range": {"source.ip": {"gte": str(network.network_address), "lte": str(network.broadcast_address)}}}]
