"""Searching, filtering, and sorting the list of role mappings. Elasticsearch returns all of them in one answer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final
from urllib.parse import urlencode

from accounts.services.role_mappings.assessment import Assessment
from accounts.services.users import fold

STATUS: Final = {"enabled": "Enabled", "disabled": "Disabled"}
ADMINISTRATOR: Final = {"yes": "Yes", "unknown": "Not known", "no": "No"}
REACH: Final = {"everyone": "Everyone in a realm", "nobody": "No users"}
CONTENT: Final = {"templates": "Role templates", "unknown-roles": "Nonexistent roles", "no-roles": "No roles"}
SORT: Final = {"name": "Name", "status": "Status", "administrator": "Administrator"}


@dataclass(frozen=True)
class MappingQuery:
    """A list of role mappings. The filters are keys of the tables above, or ""."""

    q: str = ""
    status: str = ""
    administrator: str = ""
    reach: str = ""
    content: str = ""
    sort: str = "name"
    descending: bool = False

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or self.status or self.administrator or self.reach or self.content)


def matching(query: MappingQuery, among: Iterable[Assessment]) -> list[Assessment]:
    """Those that match, in the order of the query; of equal ones, by name."""
    words = [fold(word) for word in query.q.split()]
    found = [each for each in among if _fits(each, query) and (not words or _has_words(each, words))]
    found.sort(key=BY_NAME, reverse=query.descending and query.sort == "name")
    if query.sort != "name":
        found.sort(key=ORDER[query.sort], reverse=query.descending)
    return found


def administrator_key(assessment: Assessment) -> str:
    """The key of the filter that has it."""
    return {True: "yes", None: "unknown", False: "no"}[assessment.is_administrator]


def describe(query: MappingQuery) -> str:
    """For example "enabled role mappings, sorted by name (ascending)"."""
    conditions = ", ".join(_conditions(query)) or "all role mappings"
    return f"{conditions}, sorted by {SORT[query.sort].lower()} ({'descending' if query.descending else 'ascending'})"


def query_string(query: MappingQuery) -> str:
    """The query string of the same list."""
    parameters = {
        "q": query.q,
        "status": query.status,
        "administrator": query.administrator,
        "reach": query.reach,
        "content": query.content,
        "sort": query.sort,
        "order": "desc" if query.descending else "asc",
    }
    return urlencode({name: value for name, value in parameters.items() if value})


def _fits(assessment: Assessment, query: MappingQuery) -> bool:
    return (
        query.status in ("", "enabled" if assessment.mapping.is_enabled else "disabled")
        and (not query.administrator or query.administrator == administrator_key(assessment))
        and (not query.reach or REACHES[query.reach](assessment))
        and (not query.content or CONTENTS[query.content](assessment))
    )


def _has_words(assessment: Assessment, words: Iterable[str]) -> bool:
    """Whether each of the words is in its name, its roles, its templates, or its rule."""
    return all(word in assessment.searched or word in assessment.searched_rule for word in words)


def _conditions(query: MappingQuery) -> Iterator[str]:
    if query.q:
        yield f"name, roles, or rule contain “{' '.join(query.q.split())}”"
    if query.status:
        yield query.status
    if query.administrator:
        yield f"makes administrators: {ADMINISTRATOR[query.administrator].lower()}"
    if query.reach:
        yield f"applies to {REACH[query.reach].lower()}"
    if query.content:
        yield f"with {CONTENT[query.content].lower()}"


BY_NAME: Final = attrgetter("sort_key")
ORDER: Final[dict[str, Callable[[Assessment], Any]]] = {
    "status": lambda each: not each.mapping.is_enabled,
    "administrator": lambda each: list(ADMINISTRATOR).index(administrator_key(each)),
}
REACHES: Final[dict[str, Callable[[Assessment], bool]]] = {
    "everyone": lambda each: each.mapping.is_enabled and each.reach.is_everyone,
    "nobody": lambda each: not each.is_effective,
}
CONTENTS: Final[dict[str, Callable[[Assessment], bool]]] = {
    "templates": lambda each: bool(each.mapping.templates),
    "unknown-roles": lambda each: bool(each.unknown_roles),
    "no-roles": lambda each: not each.roles and not each.mapping.templates,
}
