"""Adding to the trail, with the product's own key: `_bulk`, only `create`."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from django.utils import timezone

from accounts.services import errors, request_context
from accounts.services.audit.events import Changes, Event, Outcome
from accounts.services.client import AdministratorClient, PersonClient
from accounts.services.documents import locks, store
from accounts.services.request_context import Actor

logger = logging.getLogger(__name__)

ALREADY_THERE: Final = "version_conflict_engine_exception"


@contextmanager
def recorded(
    client: PersonClient | AdministratorClient,
    action: str,
    target: str,
    *,
    kind: str = "user",
    changes: Changes | None = None,
    details: Mapping[str, str] | None = None,
    lock: str = "",
) -> Iterator[Event]:
    """Write down what is about to be done, let the block do it, and write down what became of it.

    `changes`: {field: (before, after)}, never a secret; `details`: what helps to know the target, to which the block may add what
    came out. `lock`: held during the block, and taken and given back by the calls that write. Raises AuditUnavailable, and the
    block is not run, when the intent cannot be written; Busy for a lock that somebody holds. A service error of the block is a
    failure; after any other error (and OutcomeUnknown) nobody can say, and the lock is left to end by itself: a call may be on
    its way.
    """
    event = Event.now(client.actor, action, target, kind, changes=changes or {}, details=details or {})
    _begin(event, lock)
    try:
        yield event
    except errors.UserOverwritten as exc:  # it was done, and more than that
        _end(event, "success", type(exc).__name__, lock)
        raise
    except errors.ServiceError as exc:
        exc.is_recorded = True
        _end(event, "unknown" if isinstance(exc, errors.OutcomeUnknown) else "failure", type(exc).__name__, lock)
        raise
    except BaseException as exc:
        _end(event, "unknown", type(exc).__name__)
        raise
    _end(event, "success", "", lock)


def record_event(
    actor: Actor,
    action: str,
    target: str = "",
    *,
    kind: str = "",
    outcome: Outcome = "success",
    reason: str = "",
    details: Mapping[str, str] | None = None,
) -> None:
    """Write down what is no change. Raises AuditUnavailable; whether to go on without is the caller's to say."""
    add(Event.now(actor, action, target, kind, outcome=outcome, reason=reason, details=details or {}))


def add(event: Event, administrator: AdministratorClient | None = None) -> None:
    """Write an event down as it is, with the product's key or as an administrator. Raises AuditUnavailable."""
    _demand_taken(*_send(event.creating(), administrator))


def add_once(events: Iterable[Event]) -> None:
    """Write those of the events down that are not there yet. Raises AuditUnavailable."""
    for item in _send([operation for event in events for operation in event.creating()]):
        if item.get("error", {}).get("type") != ALREADY_THERE:
            _demand_taken(item)


def record_verification(event: Event, looked: Actor, outcome: Outcome, reason: str) -> Event:
    """What somebody found out later about a change, written once for good, unless they found nothing. Raises AuditUnavailable.

    It has the moment of the intent, because that is when the change happened.
    """
    found = replace(event.at("resolved", outcome, reason), moment=event.moment)
    found = replace(found, details={"looked_by": looked.username, "looked_at": timezone.now().isoformat()})
    if outcome != "unknown":
        add(found)
    record_event(
        looked, "event-resolve", event.target, kind=event.kind, reason=reason, details={"event": event.id, "found": outcome}
    )
    return found


def _begin(event: Event, lock: str) -> None:
    taken, *locked = _send([*event.at("intent").creating(), *(locks.taking(lock) if lock else [])])
    try:
        _demand_taken(taken)
    except errors.AuditUnavailable:
        if locked and not locked[0].get("error"):
            locks.give_back(lock)
        raise
    if not locked:
        return
    try:
        locks.demand_taken(lock, locked[0])
    except errors.ServiceError as exc:
        _end(event, "failure", type(exc).__name__)
        raise


def _end(event: Event, outcome: Outcome, reason: str, lock: str = "") -> None:
    """What was done stays done when the trail does not take its outcome: it will be shown as unknown, and can be looked up."""
    giving_back = locks.giving_back(lock) if lock and outcome != "unknown" else []
    try:
        _demand_taken(_send([*event.at("outcome", outcome, reason).creating(), *giving_back])[0])
    except errors.AuditUnavailable:
        logger.exception("Could not write the outcome of audit event %s: %s", event.id, outcome)
        if (lost := request_context.missing_outcomes.get()) is not None:
            lost.append(event.id)


def _send(operations: list[dict[str, Any]], administrator: AdministratorClient | None = None) -> list[Mapping[str, Any]]:
    try:
        return store.bulk(operations, client=administrator)
    except errors.ServiceError as exc:
        raise errors.AuditUnavailable(type(exc).__name__, str(exc)) from None


def _demand_taken(item: Mapping[str, Any]) -> None:
    if error := item.get("error"):
        logger.error("Elasticsearch rejected an audit event: %s: %s", error["type"], error["reason"])
        raise errors.AuditUnavailable(error["type"], error["reason"])
