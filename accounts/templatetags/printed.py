"""The rows of the printable user list. A function writes them because there can be 2,000."""

from collections.abc import Iterable
from html import escape

from django import template
from django.utils.safestring import SafeString, mark_safe

from accounts.services.exports import NO_INFORMATION, Row, cells

register = template.Library()


@register.simple_tag
def printed_rows(rows: Iterable[Row]) -> SafeString:
    """A `<tr>` for each row."""
    return mark_safe("".join(_row(cells.to_cells(row, NO_INFORMATION)) for row in rows))  # noqa: S308


def _row(texts: list[str]) -> str:
    name, *others = map(escape, texts)
    return f"<tr><th scope=row>{name}<td>{'<td>'.join(others)}"
