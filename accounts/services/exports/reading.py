"""Reading an export back, and verifying that it is complete and unmodified."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from accounts.services.exports import cells, dialect, workbook
from accounts.services.exports.completeness import LABELS, CompletenessManifest
from accounts.services.exports.formats import FORMATS, MANIFEST, Format
from accounts.services.exports.rows import COLUMNS, NO_INFORMATION, Row
from accounts.services.exports.sheets import UserSheet

CHUNK_SIZE: Final = 1 << 20
MAX_DATA_SIZE: Final = 4 << 30  # of the rows, unpacked
MAX_MANIFEST_SIZE: Final = 1 << 20
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


def read(file: BinaryIO) -> Export:
    """An export in any format, from a seekable file, which is read once to verify it. Raises InvalidExport."""
    try:
        archive = zipfile.ZipFile(file)
        format = _format(archive)
        export = Export(archive, format, _manifest(archive, format))
        _require_same_hash(archive, export)
        _require_all_rows(export)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as exc:
        raise InvalidExport(f"The file is truncated or damaged: {exc}") from None
    except (ValueError, KeyError, TypeError, csv.Error) as exc:
        raise InvalidExport(f"The file doesn't have the format of an export: {exc}") from None
    return export


def _format(archive: zipfile.ZipFile) -> Format:
    names = set(archive.namelist())
    for format in FORMATS.values():
        if format.part(SHEET) in names and names & {MANIFEST, workbook.MANIFEST}:
            return format
    raise InvalidExport("The file has no rows or no completeness manifest, so it isn't a complete export.")


def _manifest(archive: zipfile.ZipFile, format: Format) -> CompletenessManifest:
    name = workbook.MANIFEST if format.name == "xlsx" else MANIFEST
    if archive.getinfo(name).file_size > MAX_MANIFEST_SIZE:
        raise InvalidExport("The completeness manifest is too large.")
    text = archive.read(name).decode()
    return CompletenessManifest.of(_of_sheet(text) if format.name == "xlsx" else json.loads(text))


def _of_sheet(xml: str) -> dict[str, str]:
    texts = workbook.texts_of(xml)
    names = {label: name for name, label in LABELS.items()}
    return {names[label]: value for label, value in zip(texts[::2], texts[1::2], strict=True)}


def _require_same_hash(archive: zipfile.ZipFile, export: Export) -> None:
    if archive.getinfo(export.format.part(SHEET)).file_size > MAX_DATA_SIZE:
        raise InvalidExport("The data file is too large.")
    digest = hashlib.sha256()
    with archive.open(export.format.part(SHEET)) as part:
        while piece := part.read(CHUNK_SIZE):
            digest.update(piece)
    if digest.hexdigest() != export.manifest.sha256:
        raise InvalidExport(f"The rows were modified: their SHA-256 is {digest.hexdigest()}, expected {export.manifest.sha256}.")


def _require_all_rows(export: Export) -> None:
    found = sum(1 for _ in export.rows())
    if found != export.manifest.rows:
        raise InvalidExport(f"The file has {found:,} rows, but the manifest says {export.manifest.rows:,}.")


def _csv(text: io.TextIOBase) -> Iterator[Row]:
    lines = dialect.read(text)
    if next(lines, [""])[0].lstrip(dialect.BOM) != COLUMNS["username"]:
        raise ValueError("the columns are missing")
    yield from map(cells.from_cells, lines)


def _ndjson(text: io.TextIOBase) -> Iterator[Row]:
    for line in text:
        document = json.loads(line)
        yield Row(*(FROM_JSON.get(name, _known)(document[name]) for name in COLUMNS))


def _known(value: Any) -> Any:
    return None if value == NO_INFORMATION else value


def _text(value: Any) -> str:
    return value or ""


FROM_JSON: Final[dict[str, Callable[[Any], Any]]] = {
    "username": str,
    "metadata": dict,
    **dict.fromkeys(("full_name", "email"), _text),
    **dict.fromkeys(("roles", "unknown_roles"), tuple),
    **dict.fromkeys(("created", "last_sign_in", "password_changed"), cells.moment_of),
}


def _xlsx(text: io.TextIOBase) -> Iterator[Row]:
    """`workbook.row` gives each row a line."""
    lines = (line for line in text if line.startswith("<row>"))
    next(lines)
    for line in lines:
        yield cells.from_cells(workbook.texts_of(line))


READERS: Final[dict[str, Callable[[io.TextIOBase], Iterator[Row]]]] = {
    **dict.fromkeys(dialect.SEPARATORS, _csv),
    "ndjson": _ndjson,
    "xlsx": _xlsx,
}
