"""The differences between two lists: pure functions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Final, Literal, NamedTuple, Protocol, Self

from accounts.services.exports import NO_INFORMATION, Row
from accounts.services.exports.dialect import join_names

Kind = Literal["added", "removed", "changed"]
KINDS: Final[dict[Kind, str]] = {"added": "Added", "removed": "Removed", "changed": "Changed"}


class Comparable(Protocol):
    """One of a list, which is equal to another if nothing of it differs. `identity`: what stays; `name`: how pages call it."""

    @property
    def identity(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def lists(self) -> Mapping[str, Sequence[str]]:
        """The fields that are lists, by label."""

    def labeled(self) -> dict[str, str]:
        """All fields as texts, by label."""


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
        """From a row of an export. Many users share roles, so each name is kept once."""
        roles = tuple(sorted(map(intern, row.roles)))
        return cls(row.username, row.full_name, row.email, row.enabled, roles, row.can_manage_users)

    @property
    def identity(self) -> str:
        return self.username

    @property
    def name(self) -> str:
        return self.username

    @property
    def lists(self) -> Mapping[str, Sequence[str]]:
        return {"Roles": self.roles}

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
    """A changed field; of a list, such as roles, also what was added and removed."""

    name: str
    before: str
    after: str
    added: Sequence[str] = ()
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A user, or another thing, that is only in one list, or differs. `by`: who changed it and when, based on the audit trail."""

    kind: Kind
    identity: str
    name: str
    fields: Sequence[Field] = ()
    by: Sequence[str] = ()


@dataclass(frozen=True)
class Comparison:
    """All differences, sorted by name."""

    differences: Sequence[Difference]

    def of(self, kind: Kind) -> list[Difference]:
        return [difference for difference in self.differences if difference.kind == kind]


def compare(before: Iterable[Comparable], after: Iterable[Comparable]) -> Comparison:
    """The differences between two lists, in any order."""
    old = {entry.identity: entry for entry in before}
    found: list[Difference] = []
    for entry in after:
        was = old.pop(entry.identity, None)
        if was != entry:
            found.append(_difference(was, entry))
    found += [Difference("removed", entry.identity, entry.name, tuple(_removed(entry))) for entry in old.values()]
    return Comparison(sorted(found, key=lambda difference: (difference.name, difference.identity)))


def _difference(was: Comparable | None, now: Comparable) -> Difference:
    if was is None:
        added = (Field(name, "", text) for name, text in now.labeled().items() if text)
        return Difference("added", now.identity, now.name, tuple(added))
    return Difference("changed", now.identity, now.name, tuple(_fields(was, now)))


def _removed(entry: Comparable) -> Iterator[Field]:
    return (Field(name, text, "") for name, text in entry.labeled().items() if text)


def _fields(was: Comparable, now: Comparable) -> Iterator[Field]:
    for (name, before), after in zip(was.labeled().items(), now.labeled().values(), strict=True):
        if before == after:
            continue
        if name in now.lists:
            old, new = set(was.lists[name]), set(now.lists[name])
            yield Field(name, before, after, sorted(new - old), sorted(old - new))
        else:
            yield Field(name, before, after)
