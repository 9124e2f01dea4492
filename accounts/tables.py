"""Tables as CSV, for people who open them in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

BOM: Final = "\ufeff"  # without it a spreadsheet reads UTF-8 as something else
# What a cell may not begin with, or a spreadsheet takes it for a formula.
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def written(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """CSV, a piece at a time; no cell is a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield BOM
    for row in rows:
        writer.writerow([defused(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def defused(cell: str) -> str:
    """With an apostrophe before what would be taken for a formula."""
    return f"'{cell}" if cell.startswith(FORMULA) else cell
