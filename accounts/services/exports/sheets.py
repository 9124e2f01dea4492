"""What the formats of an export write: the columns of a table, and each row as cells or as a JSON document."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from accounts.services.exports import cells
from accounts.services.exports.rows import COLUMNS, NO_INFORMATION, Row


class Sheet(Protocol):
    """`name`: of the file with the rows.

    `title`: of the sheet in a workbook. `widths`: of its columns. `numbers`: the positions of those with numbers.
    """

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def columns(self) -> Mapping[str, str]: ...

    @property
    def widths(self) -> Iterable[int]: ...

    @property
    def numbers(self) -> Sequence[int]: ...

    def cells(self, row: Any) -> list[str]: ...

    def document(self, row: Any) -> dict[str, Any]: ...


class UserSheet:
    """The list of users."""

    name, title, columns = "users", "Users", COLUMNS
    widths = (24, 24, 30, 10, 10, 12, 40, 24, 18, 40, 16, 22, 22, 22, 14, 40)
    numbers: Final = (list(COLUMNS).index("active_api_keys"),)

    def __init__(self, trail_start: datetime | None) -> None:
        self._unknown = cells.unknown_moment(trail_start)

    def cells(self, row: Row) -> list[str]:
        return cells.to_cells(row, self._unknown)

    def document(self, row: Row) -> dict[str, Any]:
        """A word instead of a value only for unknown values; null for a text that the user doesn't have."""
        document = row._asdict()
        document["full_name"] = row.full_name or None
        document["email"] = row.email or None
        document["how"] = NO_INFORMATION if row.how is None else row.how or None
        document["active_until"] = NO_INFORMATION if row.active_until is None else row.active_until or None
        for name in ("can_manage_users", "active_api_keys"):
            if document[name] is None:
                document[name] = NO_INFORMATION
        for name in ("created", "last_sign_in", "password_changed"):
            document[name] = cells.moment(document[name]) or self._unknown
        return document
