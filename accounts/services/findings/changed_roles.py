"""Roles that grant more than in the previous run, and new ones that make administrators.

Each run stores what all roles grant, for the next one to compare. Runs of versions without this check have nothing stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from accounts.services.findings import rows
from accounts.services.findings.rows import Row
from accounts.services.findings.runs import Run
from accounts.services.roles import RoleDetails, changes
from accounts.services.roles.escalation import Escalation

SLUG: Final = "changed-roles"
STORED: Final = "roles"  # the series with the roles of a run
PRIVILEGES: Final = ("cluster", "indices", "applications", "run_as", "global", "remote_indices", "remote_cluster")
MAX_NAMED: Final = 20

State = tuple[str, Mapping[str, Any]]  # name, privileges as in `_security/role`
Escalations = Mapping[str, Sequence[Escalation]]


def collect(known: Sequence[RoleDetails]) -> list[State]:
    """What a run stores."""
    return [(each.role.name, _privileges(each)) for each in known]


def stored(run: Run) -> dict[str, Mapping[str, Any]]:
    """What the roles granted in a run, by name. Raises Unavailable."""
    return dict(rows.read_state(run.chunks.get(STORED, [])))


def find(
    before: Mapping[str, Mapping[str, Any]], started: datetime, known: Sequence[RoleDetails], escalations: Escalations
) -> Iterator[Row]:
    """`before`: what the roles granted in the run of `started`; `escalations`: by role. A new role has to have some."""
    since = f"{started:%Y-%m-%d %H:%M} UTC"
    for each in known:
        name = each.role.name
        paths = escalations.get(name, ())
        if name not in before:
            if paths:
                yield _row(each, f"New since {since}.{_consequence(paths)}", "New")
        elif lines := changes.added(before[name], _privileges(each)):
            more = f"; and {len(lines) - MAX_NAMED:,} more" if len(lines) > MAX_NAMED else ""
            yield _row(each, f"Grants more since {since}: {'; '.join(lines[:MAX_NAMED])}{more}.{_consequence(paths)}")


def _privileges(details: RoleDetails) -> dict[str, Any]:
    return {name: value for name in PRIVILEGES if (value := details.effective_body.get(name))}


def _consequence(escalations: Sequence[Escalation]) -> str:
    return f" How its holders can become administrators: {'; '.join(map(str, escalations))}." if escalations else ""


def _row(details: RoleDetails, text: str, *badges: str) -> Row:
    name = details.role.name
    return Row(name, "", "", text, (name,), (*badges, *(["Reserved"] if details.role.is_reserved else [])))
