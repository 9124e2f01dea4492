"""Sessions as documents in Elasticsearch, so that any process serves any person; Django's SESSION_ENGINE.

A document's id is a hash of the cookie. Its payload is encrypted (AES-GCM) with a key made of the cookie and the
server's secret: neither a copy of the index nor the secret, nor both, opens it without the cookie.
"""

import base64
import hashlib
import hmac
import json
import logging
import os
import secrets
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.utils import timezone

from accounts.services import errors, indices
from accounts.services.connection import service

logger = logging.getLogger(__name__)

NONCE_BYTES = 12


class SessionStore(SessionBase):
    """One session. Reading it is one real-time get by id; nothing is written until `save`."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._created = timezone.now()
        self._version: dict[str, int] | None = None  # None: not in Elasticsearch yet
        self._saved: dict[str, Any] | None = None

    def load(self) -> dict[str, Any]:
        """The session's data; empty, and without a key, when it ended or never was. Raises Unavailable and NotSetUp."""
        key = self.session_key
        document = _read(key) if key else None
        data = _decrypted(key, document["_source"]["payload"]) if key and document and not _has_ended(document["_source"]) else None
        if document is None or data is None:
            self._session_key = None
            return {}
        self._created = datetime.fromisoformat(document["_source"]["created"])
        self._version = {"if_seq_no": document["_seq_no"], "if_primary_term": document["_primary_term"]}
        return data

    def exists(self, session_key: str) -> bool:
        """Never: 256 random bits do not meet twice, and `save` would refuse it."""
        return False

    def create(self) -> None:
        """Take a new key, and be empty."""
        self._session_key = secrets.token_urlsafe(32)
        self._session_cache: dict[str, Any] = {}
        self._created = timezone.now()
        self._version = self._saved = None
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Write the whole session. Raises UpdateError when it was ended or written by another request meanwhile."""
        data = dict(self.items())
        if data == self._saved:  # by the view already; the middleware comes again
            return
        if self.session_key is None:
            self.create()
            self._session_cache = data
        key = str(self.session_key)
        condition: dict[str, Any] = self._version or {"op_type": "create"}
        try:
            written = service().index(
                index=indices.SESSIONS, id=_document_id(key), document=_document(key, data, self._created), **condition
            )
        except errors.Conflict:
            raise UpdateError from None
        self._version = {"if_seq_no": written["_seq_no"], "if_primary_term": written["_primary_term"]}
        self._saved = data

    def renew(self) -> None:
        """Note that the person was here. Another request of theirs may do so at the same moment: once is enough."""
        self._saved = None
        try:
            self.save()
        except UpdateError:
            pass
        self.modified = False  # or the middleware would save again, and refuse the page of the one that came second

    def delete(self, session_key: str | None = None) -> None:
        """End this session, or that of another key. One that has ended already is no error."""
        if key := session_key or self.session_key:
            _delete(_document_id(key))

    @classmethod
    def clear_expired(cls) -> None:
        """Remove the documents of sessions that have ended."""
        _delete_found({"range": {"expires": {"lt": timezone.now().isoformat()}}})


def end_all(username: str) -> None:
    """End every session of a native or reserved user, because their password changed or they may not sign in any more.

    Their credentials are void by then: where the documents cannot be removed the cluster refuses them all the same.
    """
    try:
        service().indices.refresh(index=indices.SESSIONS, ignore_unavailable=True)
        _delete_found({"bool": {"filter": [{"term": {"username": username}}, {"terms": {"realm_type": ["native", "reserved"]}}]}})
    except errors.ServiceError:
        logger.exception("The sessions of a user whose credentials are void could not be ended")


def _read(key: str) -> dict[str, Any] | None:
    try:
        return dict(service().get(index=indices.SESSIONS, id=_document_id(key)).body)
    except errors.NotFound:
        return None


def _delete(document_id: str) -> None:
    try:
        service().delete(index=indices.SESSIONS, id=document_id)
    except errors.NotFound:
        pass


def _delete_found(query: dict[str, Any]) -> None:
    found = service().search(index=indices.SESSIONS, query=query, size=1000, source=False, ignore_unavailable=True)
    for hit in found["hits"]["hits"]:
        _delete(hit["_id"])


def _has_ended(source: dict[str, Any]) -> bool:
    now = timezone.now()
    return now >= datetime.fromisoformat(source["expires"]) or now >= _expires(
        datetime.fromisoformat(source["created"]), datetime.fromisoformat(source["seen"])
    )


def _expires(created: datetime, seen: datetime) -> datetime:
    return min(created + settings.SESSION_LIFESPAN, seen + settings.SESSION_IDLE)


def _document(key: str, data: dict[str, Any], created: datetime) -> dict[str, Any]:
    now = timezone.now()
    identity = data.get("identity", {})
    return {
        "username": identity.get("username"),
        "realm_type": identity.get("realm_type"),
        "created": created.isoformat(),
        "seen": now.isoformat(),
        "expires": _expires(created, now).isoformat(),
        "payload": _encrypted(key, data),
    }


def _document_id(key: str) -> str:
    return hashlib.sha256(f"usermgmt session {key}".encode()).hexdigest()


def _cipher(secret: str, key: str) -> AESGCM:
    return AESGCM(hmac.digest(secret.encode(), f"usermgmt session {key}".encode(), "sha256"))


def _encrypted(key: str, data: dict[str, Any]) -> str:
    nonce = os.urandom(NONCE_BYTES)
    box = _cipher(settings.SECRET_KEY, key).encrypt(nonce, json.dumps(data).encode(), _document_id(key).encode())
    return base64.b64encode(nonce + box).decode("ascii")


def _decrypted(key: str, payload: str) -> dict[str, Any] | None:
    """The data, or None when no secret of ours opens it."""
    box = base64.b64decode(payload)
    for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            data: dict[str, Any] = json.loads(
                _cipher(secret, key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], _document_id(key).encode())
            )
        except InvalidTag:
            continue
        return data
    return None
