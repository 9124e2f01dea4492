"""The formats of an export: how rows are written, and the other members of the file. All of them are ZIP files."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from accounts.services.exports import dialect, workbook
from accounts.services.exports.completeness import Manifest
from accounts.services.exports.sheets import Sheet

MANIFEST: Final = "completeness.json"


class Format(Protocol):
    """Writes a file: `begin`, any number of `rows`, `end`, and the `others`, with the manifest last.

    `part`: the member of the archive with the rows, which the hash covers; `suffix`: of the whole file.
    """

    name: str
    label: str
    suffix: str
    content_type: str

    def part(self, sheet: Sheet) -> str: ...

    def begin(self, sheet: Sheet) -> bytes: ...

    def rows(self, sheet: Sheet, rows: Sequence[Any]) -> bytes: ...

    def end(self, sheet: Sheet) -> bytes: ...

    def others(self, sheet: Sheet, manifest: Manifest) -> Iterable[tuple[str, bytes]]: ...


class Csv:
    """For spreadsheets; see `dialect`."""

    suffix, content_type = "csv.zip", "application/zip"

    def __init__(self, name: str, label: str) -> None:
        self.name, self.label = name, label
        self._separator = dialect.SEPARATORS[name]

    def part(self, sheet: Sheet) -> str:
        return f"{sheet.name}.csv"

    def begin(self, sheet: Sheet) -> bytes:
        return (dialect.BOM + dialect.lines([list(sheet.columns.values())], self._separator)).encode()

    def rows(self, sheet: Sheet, rows: Sequence[Any]) -> bytes:
        return dialect.lines(map(sheet.cells, rows), self._separator).encode()

    def end(self, sheet: Sheet) -> bytes:
        return b""

    def others(self, sheet: Sheet, manifest: Manifest) -> Iterable[tuple[str, bytes]]:
        return [(MANIFEST, _json(manifest))]


class Ndjson:
    """A JSON object on each line, for programs."""

    name, label, suffix, content_type = "ndjson", "NDJSON", "ndjson.zip", "application/zip"

    def part(self, sheet: Sheet) -> str:
        return f"{sheet.name}.ndjson"

    def begin(self, sheet: Sheet) -> bytes:
        return b""

    def rows(self, sheet: Sheet, rows: Sequence[Any]) -> bytes:
        return "".join([f"{encode(sheet.document(row))}\n" for row in rows]).encode()

    def end(self, sheet: Sheet) -> bytes:
        return b""

    def others(self, sheet: Sheet, manifest: Manifest) -> Iterable[tuple[str, bytes]]:
        return [(MANIFEST, _json(manifest))]


class Xlsx:
    """A workbook with a sheet for the rows and the sheet Completeness; every cell is text, except for numbers."""

    name, label, suffix = "xlsx", "Excel (XLSX)", "xlsx"
    content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def part(self, sheet: Sheet) -> str:
        return workbook.ROWS

    def begin(self, sheet: Sheet) -> bytes:
        return workbook.before_rows(sheet) + workbook.head(sheet.columns.values())

    def rows(self, sheet: Sheet, rows: Sequence[Any]) -> bytes:
        return "".join([workbook.row(sheet.cells(row), sheet.numbers) for row in rows]).encode()

    def end(self, sheet: Sheet) -> bytes:
        return workbook.after_rows(sheet)

    def others(self, sheet: Sheet, manifest: Manifest) -> Iterable[tuple[str, bytes]]:
        return workbook.parts(sheet, manifest)


FORMATS: Final[dict[str, Format]] = {
    format.name: format
    for format in (Csv("csv", "CSV, comma-separated"), Csv("csv-semicolon", "CSV, semicolon-separated"), Ndjson(), Xlsx())
}

encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": ")).encode


def _json(manifest: Manifest) -> bytes:
    return json.dumps(manifest.as_dict(), ensure_ascii=False, indent=2).encode() + b"\n"
