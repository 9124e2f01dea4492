"""Column heads that sort a list."""

from typing import Protocol

from accounts.templatetags import user_table
from accounts.views.addresses import ListAddresses


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


def column_head(addresses: ListAddresses, query: SortedQuery, field: str, label: str, *, in_one: bool = False) -> str:
    """A column head with its sort direction and the link that sorts by it or reverses it; only the label without a field.

    `in_one`: the URL has the order in the same parameter as the field, as a minus sign.
    """
    if not field:
        return user_table.column_head(label)
    direction, order = direction_and_order(query, field)
    changes = {"sort": f"-{field}" if order == "desc" else field} if in_one else {"sort": field, "order": order}
    return user_table.column_head(label, field, direction, addresses.to(**changes))
