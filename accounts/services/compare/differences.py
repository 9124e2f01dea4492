"""The differences between two lists: pure functions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self

from accounts.services.exports import NO_INFORMATION, Row
from accounts.services.exports.dialect import join_names

Kind = Literal["added", "removed", "changed"]
KINDS: Final[dict[Kind, str]] = {"added": "Added", "removed": "Removed", "changed": "Changed"}


class Entry(NamedTuple):
    """The fields of a user that are compared."""

    username: str
    full_name: str
    email: str
    enabled: bool
    roles: tuple[str, ...]
    can_manage_users: bool | None

    @classmethod
    def of(cls, row: Row) -> Self:
        """From a row of an export."""
        return cls(row.username, row.full_name, row.email, row.enabled, tuple(sorted(row.roles)), row.can_manage_users)

    def labeled(self) -> dict[str, str]:
        """The fields by label."""
        can = {True: "yes", False: "no", None: NO_INFORMATION}[self.can_manage_users]
        status = "Active" if self.enabled else "Deactivated"
        return {
            "Roles": join_names(self.roles),
            "Status": status,
            "Can manage users": can,
            "Email address": self.email,
            "Full name": self.full_name,
        }


class Field(NamedTuple):
    """A changed field; for roles also which were added and removed."""

    name: str
    before: str
    after: str
    added: Sequence[str] = ()
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A user who is only in one list, or differs. `by`: who changed the user and when, based on the audit trail."""

    kind: Kind
    username: str
    fields: Sequence[Field] = ()
    by: Sequence[str] = ()


@dataclass(frozen=True)
class Comparison:
    """All differences, sorted by username, and how many users are the same."""

    differences: Sequence[Difference]
    same: int

    def of(self, kind: Kind) -> list[Difference]:
        return [difference for difference in self.differences if difference.kind == kind]


def compare(before: Iterable[Entry], after: Iterable[Entry]) -> Comparison:
    """The differences between two lists, in any order."""
    old = {entry.username: entry for entry in before}
    found: list[Difference] = []
    same = 0
    for entry in after:
        was = old.pop(entry.username, None)
        if was == entry:
            same += 1
        else:
            found.append(_difference(was, entry))
    found += [Difference("removed", entry.username, tuple(_removed(entry))) for entry in old.values()]
    return Comparison(sorted(found, key=lambda difference: difference.username), same)


def _difference(was: Entry | None, now: Entry) -> Difference:
    if was is None:
        return Difference("added", now.username, tuple(Field(name, "", text) for name, text in now.labeled().items() if text))
    return Difference("changed", now.username, tuple(_fields(was, now)))


def _removed(entry: Entry) -> Iterator[Field]:
    return (Field(name, text, "") for name, text in entry.labeled().items() if text)


def _fields(was: Entry, now: Entry) -> Iterator[Field]:
    for (name, before), after in zip(was.labeled().items(), now.labeled().values(), strict=True):
        if before == after:
            continue
        if name == "Roles":
            yield Field(name, before, after, sorted({*now.roles} - {*was.roles}), sorted({*was.roles} - {*now.roles}))
        else:
            yield Field(name, before, after)
