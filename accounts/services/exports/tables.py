"""Tables other than the list of users, as files with a manifest: API keys, roles, …"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from django.utils import timezone

from accounts.services.client import PersonClient
from accounts.services.exports import cells
from accounts.services.exports.completeness import Origin, TableManifest
from accounts.services.exports.dialect import encode_json, join_names
from accounts.services.exports.rows import NO_INFORMATION

WIDTH: Final = 24

TableRow = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """What is exported, and how it is read.

    `name`: of the file, and the target of the event in the audit trail. `noun`: what the rows are, as in "API keys".
    `columns`: labels by name. `filter`: in words. `query`: the query string of the same list. `count`: the number of matching rows,
    asked before and after. `batches`: the rows, some at a time. A value is a text, a number, a bool, a datetime, a sequence of
    names, a mapping (shown as JSON), or None, which means no information. `number_columns`: those that a workbook shows as numbers.
    """

    name: str
    noun: str
    columns: Mapping[str, str]
    filter: str
    query: str
    count: Callable[[], int]
    batches: Callable[[], Iterator[Sequence[TableRow]]]
    number_columns: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Of the sheet in a workbook, and of the print view."""
        return f"{self.noun[:1].upper()}{self.noun[1:]}"

    @property
    def widths(self) -> list[int]:
        """Of the columns in a workbook."""
        return [WIDTH] * len(self.columns)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """The positions of the columns with numbers."""
        names = list(self.columns)
        return tuple(names.index(name) for name in self.number_columns)

    def counted(self, number: int) -> str:
        """For example "1 API key"."""
        return f"{number:,} {self.noun.removesuffix('s') if number == 1 else self.noun}"

    def cells(self, row: TableRow) -> list[str]:
        """The values as texts, none of them empty."""
        return [_text(row[name]) for name in self.columns]

    def document(self, row: TableRow) -> dict[str, Any]:
        """The values for JSON."""
        return {name: _json(row[name]) for name in self.columns}


class TableListing:
    """The rows of a table, read once."""

    def __init__(self, client: PersonClient, table: Table) -> None:
        """Raises AccessDenied, Unavailable, NotSetUp."""
        self.sheet = table
        self.begun = timezone.now()
        self.count = 0
        self._origin = Origin.load(client.actor, self.begun)
        self.total = table.count()

    def batches(self) -> Iterator[Sequence[TableRow]]:
        """The rows, some at a time."""
        for rows in self.sheet.batches():
            self.count += len(rows)
            yield rows

    def completeness(self, sha256: str, data_file: str = "") -> TableManifest:
        """The manifest of the rows that were read, with the hash of the data file. Counts the rows once more."""
        table = self.sheet
        return TableManifest(
            *self._origin,
            filter=table.filter,
            query=table.query,
            rows=self.count,
            count_before=self.total,
            count_after=table.count(),
            data_file=data_file,
            sha256=sha256,
            noun=table.noun,
        )


def _text(value: Any) -> str:
    match value:
        case bool() | None:
            return cells.WORDS[value]
        case datetime():
            return cells.moment(value.astimezone(UTC))
        case str():
            return value or cells.NONE
        case Mapping():
            return encode_json(value)
        case Sequence():
            return join_names(value) or cells.NONE
    return str(value)


def _json(value: Any) -> Any:
    match value:
        case None:
            return NO_INFORMATION
        case datetime():
            return cells.moment(value.astimezone(UTC))
        case "":
            return None
    return value
