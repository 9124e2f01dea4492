"""Rows of the list of API keys for exports, and its filter in words."""

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from accounts.services.api_keys.listing import ListedKey
from accounts.services.api_keys.privileges import own_privileges, owner_privileges
from accounts.services.api_keys.query import ApiKeyQuery
from accounts.services.roles import grants

COLUMNS: Final = {
    "id": "ID",
    "name": "Name",
    "owner": "Owner",
    "realm": "Realm",
    "type": "Type",
    "created": "Created (UTC)",
    "expires": "Expires (UTC)",
    "state": "State",
    "revoked": "Revoked (UTC)",
    "can_become_administrator": "Can become an administrator",
    "paths": "How",
    "privileges": "Own privileges",
    "owner_roles": "Limited by roles",
    "metadata": "Metadata",
}
OF_THE_OWNER: Final = "those of the owner when the key was created or last updated"
STATE: Final = {"active": "active", "expired": "expired", "revoked": "revoked"}
EXPIRATION: Final = {"never": "without expiration", "soon": "expiring within 30 days"}
TYPE: Final = {"rest": "REST API keys", "cross_cluster": "cross-cluster API keys"}
ADMINISTRATOR: Final = {
    "yes": "can become an administrator",
    "unknown": "not known whether they can become an administrator",
    "no": "can't become an administrator",
}
SORT: Final = {"name": "name", "owner": "owner", "created": "creation", "expires": "expiration"}


def row(listed: ListedKey) -> dict[str, Any]:
    """The values by column. "" is a value that the key doesn't have, None no information."""
    key = listed.key
    own = [str(grant) for body in own_privileges(key.body) for grant in grants.of(body)]
    return {
        "id": key.id,
        "name": key.name,
        "owner": key.username,
        "realm": key.realm,
        "type": key.type_label,
        "created": key.created,
        "expires": key.expires or "never",
        "state": key.state,
        "revoked": key.revoked or ("" if key.state != "Revoked" else None),
        "can_become_administrator": listed.is_administrator,
        "paths": "; ".join(map(str, listed.escalations)),
        "privileges": own if own_privileges(key.body) else OF_THE_OWNER,
        "owner_roles": [name for name, _ in owner_privileges(key.body)],
        "metadata": key.body.get("metadata") or "",
    }


def describe(query: ApiKeyQuery) -> str:
    """For example "all API keys, sorted by creation (descending)"."""
    conditions = ", ".join(_conditions(query)) or "all API keys"
    return f"{conditions}, sorted by {SORT[query.sort]} ({'descending' if query.descending else 'ascending'})"


def _conditions(query: ApiKeyQuery) -> Iterator[str]:
    if query.words:
        yield f"name or owner contains, or ID is “{' '.join(query.words)}”"
    if query.state:
        yield STATE[query.state]
    if query.expiration:
        yield EXPIRATION[query.expiration]
    if query.is_old:
        yield "older than a year"
    if query.type:
        yield TYPE[query.type]
    if query.realm:
        yield f"realm {query.realm}"
    if query.administrator:
        yield ADMINISTRATOR[query.administrator]


def query_string(query: ApiKeyQuery) -> str:
    """The query string of the same list."""
    parameters = {
        "q": query.q,
        "state": query.state,
        "expires": query.expiration,
        "age": "old" if query.is_old else "",
        "type": query.type,
        "realm": query.realm,
        "administrator": query.administrator,
        "sort": f"-{query.sort}" if query.descending else query.sort,
    }
    return urlencode({name: value for name, value in parameters.items() if value})
