"""The rows of the first sheet of an XLSX workbook, read as a stream."""

import re
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any, Final, Literal
from xml.parsers import expat

from accounts.services.imports.files import WORKBOOK, LimitedReader, Record, UnreadableFile, require_columns

CHUNK_SIZE: Final = 1 << 16
MAX_TAG_SIZE: Final = 1 << 20  # expat reads an incomplete tag again with each chunk
MAX_SHARED_STRINGS: Final = 1_000_000
RELATIONS: Final = "xl/_rels/workbook.xml.rels"
SHARED_STRINGS: Final = "xl/sharedStrings.xml"
ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
FORMULA_ERROR: Final = "A formula in this line has an error."

Event = tuple[Literal["start", "end"], str, Mapping[str, str], str]


def records(archive: zipfile.ZipFile) -> Iterator[Record]:
    """The rows that have cells. Raises UnreadableFile, and what `zipfile` raises."""
    shared = list(islice(_texts(archive), MAX_SHARED_STRINGS)) if SHARED_STRINGS in archive.namelist() else []
    cells: dict[int, str] = {}
    line, problem = 0, ""
    kind, position, value = "", -1, ""
    for event, name, attributes, text in _events(archive, _first_sheet(archive)):
        if event == "start" and name == "row":
            line, cells, problem, position = int(attributes.get("r", line + 1)), {}, "", -1
        elif event == "start" and name == "c":
            kind, value = attributes.get("t", "n"), ""
            position = _column(attributes["r"]) if "r" in attributes else position + 1
        elif event == "end" and name in ("v", "t"):
            value += text
        elif event == "end" and name == "c" and value:
            require_columns(line, position + 1)
            problem = problem or (FORMULA_ERROR if kind == "e" else "")
            cells[position] = shared[int(value)] if kind == "s" else _unescaped(value)
        elif event == "end" and name == "row" and cells:
            yield Record(line, [cells.get(number, "") for number in range(max(cells) + 1)], problem=problem)


def first_day(archive: zipfile.ZipFile) -> date:
    """The day 0 of the workbook, from which it counts dates: Excel for Mac had another one. Raises as `records`."""
    of_book = (attributes for event, name, attributes, _ in _events(archive, WORKBOOK) if event == "start" and name == "workbookPr")
    return date(1904, 1, 1) if next(of_book, {}).get("date1904") in ("1", "true") else date(1899, 12, 30)


def _first_sheet(archive: zipfile.ZipFile) -> str:
    ids = [
        value
        for event, name, attributes, _ in _events(archive, WORKBOOK)
        if event == "start" and name == "sheet"
        for attribute, value in attributes.items()
        if attribute.endswith(":id")
    ]
    for event, name, attributes, _ in _events(archive, RELATIONS):
        if event == "start" and name == "Relationship" and ids and attributes.get("Id") == ids[0]:
            target = attributes.get("Target", "")
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    raise UnreadableFile("The workbook has no sheet.")


def _texts(archive: zipfile.ZipFile) -> Iterator[str]:
    """The shared strings, without their pronunciation (`rPh`)."""
    text, is_pronounced = "", False
    for event, name, _, content in _events(archive, SHARED_STRINGS):
        if name == "rPh":
            is_pronounced = event == "start"
        elif event == "end" and name == "t" and not is_pronounced:
            text += content
        elif event == "end" and name == "si":
            yield _unescaped(text)
            text = ""


def _events(archive: zipfile.ZipFile, part: str) -> Iterator[Event]:
    """Starts and ends of elements by their local name, an end with its text. Raises UnreadableFile, also for a DOCTYPE."""
    found: list[Event] = []
    content: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        content.clear()
        found.append(("start", name.rpartition(":")[2], attributes, ""))

    def end(name: str) -> None:
        found.append(("end", name.rpartition(":")[2], {}, "".join(content)))
        content.clear()

    def doctype(*declared: Any) -> None:
        raise UnreadableFile("The workbook declares entities, which Excel and LibreOffice never do.")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = content.append, doctype
    with archive.open(part) as file:
        limited = LimitedReader(file)  # type: ignore[arg-type]
        is_over, size = False, 0
        while not is_over:
            data = limited.read(CHUNK_SIZE)
            is_over, size = not data, size + len(data)
            try:
                parser.Parse(data, is_over)
            except expat.ExpatError as exc:
                raise UnreadableFile(f"The workbook is damaged: {exc}") from None
            if size - parser.CurrentByteIndex > MAX_TAG_SIZE:
                raise UnreadableFile("The workbook is damaged: a tag is too long")
            yield from found
            found.clear()


def _column(reference: str) -> int:
    """The position of the column in a reference such as AB12."""
    number = 0
    for letter in reference.rstrip("0123456789").upper()[:4]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _unescaped(text: str) -> str:
    """Excel writes _x000A_ for a line break, and _x005F_ for the underscore before what looks like such an escape."""
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text
