"""Creates and changes users as a file says, as the page does."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize
from django.views.decorators.debug import sensitive_variables

from accounts.bulk_policy import denial_by
from accounts.management.credentials import credentials
from accounts.services import errors, imports, jobs
from accounts.services.audit.actions import reason_label
from accounts.services.imports import Contents, Problem
from accounts.services.jobs import Counts, Job
from accounts.services.signin import operators
from accounts.services.signin.operators import Operator

INCOMPLETE: Final = 1  # not all users were changed
RESUME: Final = "You can resume it in the user list under Bulk changes."


class Command(BaseCommand):
    help = (
        "Creates and changes users as a CSV, NDJSON, or XLSX file says, which can be an export. Every line is checked first. Exit "
        "codes: 0 done, 1 not all users were changed, 65 the file has problems. Uses the credentials of a user with "
        "manage_security in ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or prompts for the password."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="file to import")
        parser.add_argument("--format", choices=imports.FORMATS, default="", help="default: recognized by its content")
        parser.add_argument("--dry-run", action="store_true", help="only show what would be changed")
        parser.add_argument("--yes", action="store_true", help="don't prompt for confirmation")

    def handle(self, *args: Any, file: Path, format: str, dry_run: bool, yes: bool, **options: Any) -> None:
        if not (dry_run or yes or sys.stdin.isatty()):
            raise CommandError("Use --dry-run, or --yes to import without confirmation.", returncode=os.EX_USAGE)
        contents = self._read(file, format)
        with _command_errors():
            operator = operators.operator_for_command("import_users", *credentials())
            if not operator.can_manage:
                raise CommandError("This user isn't allowed to manage users.")
            job = self._planned(operator, file.name, contents)
            counts = self._preview(job)
            if dry_run or not counts.pending or not (yes or _confirms(counts.pending)):
                jobs.discard(job.id)
                self.stdout.write("Nothing was changed.")
                return
            jobs.start(operator.client, job.id)
            self._carry_out(operator, job)

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

    def _planned(self, operator: Operator, name: str, contents: Contents) -> Job:
        job = jobs.create_import(operator.client, name, contents)
        try:
            while job.state == "planning":
                job = jobs.advance(operator.client, job.id, denial_by(operator))
                self._progress("checked", job.read, job.total)
        except BaseException:
            jobs.discard(job.id)
            raise
        return job

    def _preview(self, job: Job) -> Counts:
        jobs.refresh()
        counts = jobs.counts(job)
        self.stdout.write(f"To create: {job.creations}. To change: {counts.pending - job.creations}. Skipped: {counts.skipped}.")
        for reason, number in counts.reasons.items():
            self.stdout.write(f"  {number} skipped: {reason}")
        for step in jobs.all_steps(job):
            for note in step.notes:
                self.stderr.write(f"line {step.line}: {step.username}: {note}", style_func=str)
        return counts

    def _carry_out(self, operator: Operator, job: Job) -> None:
        try:
            while (job := jobs.advance(operator.client, job.id, denial_by(operator))).state == "running":
                jobs.refresh()
                counts = jobs.counts(job)
                self._progress("imported", counts.processed, counts.to_do)
        except (KeyboardInterrupt, errors.ServiceError):
            self.stderr.write(f"The import was interrupted. {RESUME}")
            raise
        jobs.refresh()
        counts = jobs.counts(job)
        for state in ("failure", "unknown"):
            for step in jobs.all_steps(job, state):
                self.stderr.write(f"line {step.line}: {step.username}: {reason_label(step.reason)}", style_func=str)
        self.stdout.write(f"Imported: {counts.success}. Failed: {counts.failure}. Unknown: {counts.unknown}.")
        if job.state != "finished":
            raise CommandError(f"The import is {job.state}. {RESUME}", returncode=INCOMPLETE)
        if counts.failure or counts.unknown:
            raise CommandError("Not all users were changed.", returncode=INCOMPLETE)

    def _progress(self, verb: str, done: int, of: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{done} of {of} users {verb}", style_func=str, ending="\n" if done == of else "")


@contextmanager
def _command_errors() -> Iterator[None]:
    try:
        yield
    except errors.AuthenticationFailed:
        raise CommandError("Incorrect username or password.") from None
    except errors.AccessDenied as exc:
        raise CommandError(f"This user isn't allowed to manage users: {exc}") from None
    except errors.ServiceError as exc:
        raise CommandError(f"Elasticsearch at {', '.join(settings.ELASTICSEARCH_HOSTS)}: {exc.explanation}") from None


def _confirms(number: int) -> bool:
    return input(f"Import {number} user{pluralize(number)}? [y/N] ").strip().lower() in ("y", "yes")


def _line(problem: Problem) -> str:
    kind = "warning: " if problem.is_warning else ""
    return f"line {problem.line}: {kind}{problem.column}{': ' if problem.column else ''}{problem.text}"
