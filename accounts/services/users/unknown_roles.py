"""Nonexistent roles that users have, and the queries for those users."""

from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from accounts.services import errors, roles
from accounts.services.client import PersonClient, cached_per_scope
from accounts.services.roles import file_roles

MAX_USERS: Final = 1000  # users that `names` reads


@cached_per_scope
def names(client: PersonClient) -> frozenset[str] | None:
    """The nonexistent roles; None if more than MAX_USERS users have some, or if the cluster doesn't allow to search for them.

    Raises AccessDenied without `read_security`.

    Elasticsearch needs 30 ms to search the gaps between 500 roles, and 1 ms for a few names.
    """
    known = roles.names(client)
    try:
        answer = client.query_user(query=any_but(known), size=MAX_USERS)
    except errors.SearchNotAllowed:
        return None
    if answer["total"] > MAX_USERS:
        return None
    return frozenset(name for body in answer["users"] for name in body["roles"]) - known


def may_be_in_files(client: PersonClient) -> frozenset[str] | None:
    """Those that may be defined in a file, and then grant privileges; None as `names`. One more call if there are any, cached."""
    found = names(client)
    return found if found != frozenset() and file_roles.may_exist() else frozenset()


def any_of(names: frozenset[str]) -> dict[str, Any]:
    """The query for users with one of these roles."""
    return {"terms": {"roles": sorted(names)}}


def any_but(known: frozenset[str]) -> dict[str, Any]:
    """The query for users with any role that doesn't exist; `known`: the existing ones."""
    return {"bool": {"should": _gaps(known)}}


@lru_cache(maxsize=2)
def _gaps(known: frozenset[str]) -> list[dict[str, Any]]:
    """The ranges between the existing role names: there is no other query for roles that don't exist."""
    names = sorted(known)
    inner = [{"gt": before, "lt": after} for before, after in pairwise(names)]
    bounds = [{"lt": names[0]}, *inner, {"gt": names[-1]}] if names else [{"gte": ""}]
    return [{"range": {"roles": bound}} for bound in bounds]
