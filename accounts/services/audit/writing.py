"""Adding to the audit trail with the API key of usermgmt: `_bulk`, only `create`."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Final

from django.utils import timezone

from accounts.services import errors, request_context
from accounts.services.audit.actions import Action
from accounts.services.audit.events import Changes, Event, Outcome
from accounts.services.client import AdministratorClient, PersonClient, setup_problems
from accounts.services.documents import locks, store
from accounts.services.request_context import Actor
from usermgmt import metrics

logger = logging.getLogger(__name__)

# Returns `_bulk` operations.
Operations = Callable[[], list[dict[str, Any]]]

_event_id: ContextVar[str] = ContextVar("event_id", default="")

ALREADY_EXISTS: Final = "version_conflict_engine_exception"
INTERNAL_ERROR: Final = "internal_error"


@contextmanager
def recorded(
    client: PersonClient | AdministratorClient,
    action: Action,
    target: str,
    *,
    kind: str = "user",
    changes: Changes | None = None,
    details: Mapping[str, str] | None = None,
    lock: str = "",
    patience: float = 0,
    keeps_lock: bool = True,
    with_outcome: Operations | None = None,
) -> Iterator[Event]:
    """Record the intent of a change, let the block make it, and record the outcome.

    `changes`: {field: (before, after)}, never a secret; `details`: what helps to identify the target, to which the block may add
    results. `lock`: held during the block; the calls that write the events take and release it, and wait for it for `patience`
    seconds. `with_outcome`: what else the call with a successful outcome writes; where Elasticsearch rejects that, the log says so.

    Raises AuditUnavailable, without running the block, when the intent can't be recorded; UserLocked when the lock is held. A
    ServiceError of the block is a failure. After any other exception, and OutcomeUnknown, the outcome is unknown and the lock
    stays until it expires: a call may be on its way. Without `keeps_lock` it is released after OutcomeUnknown, too.
    """
    event = Event.now(client.actor, action, target, kind, changes=changes or {}, details=details or {})
    if once := _event_id.get():
        event = replace(event, id=once)
    _begin(event, lock, patience)
    try:
        yield event
    except errors.UserOverwritten as exc:  # applied, and more than that
        _end(event, "success", exc.code, lock)
        raise
    except errors.OutcomeUnknown as exc:
        exc.is_recorded = True
        _end(event, "unknown", exc.code, "" if keeps_lock else lock)
        raise
    except errors.ServiceError as exc:
        exc.is_recorded = True
        _end(event, "failure", exc.code, lock)
        raise
    except BaseException:
        _end(event, "unknown", INTERNAL_ERROR)
        raise
    _end(event, "success", "", lock, with_outcome)


@contextmanager
def recorded_once(id: str) -> Iterator[None]:
    """In this block, the change has an event with this ID. `recorded` raises StepRepeated if the audit trail has it already."""
    token = _event_id.set(id)
    try:
        yield
    finally:
        _event_id.reset(token)


def require_new(id: str, months: Iterable[str]) -> None:
    """Raise StepRepeated if one of these months of the audit trail has an event with this ID. Raises NotSetUp, Unavailable."""
    if any(any(store.get_many(month, [f"{id}-intent", f"{id}-single"])) for month in months):
        raise errors.StepRepeated(f"the audit trail has the event {id}")


def record_event(
    actor: Actor,
    action: Action,
    target: str = "",
    *,
    kind: str = "",
    outcome: Outcome = "success",
    reason: str = "",
    details: Mapping[str, str] | None = None,
    once: str = "",
) -> None:
    """Record what isn't a change. `once`: the ID of an event that two processes may record.

    Raises AuditUnavailable; the caller decides whether to continue without the event.
    """
    event = Event.now(actor, action, target, kind, outcome=outcome, reason=reason, details=details or {})
    if once:
        add_once([replace(event, id=once)])
    else:
        add(event)


def add(event: Event, administrator: AdministratorClient | None = None) -> None:
    """Write an event as it is, with the API key of usermgmt or as an administrator. Raises AuditUnavailable."""
    _require_written(*_send(event.operations(), administrator))


def add_once(events: Iterable[Event]) -> None:
    """Write those of the events that aren't in the audit trail yet. Raises AuditUnavailable."""
    batch = list(events)
    for item in _send([operation for event in batch for operation in event.operations()], events=len(batch)):
        if item.get("error", {}).get("type") != ALREADY_EXISTS:
            _require_written(item)


def record_verification(event: Event, verifier: Actor, outcome: Outcome, reason: str) -> Event:
    """Record the verification of a change with unknown outcome; only once, unless it is still unknown.

    The event keeps the time of the intent, because that is when the change happened. Raises AuditUnavailable.
    """
    verified = replace(event.at("verified", outcome, reason), moment=event.moment)
    verified = replace(verified, details={"verified_by": verifier.username, "verified_at": timezone.now().isoformat()})
    if outcome != "unknown":
        add(verified)
    details = {"event": event.id, "result": outcome}
    record_event(verifier, Action.EVENT_VERIFY, event.target, kind=event.kind, reason=reason, details=details)
    return verified


def _begin(event: Event, lock: str, patience: float) -> None:
    written, *locked = _send([*event.at("intent").operations(), *(locks.taking(lock) if lock else [])])
    try:
        _require_written(written)
    except errors.AuditUnavailable as exc:
        if locked and not locked[0].get("error"):
            locks.release(lock)
        if _event_id.get() and exc.why == ALREADY_EXISTS:
            raise errors.StepRepeated(str(exc)) from None
        raise
    if not locked:
        return
    try:
        locks.require_taken(lock, locked[0], patience)
    except errors.ServiceError as exc:
        _end(event, "failure", exc.code)
        raise


def _end(event: Event, outcome: Outcome, reason: str, lock: str = "", with_outcome: Operations | None = None) -> None:
    """A change stays applied when its outcome can't be recorded: it is shown as unknown and can be verified."""
    releasing = locks.releasing(lock) if lock else []
    more = with_outcome() if with_outcome else []
    try:
        written, *others = _send([*event.at("outcome", outcome, reason).operations(), *releasing, *more])
        for item in others:
            if error := item.get("error"):
                text = "Elasticsearch rejected a write to %s with the outcome of audit event %s: %s: %s"
                logger.error(text, item["_index"], event.id, error["type"], error["reason"])
        _require_written(written)
    except errors.AuditUnavailable:
        logger.exception("Could not write the outcome of audit event %s: %s", event.id, outcome)
        if (missing := request_context.missing_outcomes.get()) is not None:
            missing.append(event.id)


def _send(
    operations: list[dict[str, Any]], administrator: AdministratorClient | None = None, *, events: int = 1
) -> list[Mapping[str, Any]]:
    """`events`: how many of the operations write one."""
    try:
        return store.bulk(operations, client=administrator)
    except errors.ServiceError as exc:
        metrics.AUDIT_EVENTS.labels("failure").inc(events)
        raise errors.AuditUnavailable(exc.code, str(exc), exc.problem) from None


def _require_written(item: Mapping[str, Any]) -> None:
    metrics.AUDIT_EVENTS.labels("failure" if item.get("error") else "success").inc()
    if error := item.get("error"):
        logger.error("Elasticsearch rejected an audit event: %s: %s", error["type"], error["reason"])
        if known := setup_problems.of_error(error, item["status"]):
            raise errors.AuditUnavailable(known.code, error["reason"], known.problem)
        raise errors.AuditUnavailable(error["type"], error["reason"])
