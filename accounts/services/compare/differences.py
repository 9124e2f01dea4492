"""What is different between two lists: pure functions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self

from accounts.services.exports import NO_INFORMATION, Row

Kind = Literal["came", "gone", "changed"]
KINDS: Final[dict[Kind, str]] = {"came": "Came", "gone": "Gone", "changed": "Changed"}


class Entry(NamedTuple):
    """What is compared of a user."""

    username: str
    full_name: str
    email: str
    enabled: bool
    roles: tuple[str, ...]
    may_change_users: bool | None

    @classmethod
    def of(cls, row: Row) -> Self:
        """From a row of an export."""
        return cls(row.username, row.full_name, row.email, row.enabled, tuple(sorted(row.roles)), row.may_change_users)

    def words(self) -> dict[str, str]:
        """Each field under its name, for people."""
        may = {True: "yes", False: "no", None: NO_INFORMATION}[self.may_change_users]
        status = "Active" if self.enabled else "Deactivated"
        return {
            "Roles": ", ".join(self.roles),
            "Status": status,
            "May change users": may,
            "Email address": self.email,
            "Full name": self.full_name,
        }


class Field(NamedTuple):
    """One field that changed. For roles also which came and which went."""

    name: str
    before: str
    after: str
    added: Sequence[str] = ()
    removed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """A user who is in one list alone, or not the same in both. `by`: who did it and when, as far as the trail knows."""

    kind: Kind
    username: str
    fields: Sequence[Field] = ()
    by: Sequence[str] = ()


@dataclass(frozen=True)
class Comparison:
    """All differences, by user name, and how many users were the same."""

    differences: Sequence[Difference]
    same: int

    def of(self, kind: Kind) -> list[Difference]:
        """Those of one kind."""
        return [difference for difference in self.differences if difference.kind == kind]


def compared(before: Iterable[Entry], after: Iterable[Entry]) -> Comparison:
    """The differences between two lists, whatever their order."""
    old = {entry.username: entry for entry in before}
    found: list[Difference] = []
    same = 0
    for entry in after:
        was = old.pop(entry.username, None)
        if was == entry:
            same += 1
        else:
            found.append(_difference(was, entry))
    found += [Difference("gone", entry.username, tuple(_gone(entry))) for entry in old.values()]
    return Comparison(sorted(found, key=lambda difference: difference.username), same)


def _difference(was: Entry | None, now: Entry) -> Difference:
    if was is None:
        return Difference("came", now.username, tuple(Field(name, "", text) for name, text in now.words().items() if text))
    return Difference("changed", now.username, tuple(_fields(was, now)))


def _gone(entry: Entry) -> Iterator[Field]:
    return (Field(name, text, "") for name, text in entry.words().items() if text)


def _fields(was: Entry, now: Entry) -> Iterator[Field]:
    for (name, before), after in zip(was.words().items(), now.words().values(), strict=True):
        if before == after:
            continue
        if name == "Roles":
            yield Field(name, before, after, sorted({*now.roles} - {*was.roles}), sorted({*was.roles} - {*now.roles}))
        else:
            yield Field(name, before, after)
