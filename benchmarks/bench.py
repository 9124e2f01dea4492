"""A run: adds users, and measures everything at each number of users."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from elasticsearch import Elasticsearch

from benchmarks import access, changes, exports, loading, product, shop
from benchmarks.access import Access
from benchmarks.changes import Changes
from benchmarks.client import Client, Request, elasticsearch
from benchmarks.pages import ALL_ROLES, ALL_USERS, FIRST_TWENTY, PageResult, watched_pages
from benchmarks.processes import memory, processor_seconds, worker
from benchmarks.recording import recorder
from benchmarks.results import AtSize
from benchmarks.rounds import Load, Subject, add_load, time_rounds, warm_up
from benchmarks.shop import Shop
from local_cluster import Cluster

WARM_UP: Final = 30  # rounds
FIRST_WARM_UP: Final = 100  # the JVM compiles code only after many calls
KIBANA_ROUNDS: Final = 6
CLIENTS: Final = 8
TURNS: Final = 5
REQUESTS_PER_TURN: Final = 160


class Bench:
    """The node, usermgmt, and the Django admin if PostgreSQL is installed."""

    def __init__(self, folder: Path, cluster: Cluster, comparison: Shop | None, rounds: int) -> None:
        self.folder = folder
        self.cluster = cluster
        self.comparison = comparison
        self.rounds = rounds
        self.users = 0
        self.is_warm = False

    def __enter__(self) -> Self:
        """Set up the cluster, and start the processes that run at every number of users."""
        self.password = product.set_up(self.cluster, self.folder)
        loading.load_roles(self._loader())
        self.node = elasticsearch(self.cluster.urls[0], product.ADMINISTRATOR, self.password)
        with ExitStack() as started:
            self.calls = started.enter_context(recorder(self.cluster.urls[0]))
            self.watched = self._signed_in(started.enter_context(product.watched(self.folder, self.calls.url)).url)
            self._running = started.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._running.close()

    def load(self, users: int) -> None:
        """Add users up to this number."""
        numbers = range(self.users, users)
        loading.load_users(self._loader(), numbers)
        if self.comparison:
            self.comparison.load(numbers)
        self.users = users

    def measure(self) -> AtSize:
        """Measure everything, with a new web process."""
        self.watched.send(Request("/account/"))  # reads the privileges again, due once a minute
        pages = list(watched_pages(self.watched, self.calls))
        with product.served(self.folder) as web, ExitStack() as running:
            client = self._signed_in(web.url)
            results = [PageResult.of(page, client, self.node) for page in pages]
            if self.comparison:
                running.enter_context(shop.serve(self.comparison))
                results = self._with_changelist(results, self.comparison.sign_in())
            return self._timed(results, worker(web.pid), client)

    def measure_changes(self) -> Changes:
        """Measure bulk changes and imports, with a new web process. Leaves the users as they were."""
        with product.served(self.folder) as web:
            found = changes.measure(self._signed_in(web.url), self.node, worker(web.pid), self.users)
        loading.remove_users(self._loader(), range(self.users, self.users + 2 * changes.TURNS * changes.USERS))
        return found

    def load_access(self) -> None:
        """Add API keys and role mappings."""
        access.load(self._loader())

    def measure_access(self) -> Access:
        """Measure the pages of *Access*, exports of API keys, and a run of findings, with a new web process."""
        pages = list(access.pages(self.watched, self.calls))
        with product.served(self.folder) as web:
            return access.measure(self._signed_in(web.url), self.node, pages, self.rounds)

    def _timed(self, pages: list[PageResult], web: int, client: Client) -> AtSize:
        first_twenty = Subject("F", self.node, (FIRST_TWENTY,))
        kibana = Subject("Kibana", self.node, (ALL_USERS, ALL_ROLES))
        quick = [first_twenty, *(subject for page in pages for subject in (page.ours, page.bare, page.changelist) if subject)]
        warm_up(quick, WARM_UP if self.is_warm else FIRST_WARM_UP)
        self.is_warm = True
        time_rounds(quick, [kibana], self.rounds, KIBANA_ROUNDS)
        loads = self._loads(pages[0].ours, first_twenty, web)
        used = memory(web)
        return AtSize(self.users, pages, first_twenty, kibana, loads, used, exports.measure(client, self.node, web))

    def _loads(self, page: Subject, bare: Subject, web: int) -> dict[str, Load]:
        """Measure in turns, so that other load on the machine affects both equally."""
        loads = {"page": Load(), "bare": Load()}
        for _ in range(TURNS):
            for name, subject in (("page", page), ("bare", bare)):
                add_load(loads[name], subject, CLIENTS, REQUESTS_PER_TURN, lambda: self._usage(web))
        return loads

    def _usage(self, web: int) -> dict[str, float]:
        return {"web": processor_seconds(web), "node": processor_seconds(self.cluster.nodes[0].pid)}

    def _with_changelist(self, results: list[PageResult], client: Client) -> list[PageResult]:
        theirs = {name: Subject(name, client, (request,)) for name, request in shop.PAGES.items()}
        return [PageResult(result.ours, result.bare, result.calls, theirs.get(result.name)) for result in results]

    def _signed_in(self, url: str) -> Client:
        client = Client(url)
        client.sign_in("/login", product.ADMINISTRATOR, self.password)
        return client

    def _loader(self) -> Elasticsearch:
        return self.cluster.client(connections_per_node=loading.THREADS, max_retries=0, request_timeout=60)
