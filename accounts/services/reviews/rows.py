"""The rows of a snapshot: those of an export, as JSON."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accounts.services import audit
from accounts.services.client import PersonClient
from accounts.services.exports.rows import NO_ACTIVITY, RowContext
from accounts.services.users import User


def of_users(client: PersonClient, users: Sequence[User]) -> list[dict[str, Any]]:
    """A row for each user; None where there is no information. Three calls for all of them."""
    context, activity = RowContext.load(client), audit.activity_of([user.username for user in users])
    rows = [context.row(user, activity.get(user.username, NO_ACTIVITY)) for user in users]
    return [{name: _plain(value) for name, value in row._asdict().items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
