"""What is made of a session's key, which is the cookie: its document's id, its owner's mark, and the cipher of what it holds.

The payload is encrypted (AES-GCM) with a key made of the cookie and the server's secret: neither a copy of the index nor the
secret, nor both, opens it without the cookie.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES: Final = 12
OWNER_MARK: Final = "."
# The realms whose users' passwords and accounts this product changes; they have no name in common.
MANAGED_REALM_TYPES: Final = ("native", "reserved")


def new_key(data: Mapping[str, Any]) -> str:
    """A secret, and for a user whose sessions this product may end together the mark by which they are found."""
    identity = data.get("identity", {})
    mark = OWNER_MARK + owner_mark(identity["username"]) if identity.get("realm_type") in MANAGED_REALM_TYPES else ""
    return secrets.token_urlsafe(32) + mark


def owner_mark(username: str) -> str:
    """The mark of a native or reserved user."""
    return hashlib.sha256(f"usermgmt owner {username}".encode()).hexdigest()[:32]


def owner_of(key: str) -> str:
    """The mark in a key; "" in that of a user of another realm."""
    return key.partition(OWNER_MARK)[2]


def generation_id(mark: str) -> str:
    """The id of the document that says to which generation a user's sessions must belong."""
    return f"generation-{mark}"


def generation_id_of(username: str) -> str:
    """The same, of a native or reserved user."""
    return generation_id(owner_mark(username))


def document_id(key: str) -> str:
    """The id of a session's document, by which the audit trail knows the session too; it opens nothing."""
    return hashlib.sha256(f"usermgmt session {key}".encode()).hexdigest()


def encrypt(key: str, data: dict[str, Any]) -> str:
    """The data, as only the key and `SECRET_KEY` together open it."""
    nonce = os.urandom(NONCE_BYTES)
    box = _cipher(settings.SECRET_KEY, key).encrypt(nonce, json.dumps(data).encode(), document_id(key).encode())
    return base64.b64encode(nonce + box).decode("ascii")


def decrypt(key: str, payload: str) -> dict[str, Any] | None:
    """The data, or None when no secret of ours opens it."""
    box = base64.b64decode(payload)
    for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            data: dict[str, Any] = json.loads(
                _cipher(secret, key).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], document_id(key).encode())
            )
        except InvalidTag:
            continue
        return data
    return None


def _cipher(secret: str, key: str) -> AESGCM:
    return AESGCM(hmac.digest(secret.encode(), f"usermgmt session {key}".encode(), "sha256"))
