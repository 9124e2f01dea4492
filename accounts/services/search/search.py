"""The users and roles that best match a search text; `users.search` finds all of them."""

from collections.abc import Sequence
from typing import Any

from accounts.services import errors, roles, users
from accounts.services.client import PersonClient
from accounts.services.roles import Role
from accounts.services.search.ranking import Fit, fit, words_of
from accounts.services.users import User, UserQuery


def find_users(client: PersonClient, words: Sequence[str], size: int) -> list[tuple[Fit, User]]:
    """Users by parts of username, full name, and email address, best first, native and reserved.

    Three calls: two of `_query/user`, which sorts by relevance by default, and the reserved users. Raises AccessDenied without
    `read_security`.
    """
    found = _native(client, words, size)
    found += [(rank, user) for user in users.reserved(client) if (rank := _fit(words, user)) is not None]
    return sorted(found, key=lambda match: (match[0], match[1].username))[:size]


def find_roles(client: PersonClient, words: Sequence[str], size: int) -> list[tuple[Fit, Role]]:
    """Roles by parts of their name, best first, deprecated ones last. One call. Raises AccessDenied without `read_security`."""
    fits = [(fit(words, role.name), role) for role in roles.all_roles(client)]
    found = [(rank, role) for rank, role in fits if rank is not None]
    return sorted(found, key=lambda match: (match[0], match[1].is_deprecated))[:size]


def has_words(role: Role, text: str) -> bool:
    """Whether every word of a search text is in the name or the description of the role."""
    described = users.fold(f"{role.name}\n{role.description}")
    return all(users.fold(word) in described for word in words_of(text))


def _native(client: PersonClient, words: Sequence[str], size: int) -> list[tuple[Fit, User]]:
    try:
        answer = client.query_user(query=_query(client, words), size=size)
    except errors.SearchNotAllowed:
        query = UserQuery(q=" ".join(words), kind="native")
        rows, _ = users.MatchingUsers(client, query, frozenset(), []).rows(None, users.MAX_READ)
        return [(rank, user) for _, user in rows if (rank := _fit(words, user)) is not None]
    # The index doesn't have all punctuation, so none of the hits is dropped.
    return [(_fit(words, user) or Fit.PARTS, user) for user in map(users.user_from_api, answer["users"])]


def _fit(words: Sequence[str], user: User) -> Fit | None:
    return fit(words, user.username, user.full_name, user.email)


def _query(client: PersonClient, words: Sequence[str]) -> dict[str, Any]:
    """All words must match; the whole name counts most, then its start, then the start of a word."""
    typed = " ".join(words)
    best = [
        {"term": {"username": {"value": typed, "case_insensitive": True, "boost": 100}}},
        {"prefix": {"username": {"value": typed, "case_insensitive": True, "boost": 10}}},
        *({"prefix": {name: {"value": word.lower()}}} for name in ("full_name", "email") for word in words),
    ]
    return {"bool": {"filter": users.words_clause(client, words, roles=False), "should": best}}
