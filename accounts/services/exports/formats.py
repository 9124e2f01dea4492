"""The formats of an export: what is written for a row, and what else belongs into the file. All of them are ZIP files."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from accounts.services.exports import cells, workbook
from accounts.services.exports.completeness import Completeness
from accounts.services.exports.rows import COLUMNS, NO_INFORMATION, Row

BLOCK: Final = "completeness.json"


class Format(Protocol):
    """How rows become a file.

    `part`: the name of the part with the rows, over which the hash goes; `suffix`: of the whole file.
    """

    name: str
    label: str
    part: str
    suffix: str
    content_type: str

    def begin(self) -> bytes:
        """What stands before the rows."""

    def rows(self, rows: Sequence[Row], trail_start: datetime | None) -> bytes:
        """Some rows."""

    def end(self) -> bytes:
        """What stands after them."""

    def others(self, block: Completeness) -> Iterable[tuple[str, bytes]]:
        """The other parts, the completeness block last."""


class Csv:
    """Comma-separated values in UTF-8, for spreadsheets; nothing in it is taken for a formula."""

    name, label, part, suffix, content_type = "csv", "CSV", "users.csv", "csv.zip", "application/zip"

    def begin(self) -> bytes:
        """The mark by which spreadsheets know UTF-8, and the names of the columns."""
        return "\ufeff".encode() + _csv([COLUMNS.values()])

    def rows(self, rows: Sequence[Row], trail_start: datetime | None) -> bytes:
        """A line each, or more where a text has lines itself."""
        unknown = cells.unknown_moment(trail_start)
        return _csv(_guarded(cells.texts(row, unknown)) for row in rows)

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def others(self, block: Completeness) -> Iterable[tuple[str, bytes]]:
        """The completeness block."""
        return [(BLOCK, _json(block))]


class Ndjson:
    """A JSON object a line, for programs; values are literal."""

    name, label, part, suffix, content_type = "ndjson", "NDJSON", "users.ndjson", "ndjson.zip", "application/zip"

    def begin(self) -> bytes:
        """Nothing."""
        return b""

    def rows(self, rows: Sequence[Row], trail_start: datetime | None) -> bytes:
        """A line each."""
        unknown = cells.unknown_moment(trail_start)
        return "".join([f"{encode(_document(row, unknown))}\n" for row in rows]).encode(errors="backslashreplace")

    def end(self) -> bytes:
        """Nothing."""
        return b""

    def others(self, block: Completeness) -> Iterable[tuple[str, bytes]]:
        """The completeness block."""
        return [(BLOCK, _json(block))]


class Xlsx:
    """A workbook with two sheets, the users and the completeness block; every text is a text."""

    name, label, part, suffix = "xlsx", "Excel (XLSX)", workbook.USERS, "xlsx"
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def begin(self) -> bytes:
        """The sheet up to its rows, and the names of the columns."""
        return workbook.before_rows() + workbook.head(COLUMNS.values())

    def rows(self, rows: Sequence[Row], trail_start: datetime | None) -> bytes:
        """A line each."""
        unknown = cells.unknown_moment(trail_start)
        return "".join([workbook.row(cells.texts(row, unknown)) for row in rows]).encode(errors="backslashreplace")

    def end(self) -> bytes:
        """The sheet behind its rows."""
        return workbook.after_rows()

    def others(self, block: Completeness) -> Iterable[tuple[str, bytes]]:
        """The rest of the workbook."""
        return workbook.parts(block)


FORMATS: Final[dict[str, Format]] = {format.name: format for format in (Csv(), Ndjson(), Xlsx())}

encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": ")).encode


def _document(row: Row, unknown: str) -> dict[str, Any]:
    """Words only where nothing is known; null for a text that the user has not."""
    document = row._asdict()
    document["full_name"] = row.full_name or None
    document["email"] = row.email or None
    for name in ("may_change_users", "living_api_keys"):
        if document[name] is None:
            document[name] = NO_INFORMATION
    for name in ("created", "last_sign_in", "password_changed"):
        document[name] = cells.moment(document[name]) or unknown
    return document


def _guarded(texts: list[str]) -> list[str]:
    """Hardly a row needs it, and one look tells."""
    return [cells.guarded(text) for text in texts] if cells.BEGINS_FORMULA.search(";".join(texts)) else texts


def _csv(lines: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode(errors="backslashreplace")


def _json(block: Completeness) -> bytes:
    return json.dumps(block.as_dict(), ensure_ascii=False, indent=2).encode() + b"\n"
