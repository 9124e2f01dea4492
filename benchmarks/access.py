"""The pages of *Access*, exports of API keys, and a run of findings, with many API keys and role mappings."""

import json
import re
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from elasticsearch import Elasticsearch

from benchmarks.client import Client, Failed, Request
from benchmarks.exports import BATCH_SIZE, FORMATS, time_exports, timed
from benchmarks.loading import PASSWORD_HASH, THREADS
from benchmarks.pages import Page, PageResult, calls_of, link
from benchmarks.people import ROLES
from benchmarks.recording import Recorder
from benchmarks.rounds import time_rounds, warm_up

API_KEYS: Final = 50_000
ROLE_MAPPINGS: Final = 1_000
OWNERS: Final = 50
OWNERS_ROLE: Final = "benchmark_key_owner"
ROUNDS: Final = 3  # of exports
WARM_UP: Final = 10  # rounds of pages
PAGES: Final = {
    "Access": "/access/",
    "API keys": "/api-keys/",
    "API keys, active": "/api-keys/?state=active",
    "API keys, searched": "/api-keys/?q=script-7",
    "API keys, sorted by owner": "/api-keys/?sort=owner",
    "role mappings": "/role-mappings/",
    "role mappings, searched": "/role-mappings/?q=emea",
    "role mappings of administrators": "/role-mappings/?administrator=yes",
    "service accounts": "/service-accounts/",
}


@dataclass
class Access:
    """Pages with their own bare calls, exports of all API keys and bare reads of them in seconds, and a run of findings."""

    pages: list[PageResult] = field(default_factory=list)
    exports: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in FORMATS})
    bare_reads: list[float] = field(default_factory=list)
    findings: float = 0
    batches: int = 0

    def times(self, name: str) -> float:
        """The median time of an export in this format relative to the bare reads."""
        return statistics.median(self.exports[name]) / statistics.median(self.bare_reads)

    @property
    def slowest_format(self) -> str:
        """The format whose export takes longest."""
        return max(FORMATS, key=self.times)

    @property
    def worst_page(self) -> PageResult:
        """The page with the largest overhead."""
        return max(self.pages, key=lambda page: page.overhead)


def load(client: Elasticsearch) -> None:
    """Create the API keys with their owners, and the role mappings. The node must hash API keys quickly."""
    client.security.put_role(
        name=OWNERS_ROLE, cluster=["manage_own_api_key", "monitor"], indices=[{"names": ["sales-*"], "privileges": ["read"]}]
    )
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: _put_owner(client, number), range(OWNERS)))
        list(pool.map(lambda number: _create_key(client, number), range(API_KEYS)))
        list(pool.map(lambda number: _put_mapping(client, number), range(ROLE_MAPPINGS)))
    _put_owner(client, 0, refresh=True)  # so that searches find all of them


def pages(watched: Client, calls: Recorder) -> Iterator[Page]:
    """All pages, each with the calls that it makes with a warm cache. Raises Failed."""
    for name, address in _addresses(watched):
        request = Request(address)
        yield Page(name, request, len(calls_of(watched, calls, request)), tuple(calls_of(watched, calls, request, is_warm=True)))


def measure(client: Client, node: Client, found: list[Page], rounds: int) -> Access:
    """Measure everything, the pages and the exports in rounds. Raises Failed."""
    results = [PageResult.of(page, client, node) for page in found]
    subjects = [subject for result in results for subject in (result.ours, result.bare)]
    warm_up(subjects, WARM_UP)
    time_rounds(subjects, [], rounds, rounds)
    access = Access(results)
    for _ in range(ROUNDS):
        keys, seconds = timed(lambda: _bare_reads(node))
        access.bare_reads.append(seconds)
        time_exports(client, "/api-keys/export", keys, access.exports)
    access.batches, access.findings = timed(lambda: _find(client))
    return access


def _put_owner(client: Elasticsearch, number: int, *, refresh: bool = False) -> None:
    roles = [OWNERS_ROLE, *ROLES[number * 7 : number * 7 + 3]]
    client.security.put_user(username=f"script-{number}", password_hash=PASSWORD_HASH, roles=roles, refresh=refresh)


def _create_key(client: Elasticsearch, number: int) -> None:
    """Every third key has privileges of its own, and every second one expires."""
    own = {"reader": {"indices": [{"names": ["sales-emea-*"], "privileges": ["read"]}]}} if number % 3 == 0 else {}
    client.options(headers={"es-security-runas-user": f"script-{number % OWNERS}"}).security.create_api_key(
        name=f"key of job {number}",
        role_descriptors=own,
        expiration=f"{30 + number % 700}d" if number % 2 else None,
        metadata={"team": f"team {number % 40}"},
        refresh=False,
    )


def _put_mapping(client: Elasticsearch, number: int) -> None:
    """Every hundredth role mapping makes administrators."""
    groups = [f"cn=group{number},ou=groups,dc=example,dc=org", f"cn=others{number},ou=groups,dc=example,dc=org"]
    client.security.put_role_mapping(
        name=f"mapping {number}",
        enabled=number % 20 != 0,
        roles=["superuser"] if number % 100 == 1 else [ROLES[number % len(ROLES)], ROLES[number * 3 % len(ROLES)]],
        rules={"all": [{"field": {"realm.name": f"ldap{number % 5}"}}, {"any": [{"field": {"groups": groups}}]}]},
        refresh=False,
    )


def _addresses(client: Client) -> Iterator[tuple[str, str]]:
    yield from PAGES.items()
    keys = PAGES["API keys"]
    yield "API keys, next page", link(client, keys, "next")
    yield "API keys, last page", link(client, keys, "last")


def _bare_reads(node: Client) -> int:
    """Read all API keys in batches, as the export does, with a minimal client; returns their number."""
    query: dict[str, Any] = {
        "sort": [{"creation": {"order": "desc"}}, {"username": {"order": "asc"}}, {"name": {"order": "asc"}}],
        "size": BATCH_SIZE,
    }
    path = "/_security/_query/api_key?with_limited_by=true"
    count = 0
    while True:
        answer = json.loads(node.send(Request(path, "POST", json.dumps(query).encode())))
        count += int(answer["count"])
        if answer["count"] < BATCH_SIZE:
            return count
        query["search_after"] = answer["api_keys"][-1]["_sort"]


def _find(client: Client) -> int:
    """A run of findings, as its page does it, until its result is shown; returns the number of its batches. Raises Failed."""
    client.submit("/findings/run", [], page="/findings/")
    batches, started = 0, time.monotonic()
    while resume := re.search(r'action="([^"]*/findings/resume/[^"]+)"', client.send(Request("/findings/")).decode()):
        client.submit(resume[1], [], page="/findings/")
        batches += 1
        if time.monotonic() - started > 900:
            raise Failed("a run of findings doesn't end")
    return batches
