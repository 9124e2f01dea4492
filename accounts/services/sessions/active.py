"""The sessions that live: for the pages that show and end them, and for the limit per person; the store itself is `sessions`."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import PersonClient, service_client
from accounts.services.documents import indices
from accounts.services.documents import store as documents_store
from accounts.services.documents.store import Version
from accounts.services.request_context import Actor
from accounts.services.sessions import keys as session_keys
from accounts.services.sessions import store

logger = logging.getLogger(__name__)

MAX_SESSIONS: Final = 10_000  # what one search gives
SECONDS_BETWEEN_REMOVALS: Final = 300
_removed_at = float("-inf")


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in. Address and browser are as they were at the sign-in."""

    id: str
    username: str
    realm: str
    realm_type: str
    address: str
    browser: str
    created: datetime
    seen: datetime

    @property
    def is_native_or_reserved(self) -> bool:
        """Whether the person is one of the users that the product lists."""
        return self.realm_type in session_keys.MANAGED_REALM_TYPES

    def is_of(self, username: str, realm: str) -> bool:
        """Whether it is that person's: another realm may know the same name."""
        return (self.username, self.realm) == (username, realm)


def active_sessions() -> list[Session]:
    """All sessions, the one that was used last first. Raises Unavailable and NotSetUp."""
    return _active_sessions({"match_all": {}})


def sessions_of_user(username: str, realm: str) -> list[Session]:
    """The sessions of one person. Raises Unavailable and NotSetUp."""
    return [session for session in _active_sessions({"term": {"username": username}}) if session.is_of(username, realm)]


def end(client: PersonClient, ended: Sequence[Session]) -> None:
    """End these, with a record of it. A request that is renewing one of them does not bring it back: it finds no version.

    Raises AuditUnavailable, and ends none, when the trail does not take it; Unavailable when one could not be ended.
    """
    people = sorted({session.username for session in ended})
    target = people[0] if len(people) == 1 else ""
    with audit.recorded(client, "session-end", target, kind="session", changes={"sessions": (_labels(ended), [])}):
        _delete([_place(session) for session in ended])


def enforce_limit(actor: Actor) -> None:
    """End the person's sessions beyond SESSION_LIMIT, the oldest first.

    To be called after each sign-in. All who do so at once order the sessions alike, and whoever looks last sees all.
    """
    found = sorted(_found({"term": {"username": actor.username}}), key=lambda session: (session.created, session.id), reverse=True)
    beyond = [session for session in found if session.is_of(actor.username, actor.realm)][settings.SESSION_LIMIT :]
    if not beyond:
        return
    _delete([_place(session) for session in beyond])
    try:
        audit.record_event(
            actor, "session-end", actor.username, kind="session", reason="limit", details={"sessions": ", ".join(_labels(beyond))}
        )
    except errors.AuditUnavailable:  # logged there; a sign-in is no change, and goes on
        pass


def remove_expired() -> None:
    """Remove what has had its time, of sessions and of the throttle; at most every few minutes, and never in anybody's way."""
    global _removed_at
    if time.monotonic() < _removed_at + SECONDS_BETWEEN_REMOVALS:
        return
    _removed_at = time.monotonic()
    try:
        _remove_expired()
    except errors.ServiceError:
        logger.exception("Could not remove expired sessions")


def _remove_expired() -> None:
    found = service_client().search(
        index=[indices.SESSIONS, indices.THROTTLE],
        query={"range": {"expires": {"lt": timezone.now().isoformat()}}},
        size=MAX_SESSIONS,
        source_includes=["username", "realm", "realm_type", "created", "expires"],
        seq_no_primary_term=True,
        ignore_unavailable=True,
    )
    audit.record_expired_sessions({hit["_id"]: hit["_source"] for hit in found["hits"]["hits"] if "created" in hit["_source"]})
    # Only as it was found: a counter may have begun again.
    _delete([{"_index": hit["_index"], "_id": hit["_id"], **Version.of(hit).condition()} for hit in found["hits"]["hits"]])


def _active_sessions(query: Mapping[str, Any]) -> list[Session]:
    service_client().indices.refresh(index=indices.SESSIONS, ignore_unavailable=True)
    return sorted(_found(query), key=lambda session: (session.seen, session.id), reverse=True)


def _found(query: Mapping[str, Any]) -> list[Session]:
    """The sessions among the documents that a query finds: neither expired nor of a generation that was ended."""
    answer = service_client().search(
        index=indices.SESSIONS, query=query, size=MAX_SESSIONS, source_excludes=["payload"], ignore_unavailable=True
    )
    sources = {hit["_id"]: hit["_source"] for hit in answer["hits"]["hits"]}
    current = {source["username"]: source for source in sources.values() if "created" not in source}
    return [_session(id, source) for id, source in sources.items() if _lives(source, current)]


def _lives(source: Mapping[str, Any], current: Mapping[str, Mapping[str, Any]]) -> bool:
    if "created" not in source or source["username"] is None or store.has_ended(source):
        return False
    is_ended_together = source["realm_type"] in session_keys.MANAGED_REALM_TYPES
    return not is_ended_together or store.belongs_to_generation(source, current.get(source["username"], source))


def _session(id: str, source: Mapping[str, Any]) -> Session:
    return Session(
        id=id,
        username=source["username"],
        realm=source["realm"],
        realm_type=source["realm_type"],
        address=source["address"] or "",
        browser=source["browser"] or "",
        created=datetime.fromisoformat(source["created"]),
        seen=datetime.fromisoformat(source["seen"]),
    )


def _place(session: Session) -> dict[str, Any]:
    return {"_index": indices.SESSIONS, "_id": session.id}


def _labels(ended: Iterable[Session]) -> list[str]:
    """For the trail: whose, and the hash under which it has what was done in them."""
    return [f"{session.username} {session.id}" for session in ended]


def _delete(documents: list[dict[str, Any]]) -> None:
    """Delete them in one call; what is gone or changed already is no error. Raises Unavailable."""
    results = documents_store.bulk([{"delete": document} for document in documents], refresh=True)
    documents_store.require_status(results, (HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
