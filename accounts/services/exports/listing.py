"""Reading the rows of a list, and the manifest that shows whether they are complete."""

from collections.abc import Iterator, Sequence
from typing import Final

from django.utils import timezone

from accounts.services import audit, users
from accounts.services.audit import UserActivity
from accounts.services.client import PersonClient
from accounts.services.exports import filters
from accounts.services.exports.cells import moment
from accounts.services.exports.completeness import CompletenessManifest, Origin
from accounts.services.exports.rows import NO_ACTIVITY, Row, RowContext
from accounts.services.exports.sheets import UserSheet
from accounts.services.users import User, UserQuery

EMPTY_TRAIL: Final = "it is empty"


class Listing:
    """The users that match a query, read once with the operator's credentials."""

    def __init__(self, client: PersonClient, query: UserQuery) -> None:
        """Loads what all rows need. Raises AccessDenied without read_security, Unavailable, NotSetUp."""
        self.query = users.without_position(query)
        self.begun = timezone.now()
        self.trail_start = audit.trail_start()
        self.sheet = UserSheet(self.trail_start)
        self.count = 0
        self._client = client
        self._origin = Origin.load(client.actor, self.begun)
        self._context = RowContext.load(client)
        self._before: int | None = None

    @property
    def total(self) -> int:
        """Elasticsearch's count of matching users when the first row was read."""
        if self._before is None:
            self._before = users.count(self._client, self.query)
        return self._before

    def __iter__(self) -> Iterator[Row]:
        for batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[list[Row]]:
        """The rows, some at a time."""
        row = self._context.row
        load = _activity if self.trail_start else _no_activity
        for found, total, activity in users.batches(self._client, self.query, load):
            if self._before is None:
                self._before = total
            self.count += len(found)
            yield [row(user, activity.get(user.username, NO_ACTIVITY)) for user in found]

    def completeness(self, sha256: str, data_file: str = "") -> CompletenessManifest:
        """The manifest of the rows that were read, with the hash of the data file. Counts the users once more."""
        return CompletenessManifest(
            *self._origin,
            filter=filters.describe(self.query),
            query=filters.query_string(self.query),
            rows=self.count,
            users_before=self.total,
            users_after=users.count(self._client, self.query),
            trail_start=moment(self.trail_start) or EMPTY_TRAIL,
            data_file=data_file,
            sha256=sha256,
            anonymous_access=str(self._context.anonymous),
        )


def rows(client: PersonClient, query: UserQuery) -> Iterator[Row]:
    """Every row of the users that match. Raises AccessDenied without read_security, Unavailable, NotSetUp."""
    return iter(Listing(client, query))


def _activity(users: Sequence[User]) -> dict[str, UserActivity]:
    return audit.activity_of([user.username for user in users])


def _no_activity(found: Sequence[User]) -> dict[str, UserActivity]:
    return {}
