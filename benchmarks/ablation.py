"""Measures what each trick saves: the page that it is for with all tricks, and with this one turned off; and an empty page."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import product
from benchmarks.client import Client, Request
from benchmarks.pages import FIRST_TWENTY, LIST
from benchmarks.processes import TOP, processor_seconds, worker
from benchmarks.product import Served
from benchmarks.rounds import Load, Subject, add_load, time_rounds, warm_up
from benchmarks.tricks import TRICKS, VARIANTS, Trick

REPORT: Final = TOP / "docs" / "performance.md"
TABLE_START: Final = "<!-- written by script/bench --ablation -->"
TABLE_END: Final = "<!-- end -->"
CLIENTS: Final = 8
WARM_UP_REQUESTS: Final = 12_000  # the JVM goes on compiling for so long
TURNS: Final = 8
REQUESTS_PER_TURN: Final = 240
# A trick stays if it saves this share of its page's median, or adds this share of the pages per second.
MIN_PAGE_SAVING: Final = 0.08
MIN_THROUGHPUT_GAIN: Final = 0.10


@dataclass(frozen=True)
class Variant:
    """usermgmt without one trick (None: with all), its web process, and its measurements."""

    trick: Trick | None
    web: int
    page: Subject
    load: Load

    def add_load(self) -> None:
        """Request the page from concurrent clients."""
        add_load(self.load, self.page, CLIENTS, REQUESTS_PER_TURN, lambda: {"web": processor_seconds(self.web)})


@dataclass(frozen=True)
class Ablation:
    """The bare call, usermgmt with all tricks (`complete`, by page), `without` each of them, and with an `empty` user list."""

    users: int
    rounds: int
    bare: Subject
    bare_load: Load
    complete: Mapping[str, Variant]
    without: Sequence[Variant]
    empty: Variant
    machine: str


def measure(folder: Path, node: Client, password: str, users: int, rounds: int, machine: str) -> Ablation:
    """Serve all variants at the same time, and measure them in turns, so that other load affects all of them equally."""
    with ExitStack() as running:
        served = running.enter_context(product.served(folder))
        client = Client(served.url)
        client.sign_in("/login", product.ADMINISTRATOR, password)  # once: the number of sessions is limited
        complete = {page: _variant(served, client, None, page) for page in dict.fromkeys(trick.page for trick in TRICKS)}
        without = [
            _variant(running.enter_context(product.served_without(folder, number)), client, trick, trick.page)
            for number, trick in enumerate(VARIANTS)
        ]
        variants = [*complete.values(), *without]
        bare = Subject("F", node, (FIRST_TWENTY,))
        subjects = [bare, *(variant.page for variant in variants)]
        add_load(Load(), bare, CLIENTS, WARM_UP_REQUESTS, dict)
        warm_up(subjects, 100)
        time_rounds(subjects, [], rounds, 1)
        bare_load = Load()
        chance = Random(rounds)  # noqa: S311
        for _ in range(TURNS):
            add_load(bare_load, bare, CLIENTS, REQUESTS_PER_TURN, dict)
            for variant in chance.sample(variants, len(variants)):
                variant.add_load()
        return Ablation(users, rounds, bare, bare_load, complete, without[:-1], without[-1], machine)


def _variant(served: Served, signed_in: Client, trick: Trick | None, address: str) -> Variant:
    page = Subject(trick.name if trick else "all", signed_in.another(served.url), (Request(address),))
    return Variant(trick, worker(served.pid), page, Load())


def write(found: Ablation) -> None:
    """Replace the table in docs/performance.md."""
    text = REPORT.read_text()
    before, _, rest = text.partition(TABLE_START)
    _, _, after = rest.partition(TABLE_END)
    REPORT.write_text(f"{before}{TABLE_START}\n\n{table(found)}\n\n{TABLE_END}{after}")


def table(found: Ablation) -> str:
    """The results as a Markdown table."""
    complete, unit = found.complete[LIST], found.bare.median
    return "\n".join(
        [
            f"{found.users:,} users, {found.rounds} rounds, {found.machine}. F is {unit * 1000:.1f} ms; the first page takes "
            f"{complete.page.median / unit:.2f} F ({complete.page.size:,} bytes). Eight clients get {_rate(found, complete)}.",
            "",
            "| without | page | F | longer by | pages a second | fewer by | CPU | bytes | earns its place | remove when |",
            "| --- | --- | --: | --: | --: | --: | --: | --: | --- | --- |",
            *(_row(found, variant) for variant in found.without),
            "",
            f"An empty page of {found.empty.page.size:,} bytes, with the session and the same call for the users, takes "
            f"{found.empty.page.median / unit:.2f} F. Eight clients get {_rate(found, found.empty)}. No page can be faster.",
        ]
    )


def _rate(found: Ablation, variant: Variant) -> str:
    relative = variant.load.per_second / found.bare_load.per_second
    return (
        f"{variant.load.per_second:.0f} pages a second ({relative:.2f} of the bare call), "
        f"each for {_processor_time(variant)} of CPU time of the web process"
    )


def _processor_time(variant: Variant) -> str:
    return f"{variant.load.used_per_request('web') * 1000:.1f} ms"


def _row(found: Ablation, variant: Variant) -> str:
    trick = variant.trick or TRICKS[0]
    complete = found.complete[trick.page]
    longer = 1 - complete.page.median / variant.page.median
    fewer = 1 - variant.load.per_second / complete.load.per_second
    earns = longer >= MIN_PAGE_SAVING or fewer >= MIN_THROUGHPUT_GAIN
    cells = (
        trick.name,
        f"`{trick.page}`",
        f"{variant.page.median / found.bare.median:.2f}",
        f"{longer:.0%}",
        f"{variant.load.per_second:.0f}",
        f"{fewer:.0%}",
        _processor_time(variant),
        f"{variant.page.size:,}",
        "yes" if earns else "no",
        trick.remove_when,
    )
    return f"| {' | '.join(cells)} |"
