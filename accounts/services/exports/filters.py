"""The filters and the order of a user list: described, and as its query string."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlencode

from accounts.services.users import UserQuery

STATUS: Final = {"active": "active", "deactivated": "deactivated"}
KIND: Final = {"native": "without reserved users", "reserved": "reserved users only"}
FLAGS: Final = {
    "administrator": "administrators and users who can become one",
    "possible-administrator": "users who may be able to become administrators (not known)",
    "no-administrator": "users who can't become administrators",
    "unknown-roles": "with a nonexistent role",
    "no-roles": "without roles",
    "no-email": "without an email address",
    "past-end-date": "active past their end date",
    "ends-soon": "active, with an end date within 30 days",
    "end-date": "with an end date",
    "password-90-days": "with a password older than 90 days",
    "password-1-year": "with a password older than a year",
    "password-age-unknown": "with a password of unknown age",
}
SORT: Final = {"username": "username", "roles": "roles", "status": "status"}


def describe(query: UserQuery) -> str:
    """For example "all users, sorted by username (ascending)"."""
    return f"{describe_users(query)}, sorted by {SORT[query.sort]} ({'descending' if query.descending else 'ascending'})"


def describe_users(query: UserQuery) -> str:
    """The same without the order."""
    return ", ".join(_conditions(query)) or "all users"


def _conditions(query: UserQuery) -> Iterator[str]:
    if query.words:
        yield f"username, full name, email address, or role contains “{' '.join(query.words)}”"
    if query.roles:
        yield f"with the role {' or '.join(query.roles)}"
    if query.status:
        yield STATUS[query.status]
    if query.kind:
        yield KIND[query.kind]
    yield from (FLAGS[flag] for flag in query.flags)
    if query.password_days:
        days = "1 day" if query.password_days == 1 else f"{query.password_days:,} days"
        yield f"with a last recorded password change more than {days} ago"


def query_string(query: UserQuery) -> str:
    """The query string of the same list."""
    parameters = {
        "q": query.q,
        "role": query.roles,
        "status": query.status,
        "kind": query.kind,
        "flag": query.flags,
        "password_days": query.password_days,
        "sort": query.sort,
        "order": "desc" if query.descending else "asc",
    }
    return urlencode({name: value for name, value in parameters.items() if value}, doseq=True)
