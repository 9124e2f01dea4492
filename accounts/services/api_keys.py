"""The API keys that a user owns. They go on working after the user is deactivated or deleted (`_security/_query/api_key`)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from accounts.services.connection import Person
from accounts.services.users import User

MOST: Final = 50
OWNERS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without its secret, which Elasticsearch does not know either."""

    id: str
    name: str
    created: datetime
    expires: datetime | None
    state: Literal["Valid", "Expired", "Revoked"]


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Some keys of a user, valid ones first, newest first; and how many are not among them."""

    keys: list[ApiKey]
    more: int


def of_user(connection: Person, user: User) -> ApiKeys:
    """Keys made by this native or reserved user, and not by a namesake from another realm. Raises Refused."""
    answer = connection.query_api_keys(
        query={"term": {"username": user.username}},
        sort=[{"invalidated": {"order": "asc"}}, {"creation": {"order": "desc"}}],
        size=MOST,
    )
    # The realm's name is the cluster's to choose, and its type cannot be queried.
    realm = "reserved" if user.is_reserved else "native"
    keys = [_api_key(body) for body in answer["api_keys"] if body.get("realm_type", realm) == realm]
    return ApiKeys(sorted(keys, key=lambda key: key.state != "Valid"), answer["total"] - answer["count"])


def living(connection: Person) -> Counter[tuple[str, bool]]:
    """How many keys that work now each native and reserved user owns: {(user name, is reserved): number}. Raises Refused.

    A call for each 1,000 owners, and a small one for each realm. Owners who are deactivated or deleted are counted, too.
    """
    numbers: Counter[tuple[str, bool]] = Counter()
    types: dict[str, str] = {}
    for owner, number in _owners(connection):
        realm = owner["realm_name"]
        types[realm] = types.get(realm) or _realm_type(connection, realm)
        if types[realm] in ("native", "reserved"):
            numbers[owner["username"], types[realm] == "reserved"] += number
    return numbers


def _owners(connection: Person) -> Iterator[tuple[dict[str, str], int]]:
    """Each user name and realm with how many living keys it has (`aggs` of `_security/_query/api_key`)."""
    dead = [{"term": {"invalidated": True}}, {"range": {"expiration": {"lte": int(datetime.now(UTC).timestamp() * 1000)}}}]
    sources = [{name: {"terms": {"field": name}}} for name in ("username", "realm_name")]
    after: dict[str, Any] = {}
    while True:
        owners = {"composite": {"sources": sources, "size": OWNERS_AT_ONCE, **after}}
        answer = connection.query_api_keys(query={"bool": {"must_not": dead}}, size=0, aggs={"owners": owners})
        found = answer["aggregations"]["owners"]
        yield from ((bucket["key"], bucket["doc_count"]) for bucket in found["buckets"])
        if "after_key" not in found:
            return
        after = {"after": found["after_key"]}


def _realm_type(connection: Person, realm: str) -> str:
    """A realm's name is the cluster's to choose, and its type cannot be queried; but a key tells its own."""
    keys = connection.query_api_keys(query={"term": {"realm_name": realm}}, size=1)["api_keys"]
    return str(keys[0].get("realm_type", "")) if keys else ""


def _api_key(body: Mapping[str, Any]) -> ApiKey:
    expires = _moment(body["expiration"]) if body.get("expiration") else None
    is_expired = expires is not None and expires <= datetime.now(UTC)
    return ApiKey(
        id=body["id"],
        name=body.get("name") or "",
        created=_moment(body["creation"]),
        expires=expires,
        state="Revoked" if body["invalidated"] else "Expired" if is_expired else "Valid",
    )


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
