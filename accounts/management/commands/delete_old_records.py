"""Deletes what is older than the retention in the settings. For a timer."""

from argparse import ArgumentParser
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from accounts.management.credentials import credentials
from accounts.management.service_errors import as_command_errors
from accounts.management.signals import signals_raise, signals_wait
from accounts.services import audit, errors, retention
from accounts.services.audit.actions import reason_label
from accounts.services.client import AdministratorClient
from accounts.services.signin import operators

NAME: Final = "delete_old_records"
SETTINGS: Final = "AUDIT_RETENTION_DAYS, REVIEWS_RETENTION_DAYS, FINDINGS_RETENTION_DAYS, and JOBS_RETENTION_DAYS"
INCOMPLETE: Final = 1  # not all of them were deleted


class Command(BaseCommand):
    help = (
        "Deletes months of the audit trail, ended access reviews, runs of the checks, and finished bulk changes that are older "
        f"than {SETTINGS} say, and records it. Exit codes: 0 done, also if there is nothing to delete; 1 not all was deleted. "
        "Uses the credentials of a user with the index privileges delete_index for usermgmt-audit-* and delete for the other "
        "indices in ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or prompts for the password."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only list what would be deleted")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        if not retention.is_configured():
            self.stdout.write(f"Nothing to delete: {SETTINGS} aren't set.")
            return
        with signals_raise(), as_command_errors("delete old records"):
            administrator = operators.administrator_for_command(NAME, *credentials())
            _require_privileges(administrator)
            found = retention.old_records(administrator)
            for old in found if dry_run else ():
                self.stdout.write(f"Would be deleted: {old}")
            deleted = []
            for old in found if not dry_run else ():
                with signals_wait():
                    deleted.append(self._delete(administrator, old))
        if not found:
            self.stdout.write("Nothing to delete.")
        if not all(deleted):
            raise CommandError("Not all old records were deleted.", returncode=INCOMPLETE)

    def _delete(self, administrator: AdministratorClient, old: retention.OldRecords) -> bool:
        """Whether it was deleted, or why not on standard error. Raises what affects all others as well."""
        try:
            retention.delete(administrator, old)
        except errors.AuditUnavailable as exc:
            raise CommandError(f"The audit trail is unavailable, so this wasn't deleted: {old}. {exc.explanation}") from None
        except (errors.Conflict, errors.NotFound, errors.IndexNotFound) as exc:
            self.stderr.write(f"{old}: {reason_label(exc.code)}", style_func=str)
            return False
        self.stdout.write(f"Deleted: {old}")
        return True


def _require_privileges(administrator: AdministratorClient) -> None:
    try:
        retention.require_privileges(administrator)
    except errors.AccessDenied as exc:
        audit.record_access_denied(administrator.actor, NAME, "", exc.code)
        raise
