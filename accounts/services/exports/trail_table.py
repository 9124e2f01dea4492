"""The audit trail of a period as a table: every event once, with its intent and its outcome."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from accounts.services import audit
from accounts.services.audit import Event, Query
from accounts.services.audit.actions import OUTCOMES, action_label, reason_label
from accounts.services.audit.reading import OUTCOME_TIMEOUT
from accounts.services.audit.wording import change_lines
from accounts.services.documents.indices import MAX_SEARCHED
from accounts.services.exports.tables import Table

# An event can be found a second after it was written. Without the latest ones, the count before is the count after. A change
# is in progress until OUTCOME_TIMEOUT, and then belongs to its outcome.
SETTLES_IN: Final = timedelta(seconds=5)
COLUMNS: Final = {
    "time": "Time (UTC)",
    "actor": "Actor",
    "realm": "Realm",
    "command": "Command",
    "source_ip": "Source IP",
    "action": "Action",
    "event_action": "Action (code)",
    "target": "Target",
    "kind": "Kind of target",
    "outcome": "Outcome",
    "reason": "Reason",
    "recorded": "Recorded",
    "outcome_at": "Outcome at (UTC)",
    "verified_by": "Verified by",
    "changes": "Changes",
    "before_and_after": "Before and after",
    "details": "Details",
    "session": "Session",
    "request_id": "Request ID",
    "event_id": "Event ID",
}
RECORDED: Final = {
    "single": "once",
    "intent": "intent only",
    "outcome": "intent and outcome",
    "verified": "intent and verified outcome",
}


def table(query: Query, query_string: str) -> Table:
    """All events that match, oldest first. Reads with the API key of usermgmt; its rows raise Unavailable and NotSetUp."""
    latest = timezone.now() - (OUTCOME_TIMEOUT if query.outcome else SETTLES_IN)
    settled = replace(query, until=min(query.until or latest, latest))
    return Table(
        name="audit-trail",
        noun="events",
        columns=COLUMNS,
        filter=describe(settled),
        query=query_string,
        count=lambda: audit.count(settled),
        batches=lambda: _batches(settled),
    )


def describe(query: Query) -> str:
    """For example "by ada, from 2026-11-01 00:00:00 UTC, before 2026-12-01 00:00:00 UTC, oldest first"."""
    conditions = ", ".join(_conditions(query)) or "all events"
    period = [f"{word} {_utc(at)}" for word, at in (("from", query.since), ("before", query.until)) if at]
    return ", ".join([conditions, *period, "oldest outcome first" if query.is_by_outcome else "oldest first"])


def _utc(at: datetime) -> str:
    """The days of a filter start in the time zone of the browser."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _conditions(query: Query) -> Iterator[str]:
    if query.text:
        yield f"containing “{query.text}” (in values of up to {MAX_SEARCHED:,} characters)"
    if query.actor:
        yield f"by {query.actor}"
    if query.target:
        yield f"with the target {query.target}"
    if query.action:
        yield f"with the action {action_label(query.action)}"
    if query.outcome:
        yield f"with the outcome {OUTCOMES[query.outcome]}"


def _batches(query: Query) -> Iterator[list[dict[str, Any]]]:
    for events in audit.batches(query):
        yield [row(event) for event in events]


def row(event: Event) -> dict[str, Any]:
    """The columns of an event."""
    return {
        "time": event.moment,
        "actor": event.actor.username,
        "realm": event.actor.realm,
        "command": event.actor.command,
        "source_ip": event.source,
        "action": action_label(event.action),
        "event_action": event.action,
        "target": event.target,
        "kind": event.kind,
        "outcome": OUTCOMES[event.outcome],
        "reason": reason_label(event.reason),
        "recorded": RECORDED[event.stage],
        "outcome_at": _outcome_at(event),
        "verified_by": event.verification.details["verified_by"] if event.verification else "",
        "changes": "; ".join(change_lines(event)),
        "before_and_after": {name: {"before": before, "after": after} for name, (before, after) in event.changes.items()},
        "details": dict(event.details),
        "session": event.session,
        "request_id": event.request,
        "event_id": event.id,
    }


def _outcome_at(event: Event) -> datetime | None:
    if event.verification:
        return datetime.fromisoformat(event.verification.details["verified_at"])
    return event.moment if event.stage == "single" else event.ended
