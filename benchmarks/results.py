"""The results of a run."""

from dataclasses import dataclass

from benchmarks.changes import Changes
from benchmarks.exports import Exports
from benchmarks.rounds import Load, Subject


@dataclass(frozen=True)
class PageResult:
    """A page of usermgmt, its own bare call, its number of calls, and the equivalent page of the Django admin."""

    ours: Subject
    bare: Subject
    calls: int
    changelist: Subject | None

    @property
    def name(self) -> str:
        return self.ours.name

    @property
    def overhead(self) -> float:
        """The additional seconds compared to its bare call."""
        return self.ours.median - self.bare.median


@dataclass(frozen=True)
class AtSize:
    """The results at one number of users. `memory`: of the web process, in bytes."""

    users: int
    pages: list[PageResult]
    first_twenty: Subject
    kibana: Subject
    loads: dict[str, Load]  # of the page, and of the bare call
    memory: int
    exports: Exports

    @property
    def unit(self) -> float:
        """F: the seconds of the bare call for the first twenty users."""
        return self.first_twenty.median

    @property
    def first(self) -> PageResult:
        return self.pages[0]


@dataclass(frozen=True)
class Run:
    """All results of a run, by ascending number of users. `changes`: at the largest number."""

    command: str
    rounds: int
    sizes: list[AtSize]
    changes: Changes
    machine: dict[str, str]

    @property
    def smallest(self) -> AtSize:
        return self.sizes[0]

    @property
    def largest(self) -> AtSize:
        """The results at the largest number of users, to which most targets apply."""
        return self.sizes[-1]
