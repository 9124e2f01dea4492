"""Deactivates the users whose end date is over, as a bulk change. For a timer."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from accounts.bulk_policy import denial_by
from accounts.management.credentials import credentials
from accounts.management.service_errors import as_command_errors
from accounts.management.signals import ENDING, signals_raise, signals_wait
from accounts.services import jobs
from accounts.services.audit.actions import reason_label
from accounts.services.exports.filters import describe_users
from accounts.services.jobs import Job
from accounts.services.signin import operators
from accounts.services.signin.operators import Operator
from accounts.services.users import UserQuery

INCOMPLETE: Final = 1  # not all users were deactivated
PAST: Final = UserQuery(flags=("past-end-date",))


class Command(BaseCommand):
    help = (
        "Deactivates the active users whose end date (active_until) is over, and records it. Exit codes: 0 done, also if there is "
        "none; 1 not all of them were deactivated. Uses the credentials of a user with manage_security in ELASTICSEARCH_USERNAME "
        "(default: elastic) and ELASTICSEARCH_PASSWORD, or prompts for the password."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only list the users")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        with signals_raise(), as_command_errors("manage users"):
            operator = operators.operator_for_command("deactivate_expired", *credentials())
            if not operator.can_manage:
                raise CommandError("This user isn't allowed to manage users.")
            self._deactivate(operator, dry_run=dry_run)

    def _deactivate(self, operator: Operator, *, dry_run: bool) -> None:
        """A change that is interrupted stays in the list of bulk changes; the next run begins with whoever is still active."""
        job = jobs.create(operator.client, "deactivate", (), PAST, describe_users(PAST))
        try:
            job = _advanced(operator, job, "planning")
            jobs.refresh()
            pending = [step.username for step in jobs.all_steps(job, "pending")]
            self._report_skipped(job)
        except BaseException:
            jobs.discard(operator.client, job.id)
            raise
        if dry_run or not pending:
            jobs.discard(operator.client, job.id)
            for username in pending:
                self.stdout.write(f"Would be deactivated: {username}")
            if not pending:
                self.stdout.write("No user to deactivate.")
        else:
            with signals_wait():
                jobs.start(operator.client, job.id)
            self._report(_advanced(operator, job, "running"))
        if not dry_run and job.read > len(pending):
            raise CommandError("Not all users were deactivated.", returncode=INCOMPLETE)

    def _report_skipped(self, job: Job) -> None:
        for step in jobs.all_steps(job, "skipped"):
            self.stderr.write(f"{step.username}: {step.reason}", style_func=str)

    def _report(self, job: Job) -> None:
        jobs.refresh()
        for step in jobs.all_steps(job):
            if step.state == "success":
                self.stdout.write(f"Deactivated: {step.username}")
            elif step.state != "skipped":
                self.stderr.write(f"{step.username}: {reason_label(step.reason) or step.state}", style_func=str)
        counts = jobs.counts(job)
        if counts.failure or counts.unknown or job.state != "finished":
            raise CommandError("Not all users were deactivated.", returncode=INCOMPLETE)


def _advanced(operator: Operator, job: Job, state: str) -> Job:
    """The job after everything that is to be done in this state."""
    while True:
        with signals_wait(ENDING):
            job = jobs.advance(operator.client, job.id, denial_by(operator))
        if job.state != state:
            return job
