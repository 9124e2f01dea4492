"""The users and roles that best match a search text; `users.search` finds all of them."""

from collections.abc import Sequence
from typing import Any

from accounts.services import roles, users
from accounts.services.client import PersonClient
from accounts.services.roles import Role
from accounts.services.search.ranking import Fit, fit
from accounts.services.users import User, word_query


def find_users(client: PersonClient, words: Sequence[str], size: int) -> list[tuple[Fit, User]]:
    """Users by parts of username, full name, and email address, best first, native and reserved.

    Two calls: `_query/user`, which sorts by relevance by default, and the reserved users. Raises AccessDenied without
    `read_security`.
    """
    answer = client.query_user(query=_query(words), size=size)
    # Elasticsearch splits full names into words differently, so none of its hits is dropped.
    found = [(_fit(words, user) or Fit.PARTS, user) for user in map(users.user_from_api, answer["users"])]
    found += [(rank, user) for user in users.reserved(client) if (rank := _fit(words, user)) is not None]
    return sorted(found, key=lambda match: (match[0], match[1].username))[:size]


def find_roles(client: PersonClient, words: Sequence[str], size: int) -> list[tuple[Fit, Role]]:
    """Roles by parts of their name, best first, deprecated ones last. One call. Raises AccessDenied without `read_security`."""
    fits = [(fit(words, role.name), role) for role in roles.all_roles(client)]
    found = [(rank, role) for rank, role in fits if rank is not None]
    return sorted(found, key=lambda match: (match[0], match[1].is_deprecated))[:size]


def _fit(words: Sequence[str], user: User) -> Fit | None:
    return fit(words, user.username, user.full_name, user.email)


def _query(words: Sequence[str]) -> dict[str, Any]:
    """All words must match; the whole name counts most, then its start, then the start of a word."""
    typed = " ".join(words)
    best = [
        {"term": {"username": {"value": typed, "case_insensitive": True, "boost": 100}}},
        {"prefix": {"username": {"value": typed, "case_insensitive": True, "boost": 10}}},
        *({"prefix": {name: {"value": word, "case_insensitive": True}}} for name in ("full_name", "email") for word in words),
    ]
    return {"bool": {"filter": [word_query(word, ("username", "email")) for word in words], "should": best}}
