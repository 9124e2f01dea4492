"""What one run has found out."""

from dataclasses import dataclass

from benchmarks.exports import Exports
from benchmarks.rounds import Load, Subject


@dataclass(frozen=True)
class PageResult:
    """A page of the list, the call that it needs in any case, and the changelist's page that answers the same."""

    ours: Subject
    bare: Subject
    calls: int
    changelist: Subject | None

    @property
    def name(self) -> str:
        """What the page is called."""
        return self.ours.name

    @property
    def overhead(self) -> float:
        """Seconds that it takes longer than its bare call."""
        return self.ours.median - self.bare.median


@dataclass(frozen=True)
class AtSize:
    """Everything at one number of users."""

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
        """The first page of the list."""
        return self.pages[0]


@dataclass(frozen=True)
class Run:
    """A whole run, from few users to many."""

    command: str
    rounds: int
    sizes: list[AtSize]
    machine: dict[str, str]

    @property
    def smallest(self) -> AtSize:
        """The fewest users."""
        return self.sizes[0]

    @property
    def largest(self) -> AtSize:
        """The most users, which the bars are about."""
        return self.sizes[-1]
