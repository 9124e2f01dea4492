"""The new passwords of a bulk change: generated for its preview, encrypted, and given once to whoever carried it out."""

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

NOT_DECRYPTED: Final = "The new password can't be decrypted, because SECRET_KEY was changed. Start another bulk change."


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
    return seal(job, username, {"password": policy.generate()})


@sensitive_variables()
def carry_out(client: PersonClient, step: Step) -> None:
    """Set the new password; the sessions of the user end. Raises Refused, and what `passwords.change` raises."""
    secrets = unseal(step.job, step.username, step.secret)
    if not secrets:
        raise errors.Refused(NOT_DECRYPTED)
    passwords.change(client, step.username, secrets["password"])


@sensitive_variables()
def take_passwords(client: PersonClient, id: str) -> list[NewPassword]:
    """The new passwords of a bulk change, which are removed from it. Only for its operator, and only once.

    Raises JobStateChanged for anyone else, and when they were taken already; AuditUnavailable, Unavailable.
    """
    job = store.require(id, ["paused", "finished"])
    _require_new(client, job)
    store.refresh()
    steps = [step for step in store.all_steps(job) if step.secret and step.state in ("success", "unknown")]
    found = [(step, unseal(job.id, step.username, step.secret)) for step in steps]
    details = {"job": job.id, "passwords": str(len(steps))}
    audit.record_event(client.actor, audit.Action.EXPORT, job.title, kind="job", details=details)

    def taken(job: Job) -> Job:
        _require_new(client, job)
        return replace(job, passwords_taken=timezone.now())

    store.update(id, ["paused", "finished"], taken)
    store.put_steps([replace(step, secret="") for step in steps])
    return [NewPassword(step.username, secrets["password"], step.state == "success") for step, secrets in found if secrets]


def _require_new(client: PersonClient, job: Job) -> None:
    if not job.has_new_passwords or job.operator != client.actor.username:
        raise errors.JobStateChanged(f"the passwords of the job {job.id} were taken, or are of another operator")
