"""Compares the users in Elasticsearch with the audit trail."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from accounts.management.credentials import credentials
from accounts.management.service_errors import as_command_errors
from accounts.services.audit import Event
from accounts.services.audit.actions import action_label
from accounts.services.documents.damage import UNKNOWN_TIME
from accounts.services.signin import operators
from accounts.services.users import trail_check


class Command(BaseCommand):
    help = (
        "Replays the audit trail and compares the result with the users in Elasticsearch. Differences are changes "
        "made outside usermgmt, or missing events. Also lists changes that another program wrote or changed in the audit trail, so "
        "that they can't be read. Exit codes: 0 none of these, 1 an error occurred, 2 there are some, or an option is wrong. Uses "
        "the credentials of a user with read_security in ELASTICSEARCH_USERNAME (default: elastic) and ELASTICSEARCH_PASSWORD, or "
        "prompts for the password."
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        with as_command_errors("view users"):
            found = trail_check.check(operators.client_for_command("check_audit_trail", *credentials()))
        for event in found.damaged:
            self.stdout.write(_damaged(event))
        for difference in found.differences:
            self.stdout.write(_line(difference))
        if found.trail_start:
            self.stdout.write(f"The audit trail starts on {found.trail_start:%Y-%m-%d %H:%M} UTC. Older changes were not compared.")
        self.stdout.write(f"Users in the audit trail: {found.checked}. Users without events: {found.unknown}.")
        if problems := list(_problems(len(found.differences), len(found.damaged))):
            raise CommandError(" ".join(problems), returncode=2)
        self.stdout.write("All users are as the audit trail has them.")


def _problems(different: int, damaged: int) -> Iterator[str]:
    if different:
        yield f"{different} user{pluralize(different)} {pluralize(different, 'differs,differ')} from the audit trail."
    if damaged:
        yield f"{damaged} damaged event{pluralize(damaged)} {pluralize(damaged, 'was,were')} left out."


def _damaged(event: Event) -> str:
    """Which document it is, and what can be read of it."""
    at = "" if event.moment == UNKNOWN_TIME else f", {event.moment:%Y-%m-%d %H:%M} UTC"
    what = " ".join(filter(None, [action_label(event.action), event.target]))
    return f"Damaged event in {event.index}: {event.id or 'an ID with other characters'}{at}{f', {what}' if what else ''}"


def _line(difference: trail_check.Difference) -> str:
    if not difference.fields:
        return f"{difference.username}: not in Elasticsearch"
    changes = (f"{name} is {now!r}, in the audit trail {was!r}" for name, (was, now) in difference.fields.items())
    return f"{difference.username}: {'; '.join(changes)}"
