"""Reading an export back, and checking that it is whole and unchanged."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from accounts.services.exports import cells, workbook
from accounts.services.exports.completeness import LABELS, Completeness
from accounts.services.exports.formats import BLOCK, FORMATS, Format
from accounts.services.exports.rows import COLUMNS, NO_INFORMATION, Row

A_PIECE: Final = 1 << 20
LARGEST: Final = 4 << 30  # of the rows, unpacked
LARGEST_BLOCK: Final = 1 << 20
LONGEST_FIELD: Final = 1 << 24


class NotWhole(Exception):
    """It is no export, or a part of one, or it was changed; the message says which, for a person."""


class Export:
    """An export that was found whole: its completeness block, and its rows, as often as one asks."""

    def __init__(self, archive: zipfile.ZipFile, format: Format, completeness: Completeness) -> None:
        self._archive = archive
        self.format = format
        self.completeness = completeness

    def rows(self) -> Iterator[Row]:
        """Each row; the file must still be open."""
        with self._archive.open(self.format.part) as part:
            yield from READERS[self.format.name](io.TextIOWrapper(part, "utf-8", newline=""))


def read(file: BinaryIO) -> Export:
    """An export of any format. Raises NotWhole. A file that can be sought in; it is read once for the check."""
    try:
        archive = zipfile.ZipFile(file)
        format = _format(archive)
        export = Export(archive, format, _block(archive, format))
        _demand_same_hash(archive, export)
        _demand_all_rows(export)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as exc:
        raise NotWhole(f"The file is cut off or damaged: {exc}") from None
    except (ValueError, KeyError, TypeError, csv.Error) as exc:
        raise NotWhole(f"This is not as an export is written: {exc}") from None
    return export


def _format(archive: zipfile.ZipFile) -> Format:
    names = set(archive.namelist())
    for format in FORMATS.values():
        if format.part in names and names & {BLOCK, workbook.BLOCK}:
            return format
    raise NotWhole("The file has no rows or no completeness block: it is no export, or not a whole one.")


def _block(archive: zipfile.ZipFile, format: Format) -> Completeness:
    name = workbook.BLOCK if format.name == "xlsx" else BLOCK
    if archive.getinfo(name).file_size > LARGEST_BLOCK:
        raise NotWhole("The completeness block is too large to be one.")
    text = archive.read(name).decode()
    return Completeness.of(_of_sheet(text) if format.name == "xlsx" else json.loads(text))


def _of_sheet(xml: str) -> dict[str, str]:
    texts = workbook.texts_of(xml)
    names = {label: name for name, label in LABELS.items()}
    return {names[label]: value for label, value in zip(texts[::2], texts[1::2], strict=True)}


def _demand_same_hash(archive: zipfile.ZipFile, export: Export) -> None:
    if archive.getinfo(export.format.part).file_size > LARGEST:
        raise NotWhole("The rows are too large to be those of an export.")
    digest = hashlib.sha256()
    with archive.open(export.format.part) as part:
        while piece := part.read(A_PIECE):
            digest.update(piece)
    if digest.hexdigest() != export.completeness.sha256:
        raise NotWhole(f"The rows were changed: their SHA-256 is {digest.hexdigest()}, not {export.completeness.sha256}.")


def _demand_all_rows(export: Export) -> None:
    found = sum(1 for _ in export.rows())
    if found != export.completeness.rows:
        raise NotWhole(f"There are {found} rows, and the completeness block says {export.completeness.rows}.")


def _csv(text: io.TextIOBase) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_FIELD)
    lines = csv.reader(text)
    if next(lines, [""])[0].lstrip("\ufeff") != COLUMNS["username"]:
        raise ValueError("the columns are missing")
    for line in lines:
        yield cells.row_of([cells.unguarded(cell) for cell in line])


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
        yield cells.row_of(workbook.texts_of(line))


READERS: Final[dict[str, Callable[[io.TextIOBase], Iterator[Row]]]] = {"csv": _csv, "ndjson": _ndjson, "xlsx": _xlsx}
