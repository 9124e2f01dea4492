"""What a list is filtered by and how it is sorted: in words, and as the query string of the list's address."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from accounts.services.users import UserQuery

STATUS: Final = {"active": "active", "deactivated": "deactivated"}
KIND: Final = {"native": "no reserved users", "reserved": "reserved users only"}
FLAGS: Final = {
    "unknown-roles": "with a role that does not exist",
    "no-roles": "without roles",
    "no-email": "without an e-mail address",
}
SORT: Final = {"username": "user name", "roles": "roles", "status": "status"}


def describe(query: UserQuery) -> str:
    """As a sentence without its full stop."""
    what = ", ".join(_conditions(query)) or "all users"
    return f"{what}; sorted by {SORT[query.sort]}, {'descending' if query.descending else 'ascending'}"


def _conditions(query: UserQuery) -> Iterator[str]:
    if query.words:
        yield f"user name, full name, e-mail address or a role contains “{' '.join(query.words)}”"
    if query.roles:
        yield f"with the role {' or '.join(query.roles)}"
    if query.status:
        yield STATUS[query.status]
    if query.kind:
        yield KIND[query.kind]
    yield from (FLAGS[flag] for flag in query.flags)


def query_string(query: UserQuery) -> str:
    """What follows the question mark in the address of the same list."""
    parameters = {
        "q": query.q,
        "role": query.roles,
        "status": query.status,
        "kind": query.kind,
        "flag": query.flags,
        "sort": query.sort,
        "order": "desc" if query.descending else "asc",
    }
    return urlencode({name: value for name, value in parameters.items() if value}, doseq=True)
