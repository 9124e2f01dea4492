"""The formats of an export: how rows are written, and the other members of the file. All of them are ZIP files."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from accounts.services.exports import cells, dialect, workbook
from accounts.services.exports.completeness import CompletenessManifest
from accounts.services.exports.rows import COLUMNS, NO_INFORMATION, Row

MANIFEST: Final = "completeness.json"


class Format(Protocol):
    """Writes a file: `begin`, any number of `rows`, `end`, and the `others`, with the manifest last.

    `part`: the member of the archive with the rows, which the hash covers; `suffix`: of the whole file.
    """

    name: str
    label: str
    part: str
    suffix: str
    content_type: str

    def begin(self) -> bytes: ...

    def rows(self, rows: Sequence[Row], trail_start: datetime | None) -> bytes: ...

    def end(self) -> bytes: ...

    def others(self, manifest: CompletenessManifest) -> Iterable[tuple[str, bytes]]: ...


class Csv:
    """For spreadsheets; see `dialect`."""

    part, suffix, content_type = "users.csv", "csv.zip", "application/zip"

    def __init__(self, name: str, label: str) -> None:
        self.name, self.label = name, label
        self._separator = dialect.SEPARATORS[name]

    def begin(self) -> bytes:
        return (dialect.BOM + dialect.lines([list(COLUMNS.values())], self._separator)).encode()

    def rows(self, rows: Sequence[Row], trail_start: datetime | None) -> bytes:
        unknown = cells.unknown_moment(trail_start)
        lines = dialect.lines((cells.to_cells(row, unknown) for row in rows), self._separator)
        return lines.encode()

    def end(self) -> bytes:
        return b""

    def others(self, manifest: CompletenessManifest) -> Iterable[tuple[str, bytes]]:
        return [(MANIFEST, _json(manifest))]


class Ndjson:
    """A JSON object on each line, for programs."""

    name, label, part, suffix, content_type = "ndjson", "NDJSON", "users.ndjson", "ndjson.zip", "application/zip"

    def begin(self) -> bytes:
        return b""

    def rows(self, rows: Sequence[Row], trail_start: datetime | None) -> bytes:
        unknown = cells.unknown_moment(trail_start)
        return "".join([f"{encode(_document(row, unknown))}\n" for row in rows]).encode()

    def end(self) -> bytes:
        return b""

    def others(self, manifest: CompletenessManifest) -> Iterable[tuple[str, bytes]]:
        return [(MANIFEST, _json(manifest))]


class Xlsx:
    """A workbook with the sheets Users and Completeness; every cell is text."""

    name, label, part, suffix = "xlsx", "Excel (XLSX)", workbook.USERS, "xlsx"
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def begin(self) -> bytes:
        return workbook.before_rows() + workbook.head(COLUMNS.values())

    def rows(self, rows: Sequence[Row], trail_start: datetime | None) -> bytes:
        unknown = cells.unknown_moment(trail_start)
        return "".join([workbook.row(cells.to_cells(row, unknown)) for row in rows]).encode()

    def end(self) -> bytes:
        return workbook.after_rows()

    def others(self, manifest: CompletenessManifest) -> Iterable[tuple[str, bytes]]:
        return workbook.parts(manifest)


FORMATS: Final[dict[str, Format]] = {
    format.name: format
    for format in (Csv("csv", "CSV, comma-separated"), Csv("csv-semicolon", "CSV, semicolon-separated"), Ndjson(), Xlsx())
}

encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": ")).encode


def _document(row: Row, unknown: str) -> dict[str, Any]:
    """A word instead of a value only for unknown values; null for a text that the user doesn't have."""
    document = row._asdict()
    document["full_name"] = row.full_name or None
    document["email"] = row.email or None
    for name in ("can_manage_users", "active_api_keys"):
        if document[name] is None:
            document[name] = NO_INFORMATION
    for name in ("created", "last_sign_in", "password_changed"):
        document[name] = cells.moment(document[name]) or unknown
    return document


def _json(manifest: CompletenessManifest) -> bytes:
    return json.dumps(manifest.as_dict(), ensure_ascii=False, indent=2).encode() + b"\n"
