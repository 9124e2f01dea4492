"""One API key, those of an owner, and revoking them. They keep working after their owner is deactivated or deleted.

`_security/_query/api_key` and `DELETE _security/api_key`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final, Literal

from accounts.services import audit, errors
from accounts.services.client import PersonClient, invalidating
from accounts.services.signin.operators import Operator, realm_type_of_owner
from accounts.services.users import User

MAX_SHOWN: Final = 50
MAX_REVOKED: Final = 100  # each has an event in the audit trail
READ_AT_ONCE: Final = 1000
MAX_SEARCHED: Final = 10_000  # Elasticsearch pages through no more by number
# A proxy gives up after a minute, and each call to a cluster that doesn't answer takes as long as its timeout.
MAX_SECONDS: Final = 30
OWNERS_AT_ONCE: Final = 1000
MANAGED_PREFIX: Final = "Alerting: "  # and the name of the rule
CROSS_CLUSTER: Final = "cross_cluster"
# Said before a user is deactivated or deleted.
KEYS_STAY: Final = "Their API keys keep working until you revoke them."

Key = Mapping[str, Any]  # as the API has it
State = Literal["Active", "Expired", "Revoked"]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, without its secret, which Elasticsearch doesn't store. `is_managed`: Kibana created it for its own work.

    `revoked`: when, if Elasticsearch says so. `body`: as the API has it.
    """

    id: str
    name: str
    created: datetime
    expires: datetime | None
    state: State
    is_managed: bool = False
    username: str = ""
    realm: str = ""
    type: str = "rest"
    revoked: datetime | None = None
    body: Key = field(default_factory=dict, repr=False, compare=False)

    @property
    def label(self) -> str:
        """The name, or the ID of a key without one."""
        return self.name or self.id

    @property
    def is_active(self) -> bool:
        return self.state == "Active"

    @property
    def own_realm(self) -> str:
        """`native`, `reserved`, or "" for other realms, whose users have no page."""
        return own_realm(self.body)

    @property
    def type_label(self) -> str:
        return "Cross-cluster" if self.type == CROSS_CLUSTER else "REST"


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Some keys of a user, active ones first, then newest first; `more`: how many are not included."""

    keys: list[ApiKey]
    more: int

    @property
    def has_active(self) -> bool:
        return any(key.is_active for key in self.keys)

    @property
    def managed(self) -> list[ApiKey]:
        return [key for key in self.keys if key.is_managed]

    @property
    def unmanaged(self) -> list[ApiKey]:
        return [key for key in self.keys if not key.is_managed]


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of keys. Usernames are unique only within a realm, so the realm is included, by type or by name."""

    username: str
    realm: tuple[Literal["realm_type", "realm"], str]
    is_caller: bool = False

    @classmethod
    def of(cls, user: User) -> "Owner":
        """A native or reserved user, by realm type: a cluster can rename the realms."""
        return cls(user.username, ("realm_type", "reserved" if user.is_reserved else "native"))

    @classmethod
    def of_missing(cls, username: str) -> tuple["Owner", "Owner"]:
        """A user who doesn't exist anymore was a native user, or built in while the reserved realm was on."""
        return cls(username, ("realm_type", "native")), cls(username, ("realm_type", "reserved"))

    @classmethod
    def of_key(cls, key: ApiKey, operator: Operator) -> "Owner":
        """The owner of a key, of any realm."""
        return cls(key.username, ("realm", key.realm), is_caller=is_own(key, operator))

    @classmethod
    def own(cls, operator: Operator) -> "Owner":
        """The operator themselves, of any realm; requires only `manage_own_api_key`."""
        return cls(operator.username, ("realm", operator.realm), is_caller=True)

    def owns(self, body: Mapping[str, Any]) -> bool:
        """Whether a key from the API belongs to the owner."""
        name, value = self.realm
        return bool(body.get(name, value) == value)


@dataclass(frozen=True, slots=True)
class Revocation:
    """What became of the active keys of an owner."""

    revoked: Sequence[ApiKey]
    failed: Sequence[tuple[ApiKey, errors.ServiceError]]
    untried: Sequence[ApiKey]

    @property
    def is_complete(self) -> bool:
        return not self.failed and not self.untried


def of_user(client: PersonClient, user: User) -> ApiKeys:
    """The keys of a native or reserved user. Raises AccessDenied."""
    return of_owner(client, Owner.of(user))


def of_owner(client: PersonClient, owner: Owner) -> ApiKeys:
    """Some keys of an owner. Raises AccessDenied."""
    return _found(client, owner, [], MAX_SHOWN)


def active(client: PersonClient, owner: Owner, ids: Sequence[str] = ()) -> ApiKeys:
    """The active keys of an owner, all or those with these IDs, at most MAX_REVOKED. Raises AccessDenied."""
    conditions: list[dict[str, Any]] = [active_query()]
    if ids:
        conditions.append({"ids": {"values": list(ids)}})
    return _found(client, owner, conditions, MAX_REVOKED)


def active_query() -> dict[str, Any]:
    """The `_query/api_key` clause for active keys: neither revoked nor expired."""
    expired = {"range": {"expiration": {"lte": int(datetime.now(UTC).timestamp() * 1000)}}}
    return {"bool": {"filter": [{"term": {"invalidated": False}}], "must_not": [expired]}}


def get(client: PersonClient, id: str, *, with_limited_by: bool = True) -> ApiKey:
    """One key of any realm. Raises ApiKeyNotFound, also for a key that the user can't view, and AccessDenied."""
    found = client.query_api_keys(query={"ids": {"values": [id]}}, size=1, with_limited_by=with_limited_by)["api_keys"]
    if not found:
        raise errors.ApiKeyNotFound(id)
    return from_api(found[0])


def is_own(key: ApiKey, operator: Operator) -> bool:
    return (key.username, key.realm) == (operator.username, operator.realm)


def can_manage(client: PersonClient) -> bool:
    """Whether the user can revoke keys of others."""
    privilege = "manage_api_key"
    return bool(client.has_privileges(cluster=[privilege])["cluster"][privilege])


def revoke(client: PersonClient, owner: Owner, keys: Sequence[ApiKey], reason: str = "") -> None:
    """Revoke keys that `active` returned, in one call. `reason`: why, for the audit trail.

    Raises AccessDenied, AuditUnavailable, and OutcomeUnknown if Elasticsearch couldn't revoke some of them.
    """
    with invalidating(), ExitStack() as records:
        for key in keys:
            details = {"name": key.name, "owner": owner.username} | ({"stated_reason": reason} if reason else {})
            records.enter_context(audit.recorded(client, audit.Action.API_KEY_INVALIDATE, key.id, kind="api_key", details=details))
        answer = client.invalidate_api_key(ids=[key.id for key in keys], owner=owner.is_caller)
        if answer["error_count"]:
            raise errors.OutcomeUnknown(f"{answer['error_count']} of {len(keys)} API keys weren't revoked")


def revoke_all(client: PersonClient, owner: Owner, reason: str, deadline: float | None = None) -> Revocation:
    """Revoke all active keys of an owner, one after the other. Each is tried once; after the deadline the rest isn't tried.

    It is in MAX_SECONDS, unless it is given.

    Raises AccessDenied and Unavailable if the keys can't be read.
    """
    revoked: list[ApiKey] = []
    failed: list[tuple[ApiKey, errors.ServiceError]] = []
    tried, deadline = set[str](), deadline or monotonic() + MAX_SECONDS
    while found := [key for key in _all_active(client, owner) if key.id not in tried]:
        for position, key in enumerate(found):
            if monotonic() > deadline:
                return Revocation(revoked, failed, found[position:])
            tried.add(key.id)
            try:
                revoke(client, owner, [key], reason)
                revoked.append(key)
            except errors.ServiceError as exc:
                failed.append((key, exc))
    return Revocation(revoked, failed, [])


def _all_active(client: PersonClient, owner: Owner) -> list[ApiKey]:
    """Also behind the keys of users with the same name in other realms. Raises Unavailable if there are too many of all."""
    keys: list[ApiKey] = []
    for start in range(0, MAX_SEARCHED, READ_AT_ONCE):
        found = _found(client, owner, [active_query()], READ_AT_ONCE, start)
        keys += found.keys
        if not found.more:
            return keys
    raise errors.Unavailable(f"more than {MAX_SEARCHED:,} API keys have an owner with this username")


def _found(client: PersonClient, owner: Owner, conditions: list[dict[str, Any]], size: int, start: int = 0) -> ApiKeys:
    answer = client.query_api_keys(
        query={"bool": {"filter": [{"term": {"username": owner.username}}, *conditions]}},
        sort=[{"invalidated": {"order": "asc"}}, {"creation": {"order": "desc"}}],
        from_=start,
        size=size,
    )
    keys = [from_api(body) for body in answer["api_keys"] if owner.owns(body)]
    return ApiKeys(sorted(keys, key=lambda key: not key.is_active), answer["total"] - start - answer["count"])


def count_active_by_owner(client: PersonClient, usernames: Sequence[str] | None = None) -> Counter[tuple[str, bool]]:
    """The number of active keys of each native and reserved user: {(username, is reserved): number}. Raises AccessDenied.

    `usernames`: only of these owners. A call for each 1,000 owners, and a small one for each realm. Deactivated and deleted
    owners are included.
    """
    numbers: Counter[tuple[str, bool]] = Counter()
    types: dict[str, str] = {}
    for owner, number in _owners(client, usernames):
        realm = owner["realm_name"]
        types[realm] = types.get(realm) or _realm_type(client, realm)
        if types[realm] in ("native", "reserved"):
            numbers[owner["username"], types[realm] == "reserved"] += number
    return numbers


def _owners(client: PersonClient, usernames: Sequence[str] | None) -> Iterator[tuple[dict[str, str], int]]:
    """Username, realm, and number of active keys of each owner (`aggs` of `_security/_query/api_key`)."""
    chosen = [] if usernames is None else [{"terms": {"username": list(usernames)}}]
    query = {"bool": {"filter": [active_query(), *chosen]}}
    sources = [{name: {"terms": {"field": name}}} for name in ("username", "realm_name")]
    after: dict[str, Any] = {}
    while True:
        owners = {"composite": {"sources": sources, "size": OWNERS_AT_ONCE, **after}}
        answer = client.query_api_keys(query=query, size=0, aggs={"owners": owners})
        if "aggregations" not in answer:  # no key matches
            return
        found = answer["aggregations"]["owners"]
        yield from ((bucket["key"], bucket["doc_count"]) for bucket in found["buckets"])
        if "after_key" not in found:
            return
        after = {"after": found["after_key"]}


def _realm_type(client: PersonClient, realm: str) -> str:
    """The type of a realm. It can't be queried, but each key has it."""
    keys = client.query_api_keys(query={"term": {"realm_name": realm}}, size=1)["api_keys"]
    return str(keys[0].get("realm_type", "")) if keys else ""


def from_api(body: Key) -> ApiKey:
    expires = _moment(body.get("expiration"))
    is_expired = expires is not None and expires <= datetime.now(UTC)
    return ApiKey(
        id=body["id"],
        name=body.get("name") or "",
        created=datetime.fromtimestamp(body["creation"] / 1000, UTC),
        expires=expires,
        state="Revoked" if body["invalidated"] else "Expired" if is_expired else "Active",
        is_managed=_is_managed(body),
        username=body.get("username") or "",
        realm=body.get("realm") or "",
        type=body.get("type") or "rest",
        revoked=_moment(body.get("invalidation")),
        body=body,
    )


def own_realm(key: Key) -> str:
    """`native`, `reserved`, or "" for other realms."""
    realm = realm_type_of_owner(key)
    return realm if realm in ("native", "reserved") else ""


def _is_managed(body: Key) -> bool:
    """Kibana marks its keys in the metadata; before it did, those of rules were recognizable by their names."""
    return bool((body.get("metadata") or {}).get("managed")) or (body.get("name") or "").startswith(MANAGED_PREFIX)


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None
