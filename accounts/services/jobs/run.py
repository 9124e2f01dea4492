"""Carrying out a job. Each call of `advance` changes some users, side by side, with the operator's own credentials.

A process first marks the steps of its batch as started, over the version that it read, so that no other process takes them. The
audit trail has the intent and the outcome of each change, with the ID of the request, which the step has too. So a step whose
process was killed is taken up from there: not begun, it waits again; with an intent alone, its outcome is unknown, and it isn't
repeated.

Only what usermgmt itself stored is carried out: the documents are signed with SECRET_KEY. An older document that is put back is
authentic, too: the audit trail takes the event of each change only once.
"""

import logging
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from django.utils import timezone

from accounts.services import api_keys, audit, errors, users
from accounts.services.api_keys import Owner
from accounts.services.audit.actions import USER_CHANGES, reason_label
from accounts.services.client import PersonClient
from accounts.services.documents.indices import audit_months
from accounts.services.jobs import importing, new_passwords, plan, store
from accounts.services.jobs.batch import ENDS_BATCH, Batch, Work
from accounts.services.jobs.claims import Claims, waiting
from accounts.services.jobs.plan import Denial, Rules
from accounts.services.jobs.records import ROLE_ACTIONS, Action, Change, Counts, Job, State, Step
from accounts.services.jobs.store import StepQuery
from accounts.services.request_context import Actor
from accounts.services.users import User, outcomes
from usermgmt.logging import request_id

logger = logging.getLogger(__name__)

# No call takes as long, so the process of a step that was begun before that is gone.
ABANDONED_AFTER: Final = timedelta(minutes=2)
MAX_RECOVERED: Final = 150
MAX_VERIFIED: Final = 100
NOT_STARTED: Final[tuple[State, ...]] = ("planning", "planned")
STARTED: Final[tuple[State, ...]] = ("running", "paused", "finished")
REVOKED_BECAUSE: Final = "Bulk change"
NO_LONGER_RECORDED: Final = "This change began before the audit trail starts, so it isn't known whether it was made."
CHANGED_SINCE: Final = "The roles of this user were changed after the preview."
# Of the users; all other bulk changes have USER_CHANGES.
EVENTS: Final[Mapping[Action, Collection[audit.Action]]] = {
    "reset-passwords": (audit.Action.PASSWORD_CHANGE,),
    "revoke-api-keys": (audit.Action.API_KEYS_INVALIDATE,),
}
# Their changes refresh the index of users only when they are told to.
REFRESHING_LAST: Final[tuple[Action, ...]] = (*ROLE_ACTIONS, "import")


def advance(client: PersonClient, id: str, denial: Denial) -> Job:
    """Plan or change the next users; returns the job as it is then. Only its operator goes on with a started job.

    Of a paused one, what a killed process did is found out.

    Raises JobNotFound, JobNotAuthentic, AccessDenied, AuditUnavailable, Unavailable; what wasn't begun waits for the next call.
    """
    with _refusing_forged_parts(id):
        return _advance(client, id, denial)


def _advance(client: PersonClient, id: str, denial: Denial) -> Job:
    job = store.get(id)
    store.require_authentic(job)
    if job.state == "planning":
        planned = plan.plan_batch(client, job, denial, importing.planned if job.action == "import" else plan.planned)
        if planned.state == "planned":
            store.delete_lines(planned)
        return planned
    if job.state == "paused":
        store.refresh()
        _recover(job)
        return job
    if job.state != "running" or not job.is_operated_by(client.actor):
        return job
    with _request():
        store.refresh()
        _recover(job)
        if _change_some(client, job, denial):
            return job
        store.refresh()
        job = store.get(id)  # another page may have paused it meanwhile
        counts = store.counts(job)
        is_over = job.state == "running" and job.is_operated_by(client.actor) and counts.is_over
        return _finish(client, job, counts) if is_over else job


def start(client: PersonClient, id: str) -> Job:
    """Begin to carry out what the preview shows. Raises JobStateChanged, AuditUnavailable, and changes nothing."""
    return _control(client, id, ["planned"], audit.Action.JOB_START, _running(client.actor))


def resume(client: PersonClient, id: str) -> Job:
    """Go on with a paused job, or with one that another administrator began. Raises JobStateChanged, AuditUnavailable."""
    _require_work(store.require(id, STARTED))
    return _control(client, id, STARTED, audit.Action.JOB_RESUME, _running(client.actor))


def pause(client: PersonClient, id: str) -> Job:
    """The changes that are being made still end. Raises JobStateChanged, AuditUnavailable."""
    return _control(client, id, ["running"], audit.Action.JOB_PAUSE, lambda job: replace(job, state="paused"))


def discard(client: PersonClient, id: str) -> None:
    """Delete a job that hasn't been started, or can't be carried out. Raises JobStateChanged, AuditUnavailable."""
    job = store.get(id)
    if not job.is_refused:
        job = store.require(id, NOT_STARTED)
    with audit.recorded(client, audit.Action.JOB_DISCARD, job.title, kind="job", details=_details(job)):
        if not job.is_refused:
            job = store.update(id, NOT_STARTED, lambda job: replace(job, state="finished"))
        store.delete(job)


def retry(client: PersonClient, id: str) -> Job:
    """Try again what failed, and only that: with the users as they are then. Raises JobStateChanged, AuditUnavailable."""
    job = store.require(id, STARTED)
    store.refresh()
    failed = list(store.all_steps(job, "failure"))
    with _refusing_forged_parts(id):
        store.put_steps([replace(step, state="pending", reason="", was=None, attempt=step.attempt + 1) for step in failed])
    _require_work(job)
    return _control(client, id, STARTED, audit.Action.JOB_RETRY, _running(client.actor))


def verify(client: PersonClient, id: str) -> int:
    """Find out some of the unknown outcomes, first those that were not tried lately; returns how many.

    Raises JobNotAuthentic, AccessDenied, AuditUnavailable.
    """
    job = store.get(id)
    store.require_authentic(job)
    store.refresh()
    unknown = store.steps(job, StepQuery("unknown", size=MAX_VERIFIED, by_time=True))
    with _refusing_forged_parts(id):
        store.require_authentic(job, unknown)
    events = _events(job, unknown)
    now = timezone.now()
    tried = [(replace(step, begun=now), events.get((step.request, step.username))) for step in unknown]
    verified = [_verified(client, job, step, event) for step, event in tried]
    store.put_steps(verified)
    return sum(step.state != "unknown" for step in verified)


def _verified(client: PersonClient, job: Job, step: Step, event: audit.Event | None) -> Step:
    if event is None:
        return step
    if event.outcome == "unknown":
        event = outcomes.verify_outcome(client, event.id)
    return _settled(job, step, event)


@contextmanager
def _refusing_forged_parts(id: str) -> Iterator[None]:
    """Note in the job that a step or line of it is forged, so that its page says so and offers to discard it."""
    try:
        yield
    except errors.JobNotAuthentic as exc:
        logger.error("The bulk change %s isn't carried out: %s", id, exc)
        with suppress(errors.ServiceError):  # the next call finds it, too
            store.write(replace(store.get(id), has_forged_parts=True))
        raise


def _require_work(job: Job) -> None:
    store.refresh()
    if job.state == "finished" and store.counts(job).is_over:
        raise errors.JobStateChanged(f"nothing is left to do in the job {job.id}")


def _control(client: PersonClient, id: str, states: Sequence[State], action: audit.Action, change: Callable[[Job], Job]) -> Job:
    job = store.require(id, states)
    with audit.recorded(client, action, job.title, kind="job", details=_details(job)):
        return store.update(id, states, change)


def _running(actor: Actor) -> Callable[[Job], Job]:
    """The change of a job that the actor carries out from now on."""

    def run(job: Job) -> Job:
        job = replace(job, state="running", started=job.started or timezone.now(), confirmed=timezone.now(), finished=None)
        names = [*job.passwords_for, actor.unique_name] if job.has_new_passwords else []
        return replace(job, passwords_for=tuple(dict.fromkeys(names))).operated_by(actor)

    return run


def _details(job: Job, counts: Counts | None = None) -> dict[str, str]:
    numbers = {name: str(getattr(counts, name)) for name in ("success", "failure", "unknown", "skipped")} if counts else {}
    details = {"filter": job.filter, "users": str(job.read), "roles": ", ".join(job.roles), **numbers}
    return {"job": job.id, **{name: text for name, text in details.items() if text}}


@contextmanager
def _request() -> Iterator[None]:
    """Outside of a request of a browser, a batch gets an ID of its own."""
    token = request_id.set(request_id.get() or uuid.uuid4().hex)
    try:
        yield
    finally:
        request_id.reset(token)


def _recover(job: Job) -> None:
    """Take up some of the steps whose process was killed, from what the audit trail has of them."""
    deadline = timezone.now() - ABANDONED_AFTER
    begun = [step for step in store.steps(job, StepQuery("started", size=MAX_RECOVERED)) if step.begun and step.begun <= deadline]
    if not begun:
        return
    events, start = _events(job, begun), audit.trail_start()
    recovered = [_recovered(job, step, events.get((step.request, step.username)), start) for step in begun]
    store.put_steps([step for step in recovered if step.state != "started"])
    store.refresh()


def _recovered(job: Job, step: Step, event: audit.Event | None, trail_start: datetime | None) -> Step:
    if event is None and step.begun and (trail_start is None or step.begun < trail_start):
        return replace(step, state="unknown", reason=NO_LONGER_RECORDED)
    if event is None:  # the intent is written before anything else, but for API keys: what wasn't revoked is revoked then
        return waiting(step)
    return _settled(job, step, event)


def _settled(job: Job, step: Step, event: audit.Event) -> Step:
    """With the outcome of its event, if that is known."""
    if event.outcome == "success":
        return _succeeded(step)
    return replace(step, state=event.outcome, reason=event.reason) if event.outcome else step


def _events(job: Job, steps: Sequence[Step]) -> Mapping[tuple[str, str], audit.Event]:
    if not steps:
        return {}
    actions = EVENTS.get(job.action, USER_CHANGES)
    return audit.of_requests({step.request for step in steps}, {step.username for step in steps}, actions)


def _change_some(client: PersonClient, job: Job, denial: Denial) -> bool:
    """Change users until the time of a batch is over; returns whether there may be more."""
    if job.action == "import":
        decide = partial(importing.decided, client, importing.Rules(client, denial))
    else:
        decide = partial(_decided, client, job, Rules(client, job, denial))
    claims = Claims(job, client.actor)
    claimed = claims.take()
    if not claimed:
        return False
    work = Work(decide, partial(_changed, client, job), partial(_is_wanted, client, job), job.action in REFRESHING_LAST)
    return Batch(work, claims).run(claimed)


def _is_wanted(client: PersonClient, job: Job) -> bool:
    """Whether the job is still to be carried out by this operator: another page may have paused it."""
    now = store.get(job.id)
    return now.state == "running" and now.is_operated_by(client.actor)


def _decided(client: PersonClient, job: Job, rules: Rules, claimed: Sequence[Step]) -> tuple[list[Change], list[Step]]:
    """What is to be changed, and the steps that need no change by now."""
    found = plan.current(client, [step.username for step in claimed])
    changes: list[Change] = []
    done: list[Step] = []
    for step in claimed:
        user = found.get(step.username)
        if user is None:
            done.append(replace(step, state="skipped", reason=plan.NO_USER))
            continue
        wanted = rules.wanted(user)
        if reason := rules.reason(user, wanted):
            done.append(replace(step, state="skipped", reason=reason))
        elif job.action == "replace-roles" and step.was and set(step.roles) != set(user.roles):
            done.append(replace(step, state="failure", reason=CHANGED_SINCE))
        else:
            changes.append(Change(step, user, wanted))
    return changes, done


def _changed(client: PersonClient, job: Job, change: Change, refresh: bool) -> Step:
    """The step after the change. Raises what ENDS_BATCH has; nothing was changed then."""
    user = change.user
    try:
        this_month, *before = audit_months(job.created, timezone.now())
        # Elasticsearch rejects an event that this month has. If API keys are revoked, that is too late.
        audit.require_new(change.step.event_id, [this_month, *before] if user and job.is_revoking else before)
        if user and job.is_revoking and (reason := _revoke_keys(client, user)):
            return replace(change.step, state="failure", reason=reason)
        with audit.recorded_once(change.step.event_id):
            _change(client, job, change, refresh=refresh)
    except ENDS_BATCH:
        raise
    except errors.OutcomeUnknown as exc:
        return replace(change.step, state="unknown", reason=exc.code)
    except errors.ServiceError as exc:
        return replace(change.step, state="failure", reason=exc.code)
    return _succeeded(change.step)


def _change(client: PersonClient, job: Job, change: Change, *, refresh: bool) -> None:
    user, wanted = change.user, change.wanted
    if job.action == "import":
        importing.carry_out(client, change, refresh=refresh)
    elif user is None:
        raise ValueError("only an import creates users")
    elif job.action == "reset-passwords":
        new_passwords.carry_out(client, change.step)
    elif job.action == "activate":
        users.enable(client, user.username, user)
    elif job.action == "deactivate":
        users.disable(client, user.username, user)
    elif wanted is None:
        users.delete(client, user.username, user)
    elif job.action == "revoke-api-keys":  # each key has an event of its own; this one says that the step was carried out
        details, once = {"job": job.id}, change.step.event_id
        audit.record_event(client.actor, audit.Action.API_KEYS_INVALIDATE, user.username, kind="user", details=details, once=once)
    else:
        users.update(client, user, wanted, refresh=refresh)


def _succeeded(step: Step) -> Step:
    """A new password is still needed for its download, one of the file isn't."""
    return replace(step, state="success", reason="", secret=step.secret if new_passwords.is_generated(step) else "")


def _revoke_keys(client: PersonClient, user: User) -> str:
    """Revoke the active API keys of a user; returns why not all could be, as a sentence. Raises what ENDS_BATCH has."""
    result = api_keys.revoke_all(client, Owner.of(user), REVOKED_BECAUSE)
    for _, error in result.failed:
        if isinstance(error, ENDS_BATCH):
            raise error
    if result.is_complete:
        return ""
    number = len(result.failed) + len(result.untried)
    causes = [reason_label(error.code) for _, error in result.failed] or ["It took too long"]
    return f"{number} API key{' was' if number == 1 else 's were'} not revoked, and the user wasn't changed: {causes[0]}."


def _finish(client: PersonClient, job: Job, counts: Counts) -> Job:
    """Two processes may see the end at once: the version of the job makes their events the same, and lets one of them write it.

    What is to be done at the end comes before, so that a killed process leaves it to the next one.
    """
    seq_no = job.version.seq_no if job.version else 0
    details = _details(job, counts)
    audit.record_event(client.actor, audit.Action.JOB_FINISH, job.title, kind="job", details=details, once=f"{job.id}-{seq_no}")
    store.delete_lines(job)
    try:
        return store.write(replace(job, state="finished", finished=timezone.now()))
    except errors.Conflict:
        return store.get(job.id)
