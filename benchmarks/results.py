"""The results of a run."""

from dataclasses import dataclass

from benchmarks.access import Access
from benchmarks.changes import Changes
from benchmarks.exports import Exports
from benchmarks.pages import PageResult
from benchmarks.rounds import Load, Subject


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
    """All results of a run, by ascending number of users. `changes` and `access`: at the largest number."""

    command: str
    rounds: int
    sizes: list[AtSize]
    changes: Changes
    access: Access
    machine: dict[str, str]

    @property
    def smallest(self) -> AtSize:
        return self.sizes[0]

    @property
    def largest(self) -> AtSize:
        """The results at the largest number of users, to which most targets apply."""
        return self.sizes[-1]
