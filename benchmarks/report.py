"""Writes what a run has found as a page of Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import median

from benchmarks.bars import MEGABYTE, bars
from benchmarks.results import AtSize, Run

INTRODUCTION = """# Benchmarks

Written by `{command}`: a real Elasticsearch node with a basic licence, and the product in front of it as `script/server`
serves it (one process), both on one machine, over loopback. {rounds} rounds at each number of users; each round does everything
once, in another order, so that whatever else the machine did happened to all alike. Look at the ratios; milliseconds are
another machine's.

**F** is the bare call for the first page, `POST _security/_query/user` for 20 users sorted by name, from a plain client that
keeps its connection. A page's **own bare call** is the one of its calls that finds its users, sent again as the product sent
it. **calls** are those to Elasticsearch besides the session's, where nothing is kept from an earlier page; within a few seconds of
one it is a single call, since roles and reserved users are kept that long. So are the names of roles that do not exist, which are
found by a slower query: that page's p95 is what it takes when nothing is kept."""

KIBANA = """## Kibana's way

Kibana's Users page loads all users and all roles into the browser. These are its two calls to Elasticsearch alone,
`GET _security/user` and `GET _security/role`."""

CHANGELIST = """## Django's own admin

The same users in PostgreSQL, with an admin as a Django shop would build it (`benchmarks/changelist`): 20 on a page,
`search_fields` on user name, full name and e-mail address, `list_filter` on active and role, roles as a many-to-many relation
read with one query for all rows, connections that stay open, the same gunicorn."""

LOADS = """## Eight clients at once, and memory

Eight clients, each with a connection of its own, take turns at the first page and at its bare call. CPU is what the web process
and the node used for one page. Memory is the web process's resident set after the same requests, in a process started afresh
at each number of users."""

EXPORTS = """## Exports

All users in each format, as the form sends them: rows with what else is known, packed, with the completeness block. The bare reads
are the same portions of 1,000 users from a plain client that keeps its connection and looks only where the next one begins. Memory
is by how much the web process grew at most during all of these exports, in a process that had made none before."""


def report(run: Run) -> str:
    """The whole page."""
    parts = [
        INTRODUCTION.format(command=run.command, rounds=run.rounds),
        _table(("", ""), run.machine.items()),
        "## What was promised",
        _table(("at the largest number of users", "wanted", "measured", "met"), _bar_rows(run)),
        *(text for size in reversed(run.sizes) for text in _pages(size)),
        KIBANA,
        _table(
            ("users", "both calls, ms", "first page, ms", "times faster", "bytes", "first page, bytes", "times smaller"),
            _kibana_rows(run),
        ),
        *_changelist(run),
        LOADS,
        _table(
            ("users", "pages/s", "bare calls/s", "ratio", "web CPU, ms", "node CPU, ms", "ratio", "memory, MB"), _load_rows(run)
        ),
        EXPORTS,
        _table(("users", "format", "export, ms", "bare reads, ms", "times as long", "bytes", "growth, MB"), _export_rows(run)),
    ]
    return "\n\n".join(parts) + "\n"


def _bar_rows(run: Run) -> Iterator[Sequence[str]]:
    for bar in bars(run):
        yield bar.what, bar.wanted, bar.got, "yes" if bar.met else "**no**"


def _pages(size: AtSize) -> Iterator[str]:
    heads = ("page", "median, ms", "p95, ms", "F", "own bare call, ms", "F", "beyond it, F", "bytes", "calls")
    yield f"## Pages at {size.users:,} users\n\nF is {_ms(size.unit)} ms (p95 {_ms(size.first_twenty.p95)} ms)."
    yield _table(heads, _page_rows(size))


def _page_rows(size: AtSize) -> Iterator[Sequence[str]]:
    for page in size.pages:
        in_units = [f"{seconds / size.unit:.2f}" for seconds in (page.ours.median, page.bare.median, page.overhead)]
        yield (
            page.name,
            *(_ms(page.ours.median), _ms(page.ours.p95), in_units[0]),
            *(_ms(page.bare.median), in_units[1], in_units[2]),
            *(f"{page.ours.size:,}", str(page.calls)),
        )


def _kibana_rows(run: Run) -> Iterator[Sequence[str]]:
    for size in run.sizes:
        kibana, ours = size.kibana, size.first.ours
        times = (_ms(kibana.median), _ms(ours.median), f"{kibana.median / ours.median:.0f}")
        yield f"{size.users:,}", *times, f"{kibana.size:,}", f"{ours.size:,}", f"{kibana.size / ours.size:.0f}"


def _changelist(run: Run) -> Iterator[str]:
    rows = list(_changelist_rows(run))
    yield CHANGELIST
    yield (
        _table(("users", "page", "changelist, ms", "F", "ours, ms", "times faster"), rows)
        if rows
        else "Left out: PostgreSQL was not at hand."
    )


def _changelist_rows(run: Run) -> Iterator[Sequence[str]]:
    for size in run.sizes:
        for page in size.pages:
            if page.changelist:
                theirs, ours = page.changelist.median, page.ours.median
                yield f"{size.users:,}", page.name, _ms(theirs), f"{theirs / size.unit:.1f}", _ms(ours), f"{theirs / ours:.1f}"


def _load_rows(run: Run) -> Iterator[Sequence[str]]:
    for size in run.sizes:
        page, bare = size.loads["page"], size.loads["bare"]
        web, node = page.used_per_request("web"), page.used_per_request("node")
        speeds = (f"{page.per_second:.0f}", f"{bare.per_second:.0f}", f"{page.per_second / bare.per_second:.2f}")
        yield f"{size.users:,}", *speeds, _ms(web), _ms(node), f"{web / node:.2f}", f"{size.memory / MEGABYTE:.0f}"


def _export_rows(run: Run) -> Iterator[Sequence[str]]:
    for size in run.sizes:
        found = size.exports
        for name, seconds in found.seconds.items():
            times = (_ms(median(seconds)), _ms(median(found.bare)), f"{found.times(name):.2f}")
            yield f"{size.users:,}", name, *times, f"{found.sizes[name]:,}", f"{found.growth / MEGABYTE:.1f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Words to the left, figures to the right."""
    lines = [heads, ["---" if number == 0 else "--:" for number in range(len(heads))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _ms(seconds: float) -> str:
    milliseconds = seconds * 1000
    return f"{milliseconds:,.0f}" if milliseconds >= 100 else f"{milliseconds:.1f}"
