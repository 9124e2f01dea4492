"""CSV files of findings and comparisons, in the dialect of all our files."""

from collections.abc import Iterable, Iterator, Sequence

from accounts.services.exports import dialect


def csv_lines(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The file, one row at a time."""
    yield dialect.BOM
    for row in rows:
        yield dialect.lines([row])
