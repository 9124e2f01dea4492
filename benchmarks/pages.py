"""The pages of the user list that are measured, and the calls to Elasticsearch that a page makes."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final, Self

from benchmarks.client import Client, Failed, Request
from benchmarks.product import CACHE_SECONDS
from benchmarks.recording import Recorder
from benchmarks.rounds import Subject

FIRST: Final = "first page"
SEARCHED: Final = "searched"
FILTERED: Final = "filtered by status"
BY_ROLE: Final = "filtered by role"

LIST: Final = "/users/"
PAGES: Final = {
    FIRST: "",
    SEARCHED: "?q=okaf",
    "searched, two words": "?q=amar+okaf",
    FILTERED: "?status=deactivated",
    BY_ROLE: "?role=sales_reader_emea",
    "filtered by two roles": "?role=sales_reader_emea&role=legal_writer_dach",
    "searched and filtered": "?q=okaf&status=deactivated",
    "native users only": "?kind=native",
    "nonexistent roles": "?flag=unknown-roles",
    "no roles": "?flag=no-roles",
    "no email address": "?flag=no-email",
    "sorted by name, descending": "?sort=username&order=desc",
    "sorted by roles": "?sort=roles&order=asc",
    "sorted by status": "?sort=status&order=asc",
}
# Calls for the session: its document, and once a minute the privileges of its user.
SESSIONS: Final = ("/usermgmt-", "/_security/_authenticate", "/_security/user/_has_privileges")
DEEP: Final = 550  # pages of 20 users: beyond the 10,000 users that Elasticsearch can page through by number

# The bare call to which all times are compared.
FIRST_TWENTY: Final = Request(
    "/_security/_query/user",
    "POST",
    json.dumps({"query": {"match_all": {}}, "sort": [{"username": {"order": "asc"}}], "size": 20}).encode(),
)
ALL_USERS: Final = Request("/_security/user")
ALL_ROLES: Final = Request("/_security/role")


@dataclass(frozen=True)
class Page:
    """A page, its number of calls to Elasticsearch with an empty cache, and `bare`, those with a warm cache.

    These find its rows; none if the rows are cached, too.
    """

    name: str
    request: Request
    calls: int
    bare: tuple[Request, ...]


@dataclass(frozen=True)
class PageResult:
    """A page of usermgmt, its own bare calls, its number of calls, and the equivalent page of the Django admin."""

    ours: Subject
    bare: Subject
    calls: int
    changelist: Subject | None = None

    @classmethod
    def of(cls, page: Page, client: Client, node: Client) -> Self:
        """Of a page that isn't measured yet."""
        return cls(Subject(page.name, client, (page.request,)), Subject(page.name, node, page.bare), page.calls)

    @property
    def name(self) -> str:
        return self.ours.name

    @property
    def overhead(self) -> float:
        """The additional seconds compared to its bare calls."""
        return self.ours.median - self.bare.median


def watched_pages(watched: Client, calls: Recorder) -> Iterator[Page]:
    """All pages, with the calls that usermgmt makes through the recorder. Raises Failed."""
    for name, address in _addresses(watched):
        request = Request(address)
        yield Page(name, request, len(calls_of(watched, calls, request)), tuple(calls_of(watched, calls, request, is_warm=True)))


def _addresses(client: Client) -> Iterator[tuple[str, str]]:
    for name, query in PAGES.items():
        yield name, LIST + query
    yield from _linked_pages(client)


def _linked_pages(client: Client) -> Iterator[tuple[str, str]]:
    """Pages that can be reached only through links."""
    second = link(client, LIST, "next")
    yield "next page", second
    third = link(client, second, "next")
    yield "previous page", link(client, third, "previous")
    yield "deep page", _walk(client, third)
    last = link(client, LIST, "last")
    yield "last page", last
    yield "last page but one", link(client, last, "previous")


def _walk(client: Client, address: str) -> str:
    """The address DEEP pages further, or of the middle page of a shorter list."""
    page = client.send(Request(address)).decode()
    pages = re.search(r"Page [\d,]+ of ([\d,]+)", page)
    steps = min(DEEP, int(pages[1].replace(",", "")) // 2) if pages else 20
    for _ in range(steps):
        address = link(client, address, "next")
    return address


def link(client: Client, address: str, direction: str) -> str:
    """The target of the page's pagination button for this direction."""
    page = client.send(Request(address)).decode()
    for tag in re.findall(r"<a\b[^>]*>", page):
        href = re.search(r'\shref="([^"]+)"', tag)
        if re.search(rf'="?pagination-button-{direction}"?>', tag) and href:
            target = unescape(href[1])
            return address.partition("?")[0] + target if target.startswith("?") else target
    raise Failed(f"{address} has no link to the {direction} page")


def calls_of(watched: Client, recorder: Recorder, request: Request, *, is_warm: bool = False) -> list[Request]:
    """The calls of a page with an empty or a warm cache, without those for the session.

    Raises Failed if there are none with an empty cache.
    """
    watched.send(request)  # the first response may take longer than the cache lives
    if not is_warm:
        time.sleep(CACHE_SECONDS)
    recorder.calls.clear()
    watched.send(request)
    calls = [call for call in recorder.calls if not call.path.startswith(SESSIONS)]
    if not calls and not is_warm:
        raise Failed(f"{request.path} makes no calls")
    return calls
