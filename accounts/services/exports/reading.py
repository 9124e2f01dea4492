"""Reading an export back, and verifying that it is complete and unmodified."""

import csv
import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, BinaryIO, Final

from accounts.services.exports import cells, dialect, workbook
from accounts.services.exports.completeness import LABELS, CompletenessManifest
from accounts.services.exports.formats import FORMATS, MANIFEST, Format
from accounts.services.exports.rows import ADDED, COLUMNS, NO_INFORMATION, Row
from accounts.services.exports.sheets import UserSheet

CHUNK_SIZE: Final = 1 << 20
MAX_DATA_SIZE: Final = 4 << 30  # of the rows, unpacked
MAX_MANIFEST_SIZE: Final = 1 << 20
# What the modules zipfile and zlib raise for damaged archives.
DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
SHEET: Final = UserSheet(trail_start=None)


class InvalidExport(Exception):
    """The file isn't an export, or it is incomplete or modified; the message is shown."""


class Export:
    """A verified export: its manifest, and its rows, as often as needed."""

    def __init__(self, archive: zipfile.ZipFile, format: Format, manifest: CompletenessManifest) -> None:
        self._archive = archive
        self.format = format
        self.manifest = manifest

    def rows(self) -> Iterator[Row]:
        """The file must still be open."""
        with self._archive.open(self.format.part(SHEET)) as part:
            yield from READERS[self.format.name](io.TextIOWrapper(part, "utf-8", newline=""))


def _count(rows: Iterator[Row]) -> int:
    return sum(1 for _ in rows)


def read(file: BinaryIO, count: Callable[[Iterator[Row]], int] = _count) -> Export:
    """An export in any format, from a seekable file, which is read once to verify it.

    `count`: counts the rows, and may raise InvalidExport for what the caller doesn't take.

    Raises InvalidExport, also for a workbook that lacks texts because they were too long.
    """
    with invalid_if_damaged():
        archive = zipfile.ZipFile(file)
        format = _format(archive)
        export = Export(archive, format, CompletenessManifest.of(_manifest(archive)))
        _require_moment(export.manifest.generated_at)
        _require_same_hash(archive, format.part(SHEET), export.manifest.sha256)
        _require_all_rows(count(export.rows()), export.manifest.rows)
    return export


def verify(file: BinaryIO) -> dict[str, Any]:
    """The manifest of an export of any table, from a seekable file, which is read once to verify it. Raises InvalidExport."""
    with invalid_if_damaged():
        archive = zipfile.ZipFile(file)
        manifest = _manifest(archive)
        part = manifest["data_file"]
        if "users_before" in manifest:
            manifest, part = CompletenessManifest.of(manifest).as_dict(), _format(archive).part(SHEET)
        _require_same_hash(archive, part, manifest["sha256"])
        _require_all_rows(_count_rows(archive, part), int(manifest["rows"]))
    return manifest


@contextmanager
def invalid_if_damaged() -> Iterator[None]:
    """Turns what damaged and foreign files raise into InvalidExport."""
    try:
        yield
    except DAMAGED as exc:
        raise InvalidExport(f"The file isn't an export, or it is truncated or damaged: {exc}") from None
    except (ValueError, KeyError, TypeError, csv.Error) as exc:
        raise InvalidExport(f"The file doesn't have the format of an export: {exc}") from None


def _format(archive: zipfile.ZipFile) -> Format:
    names = set(archive.namelist())
    for format in FORMATS.values():
        if format.part(SHEET) in names and names & {MANIFEST, workbook.MANIFEST}:
            return format
    raise InvalidExport("The file has no rows or no completeness manifest, so it isn't a complete export.")


def _manifest(archive: zipfile.ZipFile) -> dict[str, Any]:
    name = next((name for name in (MANIFEST, workbook.MANIFEST) if name in archive.namelist()), "")
    if not name:
        raise InvalidExport("The file has no completeness manifest, so it isn't a complete export.")
    if archive.getinfo(name).file_size > MAX_MANIFEST_SIZE:
        raise InvalidExport("The completeness manifest is too large.")
    text = archive.read(name).decode()
    return dict(json.loads(text)) if name == MANIFEST else _of_sheet(text)


def _of_sheet(xml: str) -> dict[str, str]:
    texts = workbook.texts_of(xml)
    names = {label: name for name, label in LABELS.items()}
    return {names[label]: value for label, value in zip(texts[::2], texts[1::2], strict=True)}


def _require_moment(text: str) -> None:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("the time of the export has no time zone")


def _require_same_hash(archive: zipfile.ZipFile, part: str, expected: str) -> None:
    if archive.getinfo(part).file_size > MAX_DATA_SIZE:
        raise InvalidExport("The data file is too large.")
    digest = hashlib.sha256()
    with archive.open(part) as rows:
        while piece := rows.read(CHUNK_SIZE):
            digest.update(piece)
    if digest.hexdigest() != expected:
        raise InvalidExport(f"The rows were modified: their SHA-256 is {digest.hexdigest()}, expected {expected}.")


def _require_all_rows(found: int, expected: int) -> None:
    if found != expected:
        raise InvalidExport(f"The file has {found:,} rows, but the manifest says {expected:,}.")


def _count_rows(archive: zipfile.ZipFile, part: str) -> int:
    """Of any table, without the row with the heads of the columns."""
    with archive.open(part) as rows:
        text = io.TextIOWrapper(rows, "utf-8", newline="")
        if part == workbook.ROWS:
            return sum(1 for line in dialect.text_lines(text) if line.startswith("<row>")) - 1
        return sum(1 for _ in dialect.read(text)) - 1 if part.endswith(".csv") else sum(1 for _ in dialect.text_lines(text))


def _csv(text: io.TextIOBase) -> Iterator[Row]:
    lines = dialect.read(text)
    first, *others = next(lines, [""])
    columns = cells.columns_of([first.lstrip(dialect.BOM), *others])
    yield from (cells.from_cells(columns, line) for line in lines)


def _ndjson(text: io.TextIOBase) -> Iterator[Row]:
    for line in dialect.text_lines(text):
        document = json.loads(line)
        there = (name for name in COLUMNS if name in document or name not in ADDED)
        yield Row(**{**dict.fromkeys(ADDED), **{name: FROM_JSON.get(name, _known)(document[name]) for name in there}})


def _known(value: Any) -> Any:
    return None if value == NO_INFORMATION else value


def _text(value: Any) -> str:
    return value or ""


FROM_JSON: Final[dict[str, Callable[[Any], Any]]] = {
    "username": str,
    "metadata": dict,
    **dict.fromkeys(("full_name", "email"), _text),
    **dict.fromkeys(("how", "active_until"), lambda value: None if value == NO_INFORMATION else value or ""),
    **dict.fromkeys(("roles", "unknown_roles"), tuple),
    **dict.fromkeys(("created", "last_sign_in", "password_changed"), cells.moment_of),
}


def _xlsx(text: io.TextIOBase) -> Iterator[Row]:
    """`workbook.row` gives each row a line."""
    lines = (line for line in dialect.text_lines(text) if line.startswith("<row>"))
    columns = cells.columns_of(workbook.texts_of(next(lines, "")))
    for line in lines:
        texts = workbook.texts_of(line)
        if any(text.startswith(workbook.TOO_LONG) for text in texts):
            raise InvalidExport("The file has texts that were too long for Excel. Use the CSV or NDJSON export.")
        yield cells.from_cells(columns, texts)


READERS: Final[dict[str, Callable[[io.TextIOBase], Iterator[Row]]]] = {
    **dict.fromkeys(dialect.SEPARATORS, _csv),
    "ndjson": _ndjson,
    "xlsx": _xlsx,
}
