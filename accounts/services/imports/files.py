"""The records of a file: rows of cells (CSV, XLSX) or documents (NDJSON), each with its line.

Files come from anywhere, so everything has a limit before it is read: the file, what it unpacks to, its rows, and its columns.
"""

import codecs
import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from accounts.services.client import strict_json
from accounts.services.exports import dialect
from accounts.services.exports.reading import DAMAGED

MAX_FILE_SIZE: Final = 20 << 20
MAX_UNPACKED_SIZE: Final = 100 << 20  # of a part of a workbook, which is read as a stream
MAX_USERS: Final = 20_000
MAX_COLUMNS: Final = 100
FORMATS: Final = ("csv", "ndjson", "xlsx")
SEPARATORS: Final = (",", ";", "\t")
ZIP_START: Final = b"PK\x03\x04"
WORKBOOK: Final = "xl/workbook.xml"
# Without a byte-order mark, every other byte of UTF-16 is zero where the text is in Latin letters.
ENCODINGS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\0", "utf-16-be"),
)
NO_TEXT: Final = "The file isn't UTF-8 or UTF-16 text (line {}). In Excel, save it as “CSV UTF-8”."


class UnreadableFile(Exception):
    """The file as a whole can't be read; the message is shown."""


@dataclass(frozen=True, slots=True)
class Record:
    """`cells` of a table, or the `document` of NDJSON. `problem`: why it can't be read."""

    line: int
    cells: list[str] | None = None
    document: Mapping[str, Any] | None = None
    problem: str = ""

    @property
    def is_empty(self) -> bool:
        return not self.problem and self.document is None and not any(self.cells or ())


class LimitedReader(io.RawIOBase):
    """A part of an archive. Its size in the directory is only a claim, so what is read counts. Raises UnreadableFile."""

    def __init__(self, part: BinaryIO, limit: int = MAX_UNPACKED_SIZE) -> None:
        super().__init__()
        self._part = part
        self._limit = self._left = limit

    def read(self, size: int = -1) -> bytes:
        data = self._part.read(self._left + 1 if size < 0 else size)
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableFile(f"The file unpacks to more than {self._limit >> 20} MB.")
        return data


def size_of(file: BinaryIO) -> int:
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


def require_format(found: str, wanted: str) -> None:
    """Raises UnreadableFile if the content is of another format than was said."""
    if wanted and found != wanted:
        raise UnreadableFile(f"The file isn't {wanted.upper()}. Its content looks like {found.upper()}.")


def require_columns(line: int, number: int) -> None:
    """Raises UnreadableFile if a line has too many of them."""
    if number > MAX_COLUMNS:
        raise UnreadableFile(f"Line {line} has more than {MAX_COLUMNS} columns.")


@contextmanager
def unreadable_if_damaged() -> Iterator[None]:
    """Turns what damaged archives and workbooks raise into UnreadableFile."""
    try:
        yield
    except (*DAMAGED, LookupError, ValueError) as exc:
        raise UnreadableFile(f"The file is truncated or damaged: {exc}") from None


def data_of_export(archive: zipfile.ZipFile) -> bytes:
    """The rows in the ZIP file of an export. Raises UnreadableFile."""
    name = next((name for name in ("users.csv", "users.ndjson") if name in archive.namelist()), "")
    if not name:
        raise UnreadableFile("The ZIP file isn't an export of the user list, and no Excel workbook.")
    with archive.open(name) as part:
        return LimitedReader(part, MAX_FILE_SIZE).read()  # type: ignore[arg-type]


def is_ndjson(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def decode(data: bytes) -> str:
    """The text, without byte-order mark. Raises UnreadableFile."""
    encoding = next((name for start, name in ENCODINGS if data.startswith(start)), "utf-16-le" if data[1:2] == b"\0" else "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as exc:
        raise UnreadableFile(NO_TEXT.format(data.count(b"\n", 0, exc.start) + 1)) from None
    if "\0" in text:
        raise UnreadableFile(NO_TEXT.format(text.count("\n", 0, text.index("\0")) + 1))
    return text.removeprefix(dialect.BOM)


def csv_records(text: str) -> Iterator[Record]:
    """The rows as written, with the line on which each starts; the first row shows the separator. Raises UnreadableFile."""
    csv.field_size_limit(dialect.MAX_FIELD_LENGTH)
    lines = io.StringIO(text, newline="")
    first, skipped = lines.readline(), 0
    separator = max(SEPARATORS, key=first.count)
    if first[:4].lower() == "sep=":  # Excel's own way to name it
        separator, skipped = first[4:5] or separator, 1
    else:
        lines.seek(0)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    line = skipped + 1
    try:
        for row in reader:
            require_columns(line, len(row))
            yield Record(line, row)
            line = skipped + reader.line_num + 1
    except csv.Error as exc:
        raise UnreadableFile(f"The CSV can't be read from line {line} on: {exc}.") from None


def ndjson_records(text: str) -> Iterator[Record]:
    """A document for each line that isn't empty."""
    for line, content in enumerate(io.StringIO(text, newline=None), start=1):
        if content.strip():
            yield _document(line, content)


def _document(line: int, content: str) -> Record:
    try:
        document = strict_json.parse(content)
    except (ValueError, RecursionError) as exc:
        return Record(line, problem=f"This isn't valid JSON: {exc}.")
    if not isinstance(document, dict):
        return Record(line, problem="This isn't a JSON object.")
    require_columns(line, len(document))
    return Record(line, document=document)
