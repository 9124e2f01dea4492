"""Column heads that sort a list."""

from typing import Protocol


class SortedQuery(Protocol):
    @property
    def sort(self) -> str: ...
    @property
    def descending(self) -> bool: ...


def direction_and_order(query: SortedQuery, field: str) -> tuple[str, str]:
    """How the list is sorted by a column, for `aria-sort`, and the order that its head leads to."""
    if query.sort != field:
        return "none", "asc"
    return ("descending", "asc") if query.descending else ("ascending", "desc")
