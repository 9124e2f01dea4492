"""The XLSX workbook: made by XlsxWriter, with the rows written into its first sheet as they are read.

So the file can be sent while it is written, and the hash of the first sheet can be on the second.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryDirectory
from typing import Any, Final

import xlsxwriter

from accounts.services.exports.completeness import LABELS, Manifest
from accounts.services.exports.rows import NO_INFORMATION
from accounts.services.exports.sheets import Sheet

ROWS: Final = "xl/worksheets/sheet1.xml"
MANIFEST: Final = "xl/worksheets/sheet2.xml"
NO_ROWS: Final = b"<sheetData/>"
MAX_CELL_LENGTH: Final = 32_767
TOO_LONG: Final = "(too long for a cell:"
# What XML can't have or would change, and what looks like the escape for it.
SPECIAL: Final = re.compile("[&<>\x00-\x1f\ufffe\uffff\ud800-\udfff]|_x[0-9A-Fa-f]{4}_")
ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\t": "\t"}
ESCAPED: Final = re.compile("&amp;|&lt;|&gt;|_x([0-9A-Fa-f]{4})_")
VALUE: Final = re.compile(r'<t(?: xml:space="preserve")?>([^<]*)</t>|<v>(\d+)</v>')
BOLD: Final = 1  # the number that XlsxWriter gives to the first format


def before_rows(sheet: Sheet) -> bytes:
    return _without_rows(sheet)[0] + b"<sheetData>\n"


def after_rows(sheet: Sheet) -> bytes:
    return b"</sheetData>" + _without_rows(sheet)[1]


def head(names: Iterable[str]) -> bytes:
    cells = (f'<c s="{BOLD}" t="inlineStr"><is><t>{_xml(name)}</t></is></c>' for name in names)
    return f"<row>{''.join(cells)}</row>\n".encode()


def row(texts: Sequence[str], numbers: Iterable[int]) -> str:
    """A row on a line of its own. Every cell is text, which is never a formula, except for those at the positions `numbers`."""
    cells = [f'<c t="inlineStr"><is><t xml:space="preserve">{_xml(text)}</t></is></c>' for text in texts]
    for position in numbers:
        if texts[position] != NO_INFORMATION:
            cells[position] = f"<c><v>{texts[position]}</v></c>"
    return f"<row>{''.join(cells)}</row>\n"


def texts_of(xml: str) -> list[str]:
    """The cells of a row or a sheet, as `row` and XlsxWriter write them."""
    return [_text(match[1]) if match[2] is None else match[2] for match in VALUE.finditer(xml)]


def parts(sheet: Sheet, manifest: Manifest) -> Iterator[tuple[str, bytes]]:
    """All parts of the workbook except the first sheet; the one with the manifest last."""
    with zipfile.ZipFile(_workbook(sheet, manifest)) as made:
        for name in sorted(set(made.namelist()) - {ROWS}, key=lambda name: name == MANIFEST):
            yield name, made.read(name)


def _workbook(sheet: Sheet, manifest: Manifest | None = None) -> io.BytesIO:
    """A workbook with an empty first sheet."""
    file = io.BytesIO()
    # constant_memory writes each text into its cell instead of into a shared table. It leaves a file for each sheet without rows.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with TemporaryDirectory() as folder, xlsxwriter.Workbook(file, {**options, "tmpdir": folder}) as book:
        bold = book.add_format({"bold": True})
        rows, completeness = book.add_worksheet(sheet.title), book.add_worksheet("Completeness")
        rows.freeze_panes(1, 1)
        for number, width in enumerate(sheet.widths):
            rows.set_column(number, number, width)
        completeness.set_column(0, 0, 32, bold)
        completeness.set_column(1, 1, 90)
        facts: dict[str, Any] = manifest.as_dict() if manifest else {}
        for number, (name, value) in enumerate(facts.items()):
            completeness.write_string(number, 0, LABELS[name], bold)
            completeness.write_string(number, 1, str(value))
    return file


def _without_rows(sheet: Sheet) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(_workbook(sheet)) as made:
        before, _, after = made.read(ROWS).partition(NO_ROWS)
    return before, after


def _xml(text: str) -> str:
    if len(text) > MAX_CELL_LENGTH:
        return f"{TOO_LONG} {len(text):,} characters, see the CSV or NDJSON export)"
    return SPECIAL.sub(_escaped, text) if SPECIAL.search(text) else text


def _escaped(match: re.Match[str]) -> str:
    """As Excel does: _x000A_ is a line break, and _x005F_ the underscore before what looks like such an escape."""
    found = match[0]
    return ENTITIES.get(found) or (f"_x{ord(found):04X}_" if len(found) == 1 else f"_x005F{found}")


def _text(xml: str) -> str:
    plain = {f"&{name};": letter for name, letter in (("amp", "&"), ("lt", "<"), ("gt", ">"))}
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)) if match[1] else plain[match[0]], xml)
