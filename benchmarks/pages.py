"""The pages of the user list that are measured, and the calls to Elasticsearch that each of them makes."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final

from benchmarks.client import Client, Failed, Request
from benchmarks.product import CACHE_SECONDS
from benchmarks.recording import Recorder

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
    """A page of the user list, its number of calls to Elasticsearch, and `bare`, the call that finds its users."""

    name: str
    request: Request
    calls: int
    bare: Request


def watched_pages(watched: Client, calls: Recorder) -> Iterator[Page]:
    """All pages, with the calls that usermgmt makes through the recorder. Raises Failed."""
    for name, address in _addresses(watched):
        request = Request(address)
        recorded = _calls_of(watched, calls, request)
        yield Page(name, request, len(recorded), _user_query(name, recorded))


def _addresses(client: Client) -> Iterator[tuple[str, str]]:
    for name, query in PAGES.items():
        yield name, LIST + query
    yield from _linked_pages(client)


def _linked_pages(client: Client) -> Iterator[tuple[str, str]]:
    """Pages that can be reached only through links."""
    second = _link(client, LIST, "next")
    yield "next page", second
    third = _link(client, second, "next")
    yield "previous page", _link(client, third, "previous")
    yield "deep page", _walk(client, third)
    last = _link(client, LIST, "last")
    yield "last page", last
    yield "last page but one", _link(client, last, "previous")


def _walk(client: Client, address: str) -> str:
    """The address DEEP pages further, or of the middle page of a shorter list."""
    page = client.send(Request(address)).decode()
    pages = re.search(r"Page [\d,]+ of ([\d,]+)", page)
    steps = min(DEEP, int(pages[1].replace(",", "")) // 2) if pages else 20
    for _ in range(steps):
        address = _link(client, address, "next")
    return address


def _link(client: Client, address: str, direction: str) -> str:
    """The target of the page's pagination button for this direction."""
    page = client.send(Request(address)).decode()
    for tag in re.findall(r"<a\b[^>]*>", page):
        href = re.search(r'\shref="([^"]+)"', tag)
        if f"=pagination-button-{direction}>" in tag and href:
            target = unescape(href[1])
            return LIST + target if target.startswith("?") else target
    raise Failed(f"{address} has no link to the {direction} page")


def _calls_of(watched: Client, recorder: Recorder, request: Request) -> list[Request]:
    """The calls of a page with an empty cache, without those for the session."""
    watched.send(request)  # the first response may take longer than the cache lives
    time.sleep(CACHE_SECONDS)
    recorder.calls.clear()
    watched.send(request)
    return [call for call in recorder.calls if not call.path.startswith(SESSIONS)]


def _user_query(name: str, recorded: list[Request]) -> Request:
    """The last user query; an earlier one only reads the nonexistent roles for it."""
    queries = [call for call in recorded if call.path.startswith("/_security/_query/user")]
    if not queries:
        raise Failed(f"the {name} asks for no users")
    return queries[-1]
