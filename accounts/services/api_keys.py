"""The API keys that a user owns. They go on working after the user is deactivated or deleted (`_security/_query/api_key`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from accounts.services.connection import Person
from accounts.services.users import User

MOST: Final = 50


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
