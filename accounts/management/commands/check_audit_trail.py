"""Compares the users in Elasticsearch with the audit trail."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from accounts.management.credentials import credentials
from accounts.management.service_errors import as_command_errors
from accounts.services.signin import operators
from accounts.services.users import trail_check


class Command(BaseCommand):
    help = (
        "Replays the audit trail and compares the result with the users in Elasticsearch. Differences are changes "
        "made outside usermgmt, or missing events. Exit codes: 0 none, 1 an error occurred, 2 there are differences, or an option "
        "is wrong. Uses the "
        "credentials of a user with read_security in ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or "
        "prompts for the password."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with as_command_errors("view users"):
            found = trail_check.check(operators.client_for_command("check_audit_trail", *credentials()))
        for difference in found.differences:
            self.stdout.write(_line(difference))
        if found.trail_start:
            self.stdout.write(f"The audit trail starts on {found.trail_start:%Y-%m-%d %H:%M} UTC. Older changes were not compared.")
        self.stdout.write(f"Users in the audit trail: {found.checked}. Users without events: {found.unknown}.")
        if found.differences:
            number = len(found.differences)
            text = f"{number} user{pluralize(number)} {pluralize(number, 'differs,differ')} from the audit trail."
            raise CommandError(text, returncode=2)
        self.stdout.write("All users are as the audit trail has them.")


def _line(difference: trail_check.Difference) -> str:
    if not difference.fields:
        return f"{difference.username}: not in Elasticsearch"
    changes = (f"{name} is {now!r}, in the audit trail {was!r}" for name, (was, now) in difference.fields.items())
    return f"{difference.username}: {'; '.join(changes)}"
