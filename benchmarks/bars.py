"""The targets: limits, measurements, and whether they are met."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.pages import SEARCHED, PageResult
from benchmarks.results import Run

MAX_CALLS: Final = 3
MEGABYTE: Final = 1_000_000


@dataclass(frozen=True)
class Bar:
    """A target, with texts for the report."""

    what: str
    wanted: str
    got: str
    met: bool


def bars(run: Run) -> Iterator[Bar]:
    """All targets; those of the comparison with the Django admin only if it was measured."""
    yield from _times(run)
    yield from _many_clients(run)
    yield _calls(run)
    yield from _kibana(run)
    yield from _changelist(run)
    yield _memory(run)
    yield from _exports(run)
    yield from _changes(run)
    yield from _access(run)


def _at_most(what: str, limit: float, got: float, unit: str) -> Bar:
    return Bar(what, f"at most {limit:g}{unit}", f"{got:.2f}{unit}", got <= limit)


def _at_least(what: str, limit: float, got: float, unit: str) -> Bar:
    return Bar(what, f"at least {limit:,g}{unit}", f"{got:,.2f}{unit}" if got < 10 else f"{got:,.0f}{unit}", got >= limit)


def _times(run: Run) -> Iterator[Bar]:
    largest, smallest = run.largest, run.smallest
    yield _at_most("First page, including the session", 2.3, largest.first.ours.median / largest.unit, " F")
    worst = max(largest.pages[1:], key=lambda page: page.overhead)
    yield _at_most(
        f"Every other page, overhead over its own bare calls (worst: {worst.name})", 1.3, worst.overhead / largest.unit, " F"
    )
    growth = largest.first.ours.median / smallest.first.ours.median
    yield _at_most(f"Growth of the first page's time from {smallest.users:,} to {largest.users:,} users", 2, growth, " times")


def _many_clients(run: Run) -> Iterator[Bar]:
    page, bare = run.largest.loads["page"], run.largest.loads["bare"]
    yield _at_least("Pages per second with 8 clients, relative to the bare call", 0.45, page.per_second / bare.per_second, "")
    used = page.used_per_request("web") / page.used_per_request("node")
    yield _at_most("CPU time of the web process per page, relative to the node", 1.0, used, "")


def _calls(run: Run) -> Bar:
    def beyond(page: PageResult) -> int:
        return page.calls - MAX_CALLS - page.name.startswith(SEARCHED)

    most = max((page for size in run.sizes for page in size.pages), key=beyond)
    bar = f"at most {MAX_CALLS}, {MAX_CALLS + 1} for a search"
    return Bar("Calls to Elasticsearch per page, without the session", bar, f"{most.calls} ({most.name})", beyond(most) <= 0)


def _kibana(run: Run) -> Iterator[Bar]:
    kibana, ours = run.largest.kibana, run.largest.first.ours
    yield _at_least("Speedup over Kibana's two calls, first page", 60, kibana.median / ours.median, " times")
    yield _at_least("Size reduction over Kibana's two calls, first page", 1000, kibana.size / ours.size, " times")


def _changelist(run: Run) -> Iterator[Bar]:
    for page in run.largest.pages:
        if page.changelist:
            yield _at_least(f"Speedup over the Django admin, {page.name}", 3, _times_faster(page, page.changelist.median), " times")


def _times_faster(page: PageResult, seconds: float) -> float:
    return seconds / page.ours.median


def _memory(run: Run) -> Bar:
    growth = (run.largest.memory - run.smallest.memory) / MEGABYTE
    what = f"Memory growth of the web process from {run.smallest.users:,} to {run.largest.users:,} users"
    return _at_most(what, 20, growth, " MB")


def _exports(run: Run) -> Iterator[Bar]:
    exports = run.largest.exports
    what = f"Export of all users, relative to the bare reads (worst: {exports.worst})"
    yield _at_most(what, 2, exports.times(exports.worst), " times")
    yield _at_most("Memory growth of the web process during exports", 50, exports.growth / MEGABYTE, " MB")


def _changes(run: Run) -> Iterator[Bar]:
    changes = run.changes
    share = changes.share("deactivate", "activate")
    yield _at_least("Users deactivated and activated per second, relative to the bare calls", 0.9, share, "")
    yield _at_least("Users imported per second, relative to the bare calls", 0.65, changes.share("import"), "")
    yield _at_most("Memory growth of the web process during bulk changes", 50, changes.growth / MEGABYTE, " MB")


def _access(run: Run) -> Iterator[Bar]:
    access, page = run.access, run.access.worst_page
    what = f"Pages of Access, overhead over their own bare calls (worst: {page.name})"
    yield _at_most(what, 1.3, page.overhead / run.largest.unit, " F")
    what = f"Export of all API keys, relative to the bare reads (worst: {access.slowest_format})"
    yield _at_most(what, 2, access.times(access.slowest_format), " times")
    yield _at_most("A run of findings", 240, access.findings, " s")
