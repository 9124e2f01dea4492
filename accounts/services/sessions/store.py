"""Sessions as documents in Elasticsearch, so that any process serves any person; Django's SESSION_ENGINE.

A document's id is a hash of the cookie, and its payload opens only with the cookie (`session_keys`).

All sessions of a native or reserved user end by one write: that of the generation to which their sessions must belong.
It is read together with each session (the cookie says which one), so that no other request can bring one back.
`session_list` knows all of them.
"""

import logging
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.client import service_client
from accounts.services.documents import indices, store
from accounts.services.documents.store import Version
from accounts.services.sessions import keys as session_keys

logger = logging.getLogger(__name__)


class SessionStore(SessionBase):
    """One session. Reading it is one real-time look by id; nothing is written until `save`."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._created = self._seen = timezone.now()
        self._version: Version | None = None  # None: not in Elasticsearch yet
        self._saved: dict[str, Any] | None = None
        self._named = ("", "")  # a key, and the id of its document

    def load(self) -> dict[str, Any]:
        """The session's data; empty, and without a key, when it ended or never was. Raises Unavailable and NotSetUp."""
        document = _read(self.session_key, self.document_id) if self.session_key else None
        if document and has_ended(document["_source"]):
            audit.record_expired_sessions({document["_id"]: document["_source"]})
            document = None
        return self._opened(document)

    def _opened(self, document: Mapping[str, Any] | None) -> dict[str, Any]:
        key = self.session_key
        data = session_keys.decrypt(key, document["_source"]["payload"]) if key and document else None
        if document is None or data is None:
            self._session_key = None
            return {}
        self._created = datetime.fromisoformat(document["_source"]["created"])
        self._seen = datetime.fromisoformat(document["_source"]["seen"])
        self._version = Version.of(document)
        return data

    def exists(self, session_key: str) -> bool:
        """Never: 256 random bits do not meet twice, and `save` would refuse it."""
        return False

    def create(self) -> None:
        """Take a new key, and be empty."""
        self._session_key = session_keys.new_key(getattr(self, "_session_cache", {}))
        self._session_cache: dict[str, Any] = {}
        self._created = self._seen = timezone.now()
        self._version = self._saved = None
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the whole session. Raises UpdateError when it was ended or written by another request meanwhile."""
        data = dict(self.items())
        if data == self._saved:  # by the view already; the middleware comes again
            return
        if self.session_key is None:
            self._session_cache = data
            self.create()
            self._session_cache = data
        self._write(str(self.session_key), data)
        self._saved = data

    def _write(self, key: str, data: dict[str, Any]) -> None:
        document = _document(key, data, self._created, self._seen)
        # Searches must find a new session at once: the limit per user counts on it.
        refresh = self._version is None
        try:
            self._version = store.put(
                indices.SESSIONS, session_keys.document_id(key), document, self._version, **({"refresh": True} if refresh else {})
            )
        except errors.Conflict:
            raise UpdateError from None

    def renew(self, *, seen: bool = True) -> None:
        """Write it again, and note that the person was here. Another request may do so at the same moment: once is enough."""
        if seen:
            self._seen = timezone.now()
        self._saved = None
        try:
            self.save()
        except UpdateError:
            pass
        self.modified = False  # or the middleware would save again, and refuse the page of the one that came second

    @property
    def is_due(self) -> bool:
        """Whether it is time to note that the person is here: each minute is enough, and oftener where the idle time is short."""
        return timezone.now() - self._seen >= min(settings.OPERATOR_FRESH_FOR, settings.SESSION_IDLE / 10)

    @property
    def document_id(self) -> str:
        """The name by which others may call this session: it opens nothing."""
        key = self.session_key or ""
        if key != self._named[0]:
            self._named = (key, session_keys.document_id(key))
        return self._named[1]

    @property
    def ends(self) -> datetime:
        """When it ends if nobody comes."""
        return _expires(self._created, self._seen)

    @property
    def can_be_extended(self) -> bool:
        """Whether it ends later when somebody comes."""
        return self.ends < self._created + settings.SESSION_LIFESPAN

    def delete(self, session_key: str | None = None) -> None:
        """End this session, or that of another key. One that has ended already is no error."""
        if key := session_key or self.session_key:
            store.delete(indices.SESSIONS, session_keys.document_id(key))


def seconds_left(session: SessionStore) -> int:
    """Until it ends unless it is renewed; 0 when it has ended."""
    return max(0, int((session.ends - timezone.now()).total_seconds()))


def end_all(username: str) -> None:
    """End every session of a native or reserved user, because their password changed or they may not sign in any more.

    Their credentials are void by then: where this cannot be written the cluster refuses them all the same.
    """
    expires = (timezone.now() + settings.SESSION_LIFESPAN).isoformat()  # what it ends has gone by then anyhow
    document = {"username": username, "generation": secrets.token_hex(16), "expires": expires}
    try:
        service_client().index(index=indices.SESSIONS, id=session_keys.generation_id_of(username), document=document)
    except errors.ServiceError:
        logger.exception("Could not end the sessions of a user whose credentials are no longer valid")


def generation(username: str) -> str:
    """To which a session of this native or reserved user must belong; "" when theirs were not ended lately.

    To be asked before the credentials are checked: what ends them afterwards ends the new session too.
    """
    document = store.get(indices.SESSIONS, session_keys.generation_id_of(username))
    return str(document["_source"]["generation"]) if document else ""


def _read(key: str, document_id: str) -> dict[str, Any] | None:
    """The session's document, unless it was ended with all of its person's: one real-time look at both documents."""
    owner = session_keys.owner_of(key)
    ids = [document_id, session_keys.generation_id(owner)] if owner else [document_id]
    session, *current = store.get_many(indices.SESSIONS, ids)
    is_of_the_past = session and current and current[0] and not belongs_to_generation(session["_source"], current[0]["_source"])
    return None if is_of_the_past else session


def belongs_to_generation(session: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Whether a session's document is of the generation that another document names; one of an earlier release has none."""
    return bool(session.get("generation", "") == current.get("generation", ""))


def has_ended(source: Mapping[str, Any]) -> bool:
    """Whether a session's document has had its idle time or its lifespan, as they are set now."""
    now = timezone.now()
    return now >= datetime.fromisoformat(source["expires"]) or now >= _expires(
        datetime.fromisoformat(source["created"]), datetime.fromisoformat(source["seen"])
    )


def _expires(created: datetime, seen: datetime) -> datetime:
    return min(created + settings.SESSION_LIFESPAN, seen + settings.SESSION_IDLE)


def _document(key: str, data: dict[str, Any], created: datetime, seen: datetime) -> dict[str, Any]:
    identity, origin = data.get("identity", {}), data.get("origin", {})
    return {
        "username": identity.get("username"),
        "realm": identity.get("realm"),
        "realm_type": identity.get("realm_type"),
        "address": origin.get("address"),
        "browser": origin.get("browser"),
        "generation": data.get("generation", ""),
        "created": created.isoformat(),
        "seen": seen.isoformat(),
        "expires": _expires(created, seen).isoformat(),
        "payload": session_keys.encrypt(key, data),
    }
