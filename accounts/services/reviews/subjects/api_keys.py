"""Reviews of API keys, of all realms. Their order is that of the pages of keys, which can be continued after any key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from accounts.services import api_keys, audit, errors
from accounts.services.api_keys import Key, pages
from accounts.services.client import PersonClient, service_client
from accounts.services.request_context import Actor
from accounts.services.reviews.subjects.base import Batch, Current, Removal, RemovalWords, Row, Subject
from accounts.services.roles import escalation, grants

NEVER: Final = "never"
REVOKED_BECAUSE: Final = "Access review"
OWN_KEY: Final = "usermgmt itself uses this API key. Without it, usermgmt stops working."


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Which active keys: those created before a day, and those that never expire."""

    created_before: date | None = None
    never_expires: bool = False


class ApiKeys(Subject[KeyFilter]):
    slug = "api-keys"
    noun = "API key"
    columns = {
        "id": "ID",
        "name": "Name",
        "owner": "Owner",
        "realm": "Realm",
        "type": "Type",
        "created": "Created",
        "expires": "Expires",
        "has_own_privileges": "Own privileges",
        "privileges": "Privileges",
        "limited_by": "Limited by",
        "can_become_administrator": "Can become an administrator",
        "escalations": "Escalation paths",
    }
    identity = "id"
    order = ("owner", "created")
    compared = ("expires", "has_own_privileges", "privileges", "limited_by")
    decisions = {"keep": "Keep", "remove": "Revoke"}
    removals = {
        "revoke": RemovalWords(
            "Revoke",
            "revoked",
            "Revoking",
            "Applications that use it immediately lose access. This can't be undone.",
            "Applications that use them immediately lose access. This can't be undone.",
        )
    }
    lists = ()
    searched = ("id", "name", "owner", "realm")
    own = "Own API key"
    search_hint = "Search by name, ID, owner, or realm"
    page = "api_key"
    kind = "api_key"
    actions = (audit.Action.API_KEY_INVALIDATE,)

    def describe(self, query: KeyFilter) -> str:
        unlimited = " that never expire" if query.never_expires else ""
        old = f", created before {query.created_before}" if query.created_before else ""
        return f"active API keys{unlimited}{old}, sorted by owner and creation"

    def stored(self, query: KeyFilter) -> dict[str, Any]:
        before = query.created_before
        return {"created_before": before.isoformat() if before else None, "never_expires": query.never_expires}

    def loaded(self, fields: Mapping[str, Any]) -> KeyFilter:
        before = fields["created_before"]
        return KeyFilter(date.fromisoformat(before) if before else None, fields["never_expires"])

    def count(self, client: PersonClient, query: KeyFilter) -> int:
        return int(client.query_api_keys(query=_body(query), size=0)["total"])

    def batch(self, client: PersonClient, query: KeyFilter, after: Row | None, size: int) -> Batch:
        found = pages.page(client, _position(after) if after else None, _body(query))
        return Batch([row_of(key) for key in found.keys[:size]], found.total)

    def current(self, client: PersonClient, rows: Sequence[Row]) -> dict[str, Current]:
        """Elasticsearch deletes a revoked or expired key after some days."""
        ids = [row["id"] for row in rows]
        found = pages.page(client, None, {"ids": {"values": ids}}).keys if ids else []
        keys = {key["id"]: key for key in found}
        return {row["id"]: self._current(row, keys.get(row["id"])) for row in rows}

    def _current(self, row: Row, key: Key | None) -> Current:
        if key is None:
            is_expired = row["expires"] != NEVER and datetime.fromisoformat(row["expires"]) <= datetime.now(UTC)
            return Current(None, "Expired" if is_expired else "Deleted", is_removed=True)
        state = _state(key)
        protection = OWN_KEY if key["id"] == service_client().key_id else ""
        return Current(key, state, state != "Active", self.changed(row, row_of(key)), protection)

    def remove(self, client: PersonClient, removal: Removal, current: Current) -> None:
        key = current.thing
        details = {"name": key.get("name") or "", "owner": key["username"], "stated_reason": REVOKED_BECAUSE}
        with audit.recorded(client, audit.Action.API_KEY_INVALIDATE, key["id"], kind="api_key", details=details):
            answer = client.invalidate_api_key(ids=[key["id"]])
            if answer["error_count"]:
                raise errors.OutcomeUnknown(f"API key {key['id']} wasn't revoked")

    def name(self, row: Row) -> str:
        return f"{row['name']} ({row['id']})" if row["name"] else str(row["id"])

    def is_own(self, row: Row, actor: Actor) -> bool:
        return (actor.username, actor.realm) == (row["owner"], row["realm"])


def row_of(key: Key) -> dict[str, Any]:
    """The row of a key. A key without own privileges has those of its owner when it was created or last updated."""
    own, limit = key.get("role_descriptors"), [role for roles in key.get("limited_by") or [] for role in roles.values()]
    escalations = api_keys.escalations_of(key)
    return {
        "id": key["id"],
        "name": key.get("name"),
        "owner": key["username"],
        "realm": key.get("realm") or "",
        "type": key.get("type", "rest"),
        "created": _moment(key["creation"]),
        "expires": _moment(key["expiration"]) if key.get("expiration") else NEVER,
        "has_own_privileges": bool(own),
        "privileges": _in_words(own.values() if own else limit),
        "limited_by": _in_words(limit) if own else [],
        "can_become_administrator": escalation.is_administrator(escalations),
        "escalations": [str(each) for each in escalations],
    }


def _in_words(roles: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(grant) for role in roles for grant in grants.of(role)))


def _body(query: KeyFilter) -> dict[str, Any]:
    """The clause of `_query/api_key`."""
    body = api_keys.active_query()
    if query.created_before:
        start = datetime.combine(query.created_before, time(), UTC)
        body["bool"]["filter"].append({"range": {"creation": {"lt": round(start.timestamp() * 1000)}}})
    if query.never_expires:
        body["bool"]["must_not"].append({"exists": {"field": "expiration"}})
    return body


def _position(row: Row) -> list[Any]:
    """The `search_after` of the pages of keys."""
    created = datetime.fromisoformat(row["created"])
    return [row["owner"], round(created.timestamp() * 1000), row["name"]]


def _state(key: Key) -> str:
    if key["invalidated"]:
        return "Revoked"
    is_expired = key.get("expiration") and key["expiration"] <= datetime.now(UTC).timestamp() * 1000
    return "Expired" if is_expired else "Active"


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
