"""What each trick buys: the first page with all of them, and without one after the other, in turns."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import product
from benchmarks.client import Client, Request
from benchmarks.pages import FIRST_TWENTY, LIST
from benchmarks.processes import TOP
from benchmarks.rounds import Load, Subject, add_load, time_rounds, warm_up
from benchmarks.tricks import TRICKS, Trick

REPORT: Final = TOP / "docs" / "performance.md"
BEGIN: Final = "<!-- written by script/bench --ablation -->"
END: Final = "<!-- end -->"
CLIENTS: Final = 8
TURNS: Final = 6
REQUESTS_IN_A_TURN: Final = 160
# A trick stays when it buys at least this much of the first page's median, or of the pages a second.
WORTH_OF_PAGE: Final = 0.08
WORTH_OF_THROUGHPUT: Final = 0.10


@dataclass(frozen=True)
class Variant:
    """The product without a trick (None: with all), and what was measured."""

    trick: Trick | None
    page: Subject
    load: Load


@dataclass(frozen=True)
class Ablation:
    """All variants beside the bare call."""

    users: int
    rounds: int
    bare: Subject
    whole: Variant
    without: Sequence[Variant]
    machine: str


def measure(folder: Path, node: Client, password: str, users: int, rounds: int, machine: str) -> Ablation:
    """Serve all variants at once, and ask them in turns."""
    with ExitStack() as running:
        variants = [_variant(running, folder, password, number) for number in (None, *range(len(TRICKS)))]
        bare = Subject("F", node, (FIRST_TWENTY,))
        subjects = [bare, *(variant.page for variant in variants)]
        warm_up(subjects, 40)
        time_rounds(subjects, [], rounds, 1)
        for _ in range(TURNS):
            for variant in variants:
                add_load(variant.load, variant.page, CLIENTS, REQUESTS_IN_A_TURN, dict)
        return Ablation(users, rounds, bare, variants[0], variants[1:], machine)


def _variant(running: ExitStack, folder: Path, password: str, number: int | None) -> Variant:
    served = running.enter_context(product.served(folder) if number is None else product.served_without(folder, number))
    client = Client(served.url)
    client.sign_in("/login", product.ADMINISTRATOR, password)
    trick = None if number is None else TRICKS[number]
    return Variant(trick, Subject(trick.name if trick else "all", client, (Request(LIST),)), Load())


def write(found: Ablation) -> None:
    """Replace the table in docs/performance.md."""
    text = REPORT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    REPORT.write_text(f"{before}{BEGIN}\n\n{table(found)}\n\n{END}{after}")


def table(found: Ablation) -> str:
    """As Markdown."""
    whole, unit = found.whole, found.bare.median
    return "\n".join(
        [
            f"{found.users:,} users, {found.rounds} rounds, {found.machine}. F is {unit * 1000:.1f} ms; the first page takes "
            f"{whole.page.median / unit:.2f} F ({whole.page.size:,} bytes), and eight clients get "
            f"{whole.load.per_second:.0f} pages a second.",
            "",
            "| without | first page, F | longer by | pages a second | fewer by | bytes | earns its place | remove when |",
            "| --- | --: | --: | --: | --: | --: | --- | --- |",
            *(_row(found, variant) for variant in found.without),
        ]
    )


def _row(found: Ablation, variant: Variant) -> str:
    whole, trick = found.whole, variant.trick or TRICKS[0]
    longer = 1 - whole.page.median / variant.page.median
    fewer = 1 - variant.load.per_second / whole.load.per_second
    earns = longer >= WORTH_OF_PAGE or fewer >= WORTH_OF_THROUGHPUT
    cells = (
        trick.name,
        f"{variant.page.median / found.bare.median:.2f}",
        f"{longer:.0%}",
        f"{variant.load.per_second:.0f}",
        f"{fewer:.0%}",
        f"{variant.page.size:,}",
        "yes" if earns else "no",
        trick.remove_when or "-",
    )
    return f"| {' | '.join(cells)} |"
