"""What a comparison keeps in memory has limits: one copy of each role name, and the texts of all users or other items."""

from collections.abc import Iterable, Sequence
from typing import Final

MAX_ITEMS: Final = 500_000
MAX_ROLES: Final = 100_000
MAX_TEXT: Final = 128_000_000
ROLE_SIZE: Final = 8  # a role takes that much more than its name


class TooLarge(Exception):
    """The message says why one of the lists can't be compared. `list_id`: which."""

    def __init__(self, message: str, list_id: str) -> None:
        super().__init__(message)
        self.list_id = list_id


class Size:
    """The size so far of a list (`noun`) of items (`items`), such as an export of users."""

    def __init__(self, noun: str, items: str, list_id: str = "") -> None:
        self._noun, self._items, self._list_id = noun, items, list_id
        self.count, self._text = 0, 0
        self._roles: set[str] = set()

    def add(self, texts: Iterable[str], roles: Sequence[str]) -> None:
        """Another item. Raises TooLarge."""
        self.count += 1
        self._text += sum(map(len, texts)) + sum(len(name) + ROLE_SIZE for name in roles)
        self._roles.update(roles)
        if self.count > MAX_ITEMS:
            raise self._too_large(f"more than {MAX_ITEMS:,} {self._items}.")
        if len(self._roles) > MAX_ROLES:
            raise self._too_large(f"more than {MAX_ROLES:,} different roles, too many to compare.")
        if self._text > MAX_TEXT:
            raise self._too_large(f"{self._items} with too many or too long roles and names to compare.")

    def _too_large(self, text: str) -> TooLarge:
        return TooLarge(f"The {self._noun} has {text}", self._list_id)
