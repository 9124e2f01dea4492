"""The API keys that a person owns. They go on working after the password is changed, and after the owner is deactivated or deleted.

`_security/_query/api_key` and `DELETE _security/api_key`. The calls that change something are sent once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from accounts.services import audit
from accounts.services.client import PersonClient
from accounts.services.signin.operators import Operator
from accounts.services.users import User

MAX_SHOWN: Final = 50
MAX_REVOKED: Final = 100  # each is written into the trail
OWNERS_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without its secret, which Elasticsearch does not know either."""

    id: str
    name: str
    created: datetime
    expires: datetime | None
    state: Literal["Valid", "Expired", "Revoked"]

    @property
    def label(self) -> str:
        """The name, or the id of a key without one."""
        return self.name or self.id


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Some keys of a user, valid ones first, newest first; and how many are not among them."""

    keys: list[ApiKey]
    more: int

    @property
    def has_active(self) -> bool:
        """Whether there is one to revoke."""
        return any(key.state == "Valid" for key in self.keys)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose keys they are. The same name is somebody else's in another realm, so the realm is told too, by type or by name."""

    username: str
    realm: tuple[Literal["realm_type", "realm"], str]
    is_caller: bool = False

    @classmethod
    def of(cls, user: User) -> "Owner":
        """A native or reserved user; those realms' names are the cluster's to choose, and their types are not."""
        return cls(user.username, ("realm_type", "reserved" if user.is_reserved else "native"))

    @classmethod
    def own(cls, operator: Operator) -> "Owner":
        """The operator themselves, of whatever realm; `manage_own_api_key` is enough for it."""
        return cls(operator.username, ("realm", operator.realm), is_caller=True)

    def owns(self, body: Mapping[str, Any]) -> bool:
        """Whether a key, as the API has it, is theirs."""
        name, value = self.realm
        return bool(body.get(name, value) == value)


def of_user(client: PersonClient, user: User) -> ApiKeys:
    """The keys made by this user. Raises AccessDenied."""
    return of_owner(client, Owner.of(user))


def of_owner(client: PersonClient, owner: Owner) -> ApiKeys:
    """The keys of an owner, some of them. Raises AccessDenied."""
    return _found(client, owner, [], MAX_SHOWN)


def active(client: PersonClient, owner: Owner, ids: Sequence[str] = ()) -> ApiKeys:
    """The keys that work now, all of an owner's or those of these ids; as many as can be revoked at once. Raises AccessDenied."""
    not_expired = [{"bool": {"must_not": {"exists": {"field": "expiration"}}}}, {"range": {"expiration": {"gt": _now()}}}]
    conditions: list[dict[str, Any]] = [{"term": {"invalidated": False}}, {"bool": {"should": not_expired}}]
    if ids:
        conditions.append({"ids": {"values": list(ids)}})
    return _found(client, owner, conditions, MAX_REVOKED)


def revoke(client: PersonClient, owner: Owner, keys: Sequence[ApiKey]) -> None:
    """End keys that `valid` found to be the owner's, for good, in one call. Raises AccessDenied and AuditUnavailable."""
    with ExitStack() as records:
        for key in keys:
            details = {"name": key.name, "owner": owner.username}
            records.enter_context(audit.recorded(client, audit.Action.API_KEY_INVALIDATE, key.id, kind="api_key", details=details))
        client.invalidate_api_key(ids=[key.id for key in keys], owner=owner.is_caller)


def _found(client: PersonClient, owner: Owner, conditions: list[dict[str, Any]], size: int) -> ApiKeys:
    answer = client.query_api_keys(
        query={"bool": {"filter": [{"term": {"username": owner.username}}, *conditions]}},
        sort=[{"invalidated": {"order": "asc"}}, {"creation": {"order": "desc"}}],
        size=size,
    )
    keys = [_api_key(body) for body in answer["api_keys"] if owner.owns(body)]
    return ApiKeys(sorted(keys, key=lambda key: key.state != "Valid"), answer["total"] - answer["count"])


def count_active_by_owner(client: PersonClient) -> Counter[tuple[str, bool]]:
    """How many keys that work now each native and reserved user owns: {(user name, is reserved): number}. Raises AccessDenied.

    A call for each 1,000 owners, and a small one for each realm. Owners who are deactivated or deleted are counted, too.
    """
    numbers: Counter[tuple[str, bool]] = Counter()
    types: dict[str, str] = {}
    for owner, number in _owners(client):
        realm = owner["realm_name"]
        types[realm] = types.get(realm) or _realm_type(client, realm)
        if types[realm] in ("native", "reserved"):
            numbers[owner["username"], types[realm] == "reserved"] += number
    return numbers


def _owners(client: PersonClient) -> Iterator[tuple[dict[str, str], int]]:
    """Each user name and realm with how many living keys it has (`aggs` of `_security/_query/api_key`)."""
    dead = [{"term": {"invalidated": True}}, {"range": {"expiration": {"lte": int(datetime.now(UTC).timestamp() * 1000)}}}]
    sources = [{name: {"terms": {"field": name}}} for name in ("username", "realm_name")]
    after: dict[str, Any] = {}
    while True:
        owners = {"composite": {"sources": sources, "size": OWNERS_AT_ONCE, **after}}
        answer = client.query_api_keys(query={"bool": {"must_not": dead}}, size=0, aggs={"owners": owners})
        found = answer["aggregations"]["owners"]
        yield from ((bucket["key"], bucket["doc_count"]) for bucket in found["buckets"])
        if "after_key" not in found:
            return
        after = {"after": found["after_key"]}


def _realm_type(client: PersonClient, realm: str) -> str:
    """A realm's name is the cluster's to choose, and its type cannot be queried; but a key tells its own."""
    keys = client.query_api_keys(query={"term": {"realm_name": realm}}, size=1)["api_keys"]
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


def _now() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
