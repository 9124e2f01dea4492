"""The paths of the user API. Everything is as Elasticsearch has it, except that only users can be changed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import unquote_plus, unquote_to_bytes

ChangeName = Literal["put", "delete", "enable", "disable", "change_password", "change_own_password"]

GET: Final = frozenset({"GET"})
GET_POST: Final = frozenset({"GET", "POST"})


@dataclass(frozen=True)
class Route:
    """`reads`: methods that are passed on; `changes`: those that change a user."""

    path: str
    reads: frozenset[str] = GET
    changes: Mapping[str, ChangeName] = field(default_factory=dict)

    @property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{\w+\}", "([^/]+)", self.path) + "/*")

    @property
    def methods(self) -> list[str]:
        return [method for method in ("GET", "POST", "PUT", "DELETE") if method in self.reads or method in self.changes]


def _both(change: ChangeName) -> dict[str, ChangeName]:
    return {"PUT": change, "POST": change}


# The first match counts, so `_password` isn't taken for a username.
ROUTES: Final = (
    Route("/_security/user"),
    Route("/_security/user/_privileges"),
    Route("/_security/user/_has_privileges", GET_POST),
    Route("/_security/user/_password", frozenset(), _both("change_own_password")),
    Route("/_security/user/{username}", GET, {**_both("put"), "DELETE": "delete"}),
    Route("/_security/user/{username}/_password", frozenset(), _both("change_password")),
    Route("/_security/user/{username}/_enable", frozenset(), _both("enable")),
    Route("/_security/user/{username}/_disable", frozenset(), _both("disable")),
    Route("/_security/user/{username}/_has_privileges", GET_POST),
    Route("/_security/_query/user", GET_POST),
    Route("/_security/_authenticate"),
    Route("/_security/role"),
    Route("/_security/role/{name}"),
    Route("/_security/_query/role", GET_POST),
    Route("/_security/role_mapping"),
    Route("/_security/role_mapping/{name}"),
    Route("/_security/api_key"),
    Route("/_security/_query/api_key", GET_POST),
)
ROOT: Final = Route("/")
# Other characters are sent on in different ways by different clients: libcurl and urllib3 end a path at `#`.
SENT_AS_IT_IS: Final = re.compile(r"(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*", re.ASCII)
_PATTERNS: Final = tuple((route.pattern, route) for route in ROUTES)


def is_encoded(target: str) -> bool:
    """Whether a path or query string has only characters that a URL can have."""
    return bool(SENT_AS_IT_IS.fullmatch(target))


def has_empty_part(path: str) -> bool:
    """Whether something follows two slashes. Elasticsearch has no such path, and ignores all slashes at the end."""
    return "//" in path.rstrip("/")


def parameters(query: str) -> set[str]:
    """The names in a query string, as Elasticsearch reads it."""
    return {unquote_plus(part.partition("=")[0]) for part in re.split("[&;]", query)}


def find(path: str) -> tuple[Route, str] | None:
    """The route of a path that isn't decoded, and the name in it ("" without one); None for other paths and invalid UTF-8."""
    if path == ROOT.path:
        return ROOT, ""
    for pattern, route in _PATTERNS:
        if found := pattern.fullmatch(path):
            try:
                return route, unquote_to_bytes(found[1]).decode() if found.groups() else ""
            except UnicodeDecodeError:
                return None
    return None
