"""Nonexistent roles though users have them: how Elasticsearch is asked for those users."""

from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from accounts.services import roles
from accounts.services.client import PersonClient, cached_per_scope

MOST_USERS: Final = 1000  # of whom `names` would read all


@cached_per_scope
def names(client: PersonClient) -> frozenset[str] | None:
    """Those roles; None where more users have such than one call should read. Raises AccessDenied without read_security.

    Elasticsearch needs 30 ms to look into the gaps between five hundred roles, and one to look for a few names.
    """
    known = roles.names(client)
    answer = client.query_user(query=any_but(known), size=MOST_USERS)
    if answer["total"] > MOST_USERS:
        return None
    return frozenset(name for body in answer["users"] for name in body["roles"]) - known


def any_of(names: frozenset[str]) -> dict[str, Any]:
    """The query for users with one of these."""
    return {"terms": {"roles": sorted(names)}}


def any_but(known: frozenset[str]) -> dict[str, Any]:
    """The query for users with a role outside of the known ones."""
    return {"bool": {"should": _gaps(known)}}


@lru_cache(maxsize=2)
def _gaps(known: frozenset[str]) -> list[dict[str, Any]]:
    """Such a role lies in one of the gaps between the known ones; there is no other query that asks for it."""
    names = sorted(known)
    inner = [{"gt": one, "lt": other} for one, other in pairwise(names)]
    bounds = [{"lt": names[0]}, *inner, {"gt": names[-1]}] if names else [{"gte": ""}]
    return [{"range": {"roles": bound}} for bound in bounds]
