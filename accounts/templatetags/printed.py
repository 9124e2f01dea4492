"""The rows of the list to print. A function writes them: there may be two thousand."""

from collections.abc import Iterable
from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe

from accounts.services.exports import NO_INFORMATION, Row, cells

register = template.Library()


@register.simple_tag
def printed_rows(rows: Iterable[Row]) -> SafeString:
    """A `<tr>` for each row."""
    html = "".join(_row(cells.texts(row, NO_INFORMATION)) for row in rows)
    # Elasticsearch keeps halves of characters, which no page can hold.
    return mark_safe(html.encode(errors="backslashreplace").decode())  # noqa: S308


def _row(texts: list[str]) -> str:
    name, *others = map(escape, texts)
    return f"<tr><th scope=row>{name}<td>{'<td>'.join(others)}"
