"""Measures what the user API adds: the same requests to the node and through usermgmt, from eight concurrent clients."""

import json
import secrets
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from benchmarks import product
from benchmarks.ablation import REPORT
from benchmarks.bars import MEGABYTE
from benchmarks.client import Client, Request
from benchmarks.exports import memory_growth
from benchmarks.pages import ALL_USERS, FIRST_TWENTY
from benchmarks.people import sample_user
from benchmarks.processes import worker
from benchmarks.rounds import Load, Subject, time_rounds, warm_up

TABLE_START: Final = "<!-- written by script/bench --user-api -->"
TABLE_END: Final = "<!-- end of the user API -->"
USERS: Final = 20_000
CLIENTS: Final = 8
TURNS: Final = 8
WARM_UP: Final = 200  # requests of each client
LIST: Final = "list of all users"
SHORTEST: Final = Request("/livez")
SHORTEST_COUNT: Final = 100
MAX_GROWTH: Final = 20 * MEGABYTE


@dataclass(frozen=True)
class Operation:
    """`limit`: how many times as long as the bare call it may take. `count`: requests of each client in a turn."""

    name: str
    limit: float
    count: int
    requests: Sequence[Request]  # one for each client


@dataclass
class Measured:
    """One operation, to the node (`bare`) and through usermgmt: by one client, and by all of them at once."""

    operation: Operation
    bare: Subject
    ours: Subject
    bare_load: Load = field(default_factory=Load)
    load: Load = field(default_factory=Load)

    @property
    def times(self) -> float:
        """How many times as long the operation takes through usermgmt, for concurrent clients."""
        return self.bare_load.per_second / self.load.per_second


@dataclass(frozen=True)
class UserApi:
    """`growth`: of the web process, in bytes, while one client lists all users, for the first time in this process.

    `shortest`: its shortest response, which needs no call to Elasticsearch.
    """

    rounds: int
    operations: Sequence[Measured]
    growth: int
    shortest: Load
    machine: str


def operations() -> Iterator[Operation]:
    """What scripts do most."""
    names = [sample_user(number).username for number in range(CLIENTS)]
    yield Operation("GET of one user", 2, 100, [Request(f"/_security/user/{name}") for name in names])
    yield Operation("query of 20 users", 1.5, 60, [FIRST_TWENTY] * CLIENTS)
    body = json.dumps({"password": secrets.token_urlsafe(15)}).encode()
    yield Operation("password change", 1.25, 5, [Request(f"/_security/user/{name}/_password", "PUT", body) for name in names])
    yield Operation(LIST, 1.3, 2, [ALL_USERS] * CLIENTS)


def measure(folder: Path, node: Client, rounds: int, machine: str) -> UserApi:
    """Measure both in turns, so that other load on the machine affects them equally."""
    with product.served(folder, USER_API_REQUESTS_PER_MINUTE="0") as web:
        ours = node.another(web.url)
        found = [
            Measured(each, Subject(each.name, node, (each.requests[0],)), Subject(each.name, ours, (each.requests[0],)))
            for each in operations()
        ]
        ours.send(Request("/_security/_authenticate"))
        with memory_growth(worker(web.pid)) as growth:
            ours.send(ALL_USERS)
        for each in found:
            count = max(1, WARM_UP * each.operation.count // 100)
            for client in (node, ours):
                _add_turn(Load(), client, each.operation.requests, count)
        quick = [subject for each in found for subject in (each.bare, each.ours)]
        warm_up(quick, 2)
        time_rounds(quick, [], rounds, 1)
        shortest = Load()
        chance = Random(rounds)  # noqa: S311
        for _ in range(TURNS):
            for each in chance.sample(found, len(found)):
                _add_turn(each.bare_load, node, each.operation.requests, each.operation.count)
                _add_turn(each.load, ours, each.operation.requests, each.operation.count)
            _add_turn(shortest, ours, [SHORTEST] * CLIENTS, SHORTEST_COUNT)
        return UserApi(rounds, found, growth(), shortest, machine)


def _add_turn(load: Load, client: Client, requests: Sequence[Request], count: int) -> None:
    """Each of the concurrent clients repeats its own request."""
    start = time.perf_counter()
    with ThreadPoolExecutor(len(requests)) as pool:
        list(pool.map(lambda request: _repeat(client.another(), request, count), requests))
    load.seconds += time.perf_counter() - start
    load.requests += len(requests) * count


def _repeat(client: Client, request: Request, count: int) -> None:
    for _ in range(count):
        client.send(request)
    client.close()


def write(found: UserApi) -> None:
    """Replace the table in docs/performance.md."""
    before, _, rest = REPORT.read_text().partition(TABLE_START)
    REPORT.write_text(f"{before}{TABLE_START}\n\n{table(found)}\n\n{TABLE_END}{rest.partition(TABLE_END)[2]}")


def table(found: UserApi) -> str:
    """The results as a Markdown table."""
    return "\n".join(
        [
            f"{USERS:,} users, {found.rounds} rounds, {found.machine}.",
            "",
            "| operation | one client, ms | to the node, ms | times | 8 clients, a second | to the node | times | at most | met |",
            "| --- | --: | --: | --: | --: | --: | --: | --: | --: |",
            *(_row(each) for each in found.operations),
            "",
            f"While one client lists all users, the web process grows by {found.growth / MEGABYTE:.1f} MB (at most "
            f"{MAX_GROWTH // MEGABYTE} MB: {_met(found.growth <= MAX_GROWTH)}).",
            "",
            f"The shortest response of the web process (`{SHORTEST.path}`), which needs no call to Elasticsearch: "
            f"{found.shortest.per_second:.0f} a second for 8 clients.",
        ]
    )


def _row(each: Measured) -> str:
    cells = (
        each.operation.name,
        f"{each.ours.median * 1000:.1f}",
        f"{each.bare.median * 1000:.1f}",
        f"{each.ours.median / each.bare.median:.2f}",
        f"{each.load.per_second:.0f}",
        f"{each.bare_load.per_second:.0f}",
        f"{each.times:.2f}",
        f"{each.operation.limit:g}",
        _met(each.times <= each.operation.limit),
    )
    return f"| {' | '.join(cells)} |"


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"
