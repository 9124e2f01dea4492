"""Active sessions: for the pages that list and end them, and for the limit per user."""

import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import PersonClient, service_client
from accounts.services.documents import indices
from accounts.services.documents.store import Version, bulk, require_status
from accounts.services.request_context import Actor, SignInKey
from accounts.services.sessions import keys, store

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 10_000  # of one search
SECONDS_BETWEEN_REMOVALS: Final = 300
_removed_at = float("-inf")


@dataclass(frozen=True)
class Session:
    """A session of a signed-in user. Address, browser, and API key are those of the sign-in."""

    id: str
    username: str
    realm: str
    realm_type: str
    address: str
    browser: str
    created: datetime
    last_activity: datetime
    api_key: SignInKey | None = None

    @property
    def is_native_or_reserved(self) -> bool:
        return self.realm_type in keys.MANAGED_REALM_TYPES

    def belongs_to(self, username: str, realm: str) -> bool:
        """Usernames are unique only within a realm."""
        return (self.username, self.realm) == (username, realm)

    def has_key_of(self, actor: Actor) -> bool:
        """Whether both were signed in with the same API key, or with none."""
        return (self.api_key and self.api_key.id) == (actor.api_key and actor.api_key.id)


def active_sessions() -> list[Session]:
    """All sessions, most recently active first. Raises Unavailable and NotSetUp."""
    return _active_sessions({"match_all": {}})


def number_of_active() -> int:
    """How many sessions are active; those of the last second may be missing. Raises Unavailable and NotSetUp."""
    return len(_found({"match_all": {}}))


def sessions_of_user(username: str, realm: str) -> list[Session]:
    """The sessions of one user. Raises Unavailable and NotSetUp."""
    return [session for session in _active_sessions({"term": {"username": username}}) if session.belongs_to(username, realm)]


def own_sessions(actor: Actor) -> list[Session]:
    """The sessions of the signed-in user; of an API key, only those that were begun with it. Raises Unavailable and NotSetUp."""
    of_user = sessions_of_user(actor.username, actor.realm)
    return [session for session in of_user if session.has_key_of(actor)] if actor.api_key else of_user


def sessions_of_native_user(username: str) -> list[Session]:
    """The sessions of a native or reserved user, whatever their realms are named. Raises Unavailable and NotSetUp."""
    return [session for session in _active_sessions({"term": {"username": username}}) if session.is_native_or_reserved]


def count_by_native_user(usernames: Sequence[str]) -> Counter[str]:
    """How many sessions each of these native and reserved users has. Raises Unavailable and NotSetUp."""
    found = _active_sessions({"terms": {"username": list(usernames)}})
    return Counter(session.username for session in found if session.is_native_or_reserved)


def end(client: PersonClient, ended: Sequence[Session]) -> None:
    """End these sessions and record it. A request that renews one of them can't bring it back: its version no longer exists.

    Raises AuditUnavailable, and ends none, when the audit trail can't be written; Unavailable when a session could not be ended.
    """
    usernames = sorted({session.username for session in ended})
    target = usernames[0] if len(usernames) == 1 else ""
    with audit.recorded(client, audit.Action.SESSION_END, target, kind="session", changes={"sessions": (_labels(ended), [])}):
        _delete([_metadata(session) for session in ended])


def enforce_limit(actor: Actor) -> None:
    """End the oldest sessions beyond SESSION_LIMIT: those of the user, or those of the API key. To be called after each sign-in.

    Concurrent sign-ins sort the sessions alike, and the last one to look sees all of them.
    """
    found = sorted(_found({"term": {"username": actor.username}}), key=lambda session: (session.created, session.id), reverse=True)
    counted = [session for session in found if session.belongs_to(actor.username, actor.realm) and session.has_key_of(actor)]
    excess = counted[settings.SESSION_LIMIT :]
    if not excess:
        return
    _delete([_metadata(session) for session in excess])
    try:
        audit.record_event(
            actor,
            audit.Action.SESSION_END,
            actor.username,
            kind="session",
            reason="session_limit",
            details={"sessions": ", ".join(_labels(excess))},
        )
    except errors.AuditUnavailable:  # logged there; a sign-in is no change and continues
        pass


def remove_expired() -> None:
    """Delete expired documents of sessions and of the throttle, every few minutes at most; failures are only logged."""
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
        size=BATCH_SIZE,
        source_excludes=["payload"],
        seq_no_primary_term=True,
        ignore_unavailable=True,
    )
    hits = found["hits"]["hits"]
    audit.record_expired_sessions({hit["_id"]: hit["_source"] for hit in hits if not store.is_damaged(hit["_source"])})
    # Only this version: a counter of the throttle may have started again.
    _delete([{"_index": hit["_index"], "_id": hit["_id"], **Version.of(hit).condition()} for hit in hits])


def _active_sessions(query: Mapping[str, Any]) -> list[Session]:
    service_client().indices.refresh(index=indices.SESSIONS, ignore_unavailable=True)
    return sorted(_found(query), key=lambda session: (session.last_activity, session.id), reverse=True)


def _found(query: Mapping[str, Any]) -> list[Session]:
    """The sessions that match: neither expired nor of an ended generation."""
    sources = {id: source for id, source in _documents(query) if _is_active(source)}
    current = store.generations({source["username"] for source in sources.values() if _has_generation(source)})
    return [
        _session(id, source)
        for id, source in sources.items()
        if not _has_generation(source) or store.belongs_to_generation(source, current.get(source["username"], source))
    ]


def _documents(query: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """All sessions that match, in batches. The index also has a document for each user whose sessions were ended lately."""
    position: list[Any] | None = None
    while True:
        answer = service_client().search(
            index=indices.SESSIONS,
            query={"bool": {"filter": [query, {"exists": {"field": "created"}}]}},
            size=BATCH_SIZE,
            sort=[{"_seq_no": "asc"}],  # one that is renewed meanwhile moves to the end
            search_after=position,
            source_excludes=["payload"],
            ignore_unavailable=True,
        )
        hits = answer["hits"]["hits"]
        yield from ((hit["_id"], hit["_source"]) for hit in hits)
        if len(hits) < BATCH_SIZE:
            return
        position = hits[-1]["sort"]


def _is_active(source: Mapping[str, Any]) -> bool:
    return not store.is_damaged(source) and source["username"] is not None and not store.has_ended(source)


def _has_generation(source: Mapping[str, Any]) -> bool:
    return source["realm_type"] in keys.MANAGED_REALM_TYPES


def _session(id: str, source: Mapping[str, Any]) -> Session:
    return Session(
        id=id,
        username=source["username"],
        realm=source["realm"],
        realm_type=source["realm_type"],
        address=source["address"] or "",
        browser=source["browser"] or "",
        created=datetime.fromisoformat(source["created"]),
        last_activity=datetime.fromisoformat(source["last_activity"]),
        api_key=SignInKey.of(source),
    )


def _metadata(session: Session) -> dict[str, Any]:
    return {"_index": indices.SESSIONS, "_id": session.id}


def _labels(ended: Iterable[Session]) -> list[str]:
    """For the audit trail: the user, and the ID that events of the session carry."""
    return [f"{session.username} {session.id}" for session in ended]


def _delete(documents: list[dict[str, Any]]) -> None:
    """Delete them in one call; a missing or changed one is no error. Raises Unavailable."""
    results = bulk([{"delete": document} for document in documents], refresh=True)
    require_status(results, (HTTPStatus.OK, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
