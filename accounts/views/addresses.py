"""The URLs of a list, whose whole state is in its URL."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from django.http import QueryDict

# The position in the list. Changed filters start at the first page.
PAGING: Final = ("after", "before", "last", "page")


class ListAddresses:
    """URLs of the list with some parameters of the current URL changed."""

    def __init__(self, shown: QueryDict, path: str) -> None:
        self._path = path
        used = [(name, values) for name, values in shown.lists() if name not in PAGING and any(values)]
        self._parameters = {name: _encoded(name, *values) for name, values in used}

    def to(self, **changes: str | Sequence[str]) -> str:
        """The first page, unless the changes have a position. An empty value removes the parameter."""
        changed = {name: _encoded(name, *([value] if isinstance(value, str) else value)) for name, value in changes.items()}
        return f"{self._path}?{'&'.join(filter(None, {**self._parameters, **changed}.values()))}"


def _encoded(name: str, *values: str) -> str:
    return urlencode([(name, value) for value in values if value])
