"""Empty files with the columns that an import reads."""

import io
from typing import Final

import xlsxwriter

from accounts.services.exports import dialect
from accounts.services.imports.lines import FIELDS, LABELS

COLUMNS: Final = [LABELS[name] for name in ("username", *FIELDS, "password", "password_hash")]
# Suffix and content type by format.
TEMPLATES: Final = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "csv-semicolon": ("csv", "text/csv; charset=utf-8"),
    "xlsx": ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}
WIDTH: Final = 24


def template(format: str) -> bytes:
    """A file of one of TEMPLATES, with the heads of the columns."""
    return _workbook() if format == "xlsx" else (dialect.BOM + dialect.lines([COLUMNS], dialect.SEPARATORS[format])).encode()


def _workbook() -> bytes:
    """All cells are text, so that Excel leaves usernames such as 007 as they are."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Users")
        sheet.freeze_panes(1, 1)
        sheet.set_column(0, len(COLUMNS) - 1, WIDTH, book.add_format({"num_format": "@"}))
        sheet.write_row(0, 0, COLUMNS, book.add_format({"bold": True}))
    return file.getvalue()
