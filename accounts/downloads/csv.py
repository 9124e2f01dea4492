"""CSV files of findings and comparisons, in the dialect of the exports, as `format=csv` or `format=csv-semicolon` asks for them."""

from collections.abc import Iterable, Iterator, Sequence

from django.http import StreamingHttpResponse

from accounts.services.exports import dialect


def csv_response(rows: Iterable[Sequence[str]], name: str, format: str) -> StreamingHttpResponse:
    """The file for download. An unknown format is comma-separated."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    lines = _lines(rows, dialect.SEPARATORS.get(format, ","))
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=headers)


def _lines(rows: Iterable[Sequence[str]], separator: str) -> Iterator[str]:
    yield dialect.BOM
    for row in rows:
        yield dialect.lines([row], separator)
