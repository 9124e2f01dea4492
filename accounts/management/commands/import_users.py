"""Creates and changes users as a file says, as the page does."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from django.views.decorators.debug import sensitive_variables

from accounts import policy
from accounts.bulk_policy import denial_by
from accounts.management.credentials import credentials
from accounts.management.service_errors import as_command_errors
from accounts.management.signals import ENDING, signals_raise, signals_wait
from accounts.services import errors, imports, jobs
from accounts.services.audit.actions import reason_label
from accounts.services.imports import Contents, Problem
from accounts.services.jobs import Counts, Job, Step
from accounts.services.signin import operators
from accounts.services.signin.operators import Operator

INCOMPLETE: Final = 1  # not all users were changed
DONE: Final = {jobs.SAME, policy.ALREADY_DEACTIVATED}  # reasons to skip a user who is as they should be
RESUME: Final = "You can resume it in the user list under Bulk changes."
PASSWORDS: Final = (
    "New users without a password in the file got a random one. You can download these once, in the user list under Bulk changes."
)


class Command(BaseCommand):
    help = (
        "Creates and changes users as a CSV, NDJSON, or XLSX file says, which can be an export. Every line is checked first. Exit "
        "codes: 0 done, 1 not all users were changed, 2 or 64 wrong options, 65 the file has problems, 66 it can't be read. "
        "Uses the credentials of a user with manage_security in ELASTICSEARCH_USERNAME (default: elastic) and "
        "ELASTICSEARCH_PASSWORD, or prompts for the password."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="file to import")
        parser.add_argument("--format", choices=imports.FORMATS, default="", help="default: recognized by its content")
        parser.add_argument("--dry-run", action="store_true", help="only show what would be changed")
        parser.add_argument("--yes", action="store_true", help="don't prompt for confirmation")
        parser.add_argument(
            "--as-listed", action="store_true", help="also deactivate the active native users who aren't in the file"
        )
        parser.add_argument(
            "--deactivate-administrator",
            action="append",
            default=[],
            metavar="USER",
            help="with --as-listed, an administrator to be deactivated as well, repeatable; default: none",
        )

    def handle(self, *args: Any, file: Path, format: str, dry_run: bool, yes: bool, **options: Any) -> None:
        if not (dry_run or yes or sys.stdin.isatty()):
            raise CommandError("Use --dry-run, or --yes to import without confirmation.", returncode=os.EX_USAGE)
        if options["deactivate_administrator"] and not options["as_listed"]:
            raise CommandError("--deactivate-administrator needs --as-listed.", returncode=os.EX_USAGE)
        contents, named = self._read(file, format), set[str]()
        with signals_raise(), as_command_errors("manage users"):
            operator = operators.operator_for_command("import_users", *credentials())
            if not operator.can_manage:
                raise CommandError("This user isn't allowed to manage users.")
            with _discarding_unstarted(operator) as found:
                found.append(jobs.create_import(operator.client, file.name, contents))
                if options["as_listed"]:
                    found.append(self._deactivation(operator, file.name, contents, options["deactivate_administrator"]))
                planned = [(job, self._preview(job, named)) for job in [self._planned(operator, each) for each in found]]
                is_needed = any(counts.pending for _, counts in planned)
                is_declined = dry_run or (is_needed and not (yes or _confirms(planned)))
                if is_declined or not is_needed:
                    self.stdout.write("Nothing was changed.")
                if is_declined:
                    return
                is_complete = [
                    self._carry_out(operator, job, named) if counts.pending else not _leaves_out(counts) for job, counts in planned
                ]
        if not all(is_complete):
            raise CommandError("Not all users were changed.", returncode=INCOMPLETE)

    @sensitive_variables()
    def _read(self, file: Path, format: str) -> Contents:
        try:
            with file.open("rb") as opened:
                contents = imports.read(opened, format)
        except OSError as exc:
            raise CommandError(f"Couldn't read {file}: {exc.strerror}", returncode=os.EX_NOINPUT) from None
        except imports.UnreadableFile as exc:
            raise CommandError(f"{file}: {exc}", returncode=os.EX_DATAERR) from None
        for problem in contents.problems:
            self.stderr.write(_line(problem), style_func=str)
        if found := len(contents.errors):
            text = f"{file}: {found} problem{pluralize(found)}. Nothing was changed."
            raise CommandError(text, returncode=os.EX_DATAERR)
        return contents

    def _deactivation(self, operator: Operator, name: str, contents: Contents, named: list[str]) -> Job:
        absent = jobs.absent(operator.client, [line.username for line in contents.lines], named)
        for username in absent.administrators:
            self.stderr.write(f"{username}: isn't in the file, and stays active as an administrator", style_func=str)
        return jobs.create(operator.client, "deactivate", (), absent.usernames, f"not in {name}")

    def _planned(self, operator: Operator, job: Job) -> Job:
        while job.state == "planning":
            job = self._advanced(operator, job)
            self._progress("checked", job.read, job.total)
        return job

    def _advanced(self, operator: Operator, job: Job) -> Job:
        with signals_wait(ENDING):
            return jobs.advance(operator.client, job.id, denial_by(operator))

    def _preview(self, job: Job, named: set[str]) -> Counts:
        jobs.refresh()
        counts = jobs.counts(job)
        if job.action == "import":
            self.stdout.write(
                f"To create: {job.creations}. To change: {counts.pending - job.creations}. Skipped: {counts.skipped}."
            )
        else:
            self.stdout.write(f"To deactivate: {counts.pending}. Skipped: {counts.skipped}.")
            for step in jobs.all_steps(job, "pending"):
                self.stdout.write(f"  {step.username}")
        for reason, number in counts.reasons.items():
            self.stdout.write(f"  {number} skipped: {reason}")
        self._name(_left_out(job, counts), named)
        for step in jobs.all_steps(job):
            for note in step.notes:
                self.stderr.write(f"line {step.line}: {step.username}: {note}", style_func=str)
        return counts

    def _carry_out(self, operator: Operator, job: Job, named: set[str]) -> bool:
        """Whether all users were changed."""
        with signals_wait():
            job = jobs.start(operator.client, job.id)
        try:
            while (job := self._advanced(operator, job)).state == "running":
                jobs.refresh()
                counts = jobs.counts(job)
                self._progress("changed", counts.processed, counts.to_do)
        except (KeyboardInterrupt, SystemExit, errors.ServiceError):
            self.stderr.write(_interrupted(job))
            raise
        jobs.refresh()
        counts = jobs.counts(job)
        self._name(_left_out(job, counts), named)
        for state in ("failure", "unknown"):
            self._name(jobs.all_steps(job, state), named)
        done = "Imported" if job.action == "import" else "Deactivated"
        self.stdout.write(
            f"{done}: {counts.success}. Failed: {counts.failure}. Unknown: {counts.unknown}. Skipped: {counts.skipped}."
        )
        if counts.success and job.has_passwords_for(operator.client.actor):
            self.stdout.write(PASSWORDS)
        if job.state != "finished":
            raise CommandError(f"The import is {job.state}. {RESUME}", returncode=INCOMPLETE)
        return not (counts.failure or counts.unknown or _leaves_out(counts))

    def _name(self, steps: Iterable[Step], named: set[str]) -> None:
        """Each user once. `named`: the users named so far, to which these are added."""
        for step in steps:
            if step.username in named:
                continue
            named.add(step.username)
            line = f"line {step.line}: " if step.line else ""
            self.stderr.write(f"{line}{step.username}: {reason_label(step.reason)}", style_func=str)

    def _progress(self, verb: str, done: int, of: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {of} user{pluralize(of)} {verb}", style_func=str, ending="\n" if done == of else "")


@contextmanager
def _discarding_unstarted(operator: Operator) -> Iterator[list[Job]]:
    """A list of bulk changes, of which those that weren't started are discarded at the end, whatever happens."""
    found: list[Job] = []
    try:
        yield found
    finally:
        for job in found:
            with suppress(errors.ServiceError):
                jobs.discard(operator.client, job.id)


def _interrupted(job: Job) -> str:
    with suppress(errors.ServiceError):
        if jobs.get(job.id).state == "finished":
            return "The command was interrupted after the last change. The result is in the user list under Bulk changes."
    return f"The import was interrupted. {RESUME}"


def _leaves_out(counts: Counts) -> bool:
    """Whether skipped users aren't as they should be."""
    return bool(counts.reasons.keys() - DONE)


def _left_out(job: Job, counts: Counts) -> Iterator[Step]:
    """These users."""
    if _leaves_out(counts):
        yield from (step for step in jobs.all_steps(job, "skipped") if step.reason not in DONE)


def _confirms(planned: Iterable[tuple[Job, Counts]]) -> bool:
    parts = [f"{job.action} {counts.pending} user{pluralize(counts.pending)}" for job, counts in planned if counts.pending]
    try:
        return input(f"{' and '.join(parts).capitalize()}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _line(problem: Problem) -> str:
    kind = "warning: " if problem.is_warning else ""
    return f"line {problem.line}: {kind}{problem.column}{': ' if problem.column else ''}{problem.text}"
