"""Sessions as documents in Elasticsearch, so that any process serves any user: Django's SESSION_ENGINE.

A document's ID is a hash of the cookie, and its payload can be decrypted only with the cookie (`keys`).

All sessions of a native or reserved user end with one write: that of the generation that their sessions must belong to. It is read
together with each session, so no concurrent request can bring an ended session back. `active` lists all sessions.
"""

import logging
import secrets
from collections.abc import Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.utils import timezone

from accounts.services import audit, errors
from accounts.services.documents import damage, indices, store
from accounts.services.documents.store import Version
from accounts.services.request_context import SignInKey
from accounts.services.sessions import keys

logger = logging.getLogger(__name__)


class SessionStore(SessionBase):
    """One session. Loading it is one real-time read by ID; nothing is written until `save`."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._created = self._last_activity = timezone.now()
        self._version: Version | None = None  # None: not in Elasticsearch yet
        self._saved: dict[str, Any] | None = None
        self._id = ("", "")  # a key and the ID of its document

    def load(self) -> dict[str, Any]:
        """The session's data; empty and without a key when there is no such session. Raises Unavailable, NotSetUp."""
        document = _read(self.session_key, self.document_id) if self.session_key else None
        if document and is_damaged(document["_source"]):
            document = None
        if document and has_ended(document["_source"]):
            audit.record_expired_sessions({document["_id"]: document["_source"]})
            document = None
        data = self._decrypted(document)
        if document is None or data is None:
            self._session_key = None
            return {}
        self._created = datetime.fromisoformat(document["_source"]["created"])
        self._last_activity = datetime.fromisoformat(document["_source"]["last_activity"])
        self._version = Version.of(document)
        return data

    def _decrypted(self, document: Mapping[str, Any] | None) -> dict[str, Any] | None:
        key = self.session_key
        return keys.decrypt(key, document["_source"].get("payload", "")) if key and document else None

    def exists(self, session_key: str) -> bool:
        """Always False: 256 random bits don't repeat, and `save` would raise."""
        return False

    def create(self) -> None:
        """Take a new key and become empty."""
        self._session_key = keys.new_key(getattr(self, "_session_cache", {}))
        self._session_cache: dict[str, Any] = {}
        self._created = self._last_activity = timezone.now()
        self._version = self._saved = None
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the whole session. Raises UpdateError when another request ended or wrote it in the meantime."""
        data = dict(self.items())
        if data == self._saved:  # saved by the view already; the middleware saves again
            return
        if self.session_key is None:
            self._session_cache = data
            self.create()
            self._session_cache = data
        self._write(str(self.session_key), data)
        self._saved = data

    def _write(self, key: str, data: dict[str, Any]) -> None:
        document = _document(key, data, self._created, self._last_activity)
        # Searches must find a new session at once: the limit per user counts on it.
        options = {} if self._version else {"refresh": True}
        try:
            self._version = store.put(indices.SESSIONS, keys.document_id(key), document, self._version, **options)
        except errors.Conflict:
            raise UpdateError from None

    def renew(self, *, is_active: bool = True) -> None:
        """Write the session again; `is_active` counts as activity of its user. When two requests do so at once, one is enough."""
        if is_active:
            self._last_activity = timezone.now()
        self._saved = None
        try:
            self.save()
        except UpdateError:
            pass
        self.modified = False  # or the middleware would save again, and reject the page of the second request

    @property
    def needs_renewal(self) -> bool:
        """Whether to record activity: once a minute, or more often where the idle time is short."""
        return timezone.now() - self._last_activity >= min(settings.PRIVILEGES_FRESH_FOR, settings.SESSION_IDLE / 10)

    @property
    def document_id(self) -> str:
        """The session's name in the audit trail and on pages; it can't be used to sign in."""
        key = self.session_key or ""
        if key != self._id[0]:
            self._id = (key, keys.document_id(key))
        return self._id[1]

    @property
    def expires(self) -> datetime:
        """When the session ends without further activity."""
        return _expires(self._created, self._last_activity)

    @property
    def can_be_extended(self) -> bool:
        """Whether activity makes it end later."""
        return self.expires < self._created + settings.SESSION_LIFESPAN

    def delete(self, session_key: str | None = None) -> None:
        """End this session, or that of another key. A session that has already ended is no error."""
        if key := session_key or self.session_key:
            store.delete(indices.SESSIONS, keys.document_id(key))


def seconds_left(session: SessionStore) -> int:
    """Until the session ends without activity; 0 when it has ended."""
    return max(0, int((session.expires - timezone.now()).total_seconds()))


def end_all(username: str) -> None:
    """End every session of a native or reserved user, because of a new password or a deactivated account.

    Their credentials are invalid by then: where this can't be written, Elasticsearch rejects the sessions all the same.
    """
    try:
        store.require_status(store.bulk(ending_all(username)), (HTTPStatus.OK, HTTPStatus.CREATED))
    except errors.ServiceError:
        logger.exception("Could not end the sessions of a user whose credentials are no longer valid")


def ending_all(username: str) -> list[dict[str, Any]]:
    """The `_bulk` operations that do so, for the outcome of a recorded change: `audit.recorded(…, with_outcome=…)`."""
    expires = (timezone.now() + settings.SESSION_LIFESPAN).isoformat()  # by then the sessions that it ends have expired anyway
    action = {"index": {"_index": indices.SESSIONS, "_id": keys.generation_id_of(username)}}
    return [action, {"username": username, "generation": secrets.token_hex(16), "expires": expires}]


def generation(username: str) -> str:
    """The generation that a new session of this native or reserved user must belong to; "" when no sessions were ended lately.

    Read it before checking the credentials: whatever ends the user's sessions afterwards then ends the new one too.
    """
    document = store.get(indices.SESSIONS, keys.generation_id_of(username))
    return str(document["_source"].get("generation", "")) if document else ""


def generations(usernames: Collection[str]) -> dict[str, Mapping[str, Any]]:
    """The documents with the generations of those users who have one, by username. At most one call."""
    documents = store.get_many(indices.SESSIONS, [keys.generation_id_of(name) for name in usernames]) if usernames else []
    return {name: document["_source"] for name, document in zip(usernames, documents, strict=True) if document}


def _read(key: str, document_id: str) -> dict[str, Any] | None:
    """The session's document, unless all of the user's sessions were ended: one real-time read of both documents."""
    owner = keys.owner_of(key)
    ids = [document_id, keys.generation_id(owner)] if owner else [document_id]
    session, *current = store.get_many(indices.SESSIONS, ids)
    was_ended = session and current and current[0] and not belongs_to_generation(session["_source"], current[0]["_source"])
    return None if was_ended else session


def belongs_to_generation(session: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    """Whether a session's document has the generation of the other document."""
    return bool(session.get("generation", "") == current.get("generation", ""))


def is_damaged(source: Mapping[str, Any]) -> bool:
    """Whether a field of a session's document is missing or invalid. Another program has written it: it counts as no session."""
    try:
        SignInKey.of(source)
        moments = [datetime.fromisoformat(source[name]) for name in ("created", "last_activity", "expires")]
        texts = [source[name] for name in ("username", "realm", "realm_type", "address", "browser")]
        are_texts = all(text is None or isinstance(text, str) for text in texts) and isinstance(source.get("payload", ""), str)
        return not (are_texts and all(map(damage.is_moment, moments)))
    except damage.ERRORS:
        return True


def has_ended(source: Mapping[str, Any]) -> bool:
    """Whether the session of this document has reached its idle time or lifespan, as they are configured now."""
    now = timezone.now()
    return now >= datetime.fromisoformat(source["expires"]) or now >= _expires(
        datetime.fromisoformat(source["created"]), datetime.fromisoformat(source["last_activity"])
    )


def _expires(created: datetime, last_activity: datetime) -> datetime:
    return min(created + settings.SESSION_LIFESPAN, last_activity + settings.SESSION_IDLE)


def _document(key: str, data: dict[str, Any], created: datetime, last_activity: datetime) -> dict[str, Any]:
    identity, origin = data.get("identity", {}), data.get("origin", {})
    return {
        "username": identity.get("username"),
        "realm": identity.get("realm"),
        "realm_type": identity.get("realm_type"),
        "api_key": identity.get("api_key"),
        "address": origin.get("address"),
        "browser": origin.get("browser"),
        "generation": data.get("generation", ""),
        "created": created.isoformat(),
        "last_activity": last_activity.isoformat(),
        "expires": _expires(created, last_activity).isoformat(),
        "payload": keys.encrypt(key, data),
    }
