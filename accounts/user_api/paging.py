"""Pages of `_security/_query/user`, which Elasticsearch doesn't have: with `page_size`, a link leads to the next one.

The pages are in the order of the request, and of the usernames, so that each goes on after the last user of the one before
(`search_after`), also beyond the 10,000 that `from` reaches.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self
from urllib.parse import parse_qsl, quote

from accounts.services.client import Answer, strict_json
from accounts.user_api.bodies import Unreadable

PATH: Final = "/_security/_query/user"
SIZE: Final = "page_size"
AFTER: Final = "page_after"
MAX_SIZE: Final = 1000
OTHERS: Final = ("from", "size", "search_after")  # in the body: the other ways to page
UNIQUE: Final = "username"


@dataclass(frozen=True)
class Paging:
    """`after`: the values by which the last user of the page before is sorted; `query`: the other parameters, as they came."""

    size: int
    after: list[Any] | None
    query: str

    @classmethod
    def of(cls, path: str, query: str) -> Self | None:
        """None if the request doesn't ask for pages. Raises Unreadable."""
        if path.rstrip("/") != PATH:
            return None
        parts = [(next(iter(parse_qsl(part, keep_blank_values=True)), ("", "")), part) for part in re.split("[&;]", query)]
        given = dict(pair for pair, _ in parts)
        if not given.keys() & {SIZE, AFTER}:
            return None
        size = given.get(SIZE, "")
        if not (size.isascii() and size.isdigit() and len(size) < 5 and 1 <= int(size) <= MAX_SIZE):
            raise _invalid(f"[{SIZE}] must be a number from 1 to {MAX_SIZE}")
        if "filter_path" in given:
            raise _invalid(f"[filter_path] can't be used with [{SIZE}]")
        return cls(int(size), _position(given.get(AFTER)), "&".join(part for (name, _), part in parts if name not in (SIZE, AFTER)))

    def body(self, given: Mapping[str, Any]) -> bytes:
        """The body that asks for this page. Raises Unreadable."""
        if names := [name for name in OTHERS if name in given]:
            raise _invalid(f"[{names[0]}] can't be used with [{SIZE}]")
        sort = given.get("sort") or []
        order = sort if isinstance(sort, list) else [sort]
        if not any(each == UNIQUE or (isinstance(each, dict) and UNIQUE in each) for each in order):
            order = [*order, UNIQUE]
        after = {} if self.after is None else {"search_after": self.after}
        return json.dumps({**given, "size": self.size, "sort": order, **after}).encode()

    def links(self, path: str, answer: Answer) -> dict[str, str]:
        """The header with the link to the next page, which is empty if this one happens to be the last. Raises Unreadable."""
        if answer.status != HTTPStatus.OK:
            return {}
        found = answer.json()
        if not isinstance(found, dict):
            raise _invalid(f"[{SIZE}] needs a response in JSON")
        users = found["users"]
        if len(users) < self.size:
            return {}
        position = quote(json.dumps(users[-1]["_sort"], separators=(",", ":")), safe="")
        query = "&".join(filter(None, (self.query, f"{SIZE}={self.size}", f"{AFTER}={position}")))
        return {"Link": f'<{path}?{query}>; rel="next"'}


def _position(text: str | None) -> list[Any] | None:
    if text is None:
        return None
    try:
        position = strict_json.parse(text)
    except (ValueError, RecursionError):
        position = None
    if not isinstance(position, list):
        raise _invalid(f"[{AFTER}] must be from a link")
    return position


def _invalid(reason: str) -> Unreadable:
    return Unreadable(HTTPStatus.BAD_REQUEST, "illegal_argument_exception", reason)
