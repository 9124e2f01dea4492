"""Tables as CSV, for people who open them in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from accounts.services.exports.cells import guarded

BOM: Final = "\ufeff"  # without it a spreadsheet reads UTF-8 as something else


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """CSV, a piece at a time; no cell is taken for a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    yield BOM
    for row in rows:
        writer.writerow([guarded(cell) for cell in row])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
