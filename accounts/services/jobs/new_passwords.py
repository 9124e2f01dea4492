"""The new passwords of a bulk change or an import: generated for its preview, encrypted, and given once to whoever set them."""

import logging
from dataclasses import dataclass, replace
from typing import Final

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from accounts.services import audit, errors, passwords
from accounts.services.client import PersonClient
from accounts.services.jobs import store
from accounts.services.jobs.records import Job, Step
from accounts.services.jobs.sealing import seal, unseal
from accounts.services.passwords import policy
from accounts.services.request_context import Actor

GENERATED: Final = "generated"  # among the secrets of a step

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewPassword:
    """`is_known`: False if Elasticsearch didn't confirm it, so that the user may still have the old one."""

    username: str
    password: str
    is_known: bool

    def __repr__(self) -> str:
        return f"NewPassword({self.username!r})"


def generated(job: str, username: str) -> str:
    """A new password, encrypted."""
    return seal(job, username, {GENERATED: policy.generate()})


@sensitive_variables()
def is_generated(step: Step) -> bool:
    """Whether the secret of the step is a new password, and not one of the file."""
    return GENERATED in (unseal(step.job, step.username, step.secret) or {})


@sensitive_variables()
def carry_out(client: PersonClient, step: Step) -> None:
    """Set the new password; the sessions of the user end. Raises PasswordsNotDecrypted, and what `passwords.change` raises."""
    secrets = unseal(step.job, step.username, step.secret)
    if not secrets or GENERATED not in secrets:
        raise errors.PasswordsNotDecrypted(step.job)
    passwords.change(client, step.username, secrets[GENERATED])


@sensitive_variables()
def take_passwords(client: PersonClient, id: str) -> list[NewPassword]:
    """The new passwords that the caller set in a bulk change. They are removed from it. Those of another operator aren't given.

    Raises JobNotAuthentic; JobStateChanged if there are none, or they were taken already; PasswordsNotDecrypted, AuditUnavailable,
    Unavailable.
    """
    actor = client.actor
    job = store.require(id, ["paused", "finished"])
    _require_new(job, actor)
    store.refresh()
    own = (step for step in store.all_steps(job) if step.operator == actor.unique_name)
    steps = [step for step in own if step.secret and step.state in ("success", "unknown")]
    store.require_authentic(job, steps)
    found = [(step, unseal(job.id, step.username, step.secret)) for step in steps]
    if any(secrets is None for _, secrets in found):
        raise errors.PasswordsNotDecrypted(job.id)
    new = [(step, secrets[GENERATED]) for step, secrets in found if secrets and GENERATED in secrets]
    details = {"job": job.id, "passwords": str(len(new))}
    audit.record_event(actor, audit.Action.EXPORT, job.title, kind="job", details=details)

    def taken(job: Job) -> Job:
        _require_new(job, actor)
        others = tuple(name for name in job.passwords_for if name != actor.unique_name)
        return replace(job, passwords_for=others, passwords_taken=timezone.now(), passwords_taken_by=actor.username)

    store.update(id, ["paused", "finished"], taken)
    try:
        store.put_steps([replace(step, secret="") for step, _ in new])
    except errors.ServiceError as exc:  # they can't be taken again, so they are given now
        logger.error("The new passwords of the bulk change %s weren't removed, and stay encrypted in it: %s", id, exc)
    return [NewPassword(step.username, password, step.state == "success") for step, password in new]


def _require_new(job: Job, actor: Actor) -> None:
    if not job.has_passwords_for(actor):
        raise errors.JobStateChanged(f"the passwords of the job {job.id} were taken, or are of another operator")
