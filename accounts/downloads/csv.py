"""CSV files of findings and comparisons, in the dialect of the exports."""

from collections.abc import Iterable, Iterator, Sequence

from accounts.services.exports import dialect


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of the file, starting with the byte order mark."""
    yield dialect.BOM
    for row in rows:
        yield dialect.lines([row])
