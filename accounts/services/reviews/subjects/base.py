"""What a subject of reviews is: how its items are read, named, decided about, verified, and removed."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar

from accounts.services import audit
from accounts.services.client import PersonClient
from accounts.services.request_context import Actor

Query = TypeVar("Query")
Row = Mapping[str, Any]
Decision = Literal["keep", "change", "remove"]
Removal = Literal["deactivate", "disable", "delete", "revoke"]


@dataclass(frozen=True, slots=True)
class Batch:
    """The next items of a snapshot, as rows, and how many there are in all."""

    rows: Sequence[Row]
    total: int


@dataclass(frozen=True, slots=True)
class Current:
    """An item as it is now. `thing`: None if it doesn't exist anymore; `changed`: the columns that differ from the snapshot.

    `is_removed`: it doesn't give access to anybody. `protection`: why it can't be removed in usermgmt, or "".
    """

    thing: Any
    state: str
    is_removed: bool
    changed: Sequence[str] = ()
    protection: str = ""


@dataclass(frozen=True, slots=True)
class RemovalWords:
    """A way to remove items: its verb, forms of it, and what it means for one item and for several."""

    verb: str
    done: str
    doing: str
    consequence: str
    consequences: str
    can_be_undone: bool = False


class Subject(ABC, Generic[Query]):
    """What a review can be about. Rows are those of the snapshot, in an order that `batch` can continue.

    `identity`: the column that identifies an item; `order`: those by which the snapshot is sorted; `compared`: those that show
    whether an item changed; `lists`: those with names. `page`: the name of the URL of an item. `kind` and `actions`: of the events
    that change items.
    """

    slug: ClassVar[str]
    noun: ClassVar[str]
    columns: ClassVar[Mapping[str, str]]
    identity: ClassVar[str]
    order: ClassVar[Sequence[str]]
    compared: ClassVar[Sequence[str]] = ()
    decisions: ClassVar[Mapping[Decision, str]]
    removals: ClassVar[Mapping[Removal, RemovalWords]]
    lists: ClassVar[Sequence[str]]
    searched: ClassVar[Sequence[str]]
    search_hint: ClassVar[str]
    own: ClassVar[str] = "Own account"
    page: ClassVar[str]
    kind: ClassVar[str]
    actions: ClassVar[Collection[audit.Action]]

    @property
    def nouns(self) -> str:
        return f"{self.noun}s"

    @property
    def heading(self) -> str:
        """Of a column with the names of items."""
        return f"{self.noun[:1].upper()}{self.noun[1:]}"

    @property
    def item_template(self) -> str:
        """An item in an open review."""
        return f"reviews/{self._folder}/_item.html"

    @property
    def cells_template(self) -> str:
        """The first two cells of an item in the report."""
        return f"reviews/{self._folder}/_cells.html"

    @property
    def _folder(self) -> str:
        return self.slug.replace("-", "_")

    @abstractmethod
    def describe(self, query: Query) -> str:
        """The filter of a snapshot, in words."""

    @abstractmethod
    def stored(self, query: Query) -> dict[str, Any]:
        """The query as a review keeps it."""

    @abstractmethod
    def loaded(self, fields: Mapping[str, Any]) -> Query:
        """The query that `stored` got."""

    @abstractmethod
    def count(self, client: PersonClient, query: Query) -> int:
        """How many items match now. Raises AccessDenied."""

    @abstractmethod
    def batch(self, client: PersonClient, query: Query, after: Row | None, size: int) -> Batch:
        """Up to `size` items after a row; none at the end. Raises AccessDenied."""

    @abstractmethod
    def current(self, client: PersonClient, rows: Sequence[Row]) -> dict[str, Current]:
        """These items as they are now, by identity. Raises AccessDenied."""

    @abstractmethod
    def remove(self, client: PersonClient, removal: Removal, current: Current) -> None:
        """Remove an item that exists, recorded in the audit trail. Raises AuditUnavailable, and what the change raises."""

    def name(self, row: Row) -> str:
        """What identifies the item, in words."""
        return str(row[self.identity])

    def require_valid(self, row: Row) -> None:
        """Raises an error of `damage.ERRORS` if another program has written the row: a page couldn't show it."""
        self.position(row)
        names = [row[self.identity], *(name for column in self.lists for name in row.get(column) or [])]
        if not all(name and isinstance(name, str) for name in [self.name(row), *names]):
            raise TypeError("a name is missing")

    def is_own(self, row: Row, actor: Actor) -> bool:
        """Whether the item is an account, or belongs to it, of the reviewer."""
        return False

    def position(self, row: Row) -> tuple[str, ...]:
        """Where the item is in the order of the snapshot."""
        return tuple(str(row[name] or "") for name in self.order)

    def changed(self, before: Row, now: Row) -> list[str]:
        """The labels of the columns that differ, as far as the snapshot has them."""
        return [self.columns[name] for name in self.compared if name in before and before[name] != now[name]]


def plain(value: Any) -> Any:
    """A value of a row as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, Mapping) else value
