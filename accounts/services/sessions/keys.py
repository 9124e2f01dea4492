"""What is derived from a session's key, which is its cookie: the ID of its document, the hash of its owner, and the cipher.

The payload is encrypted (AES-GCM) with a key derived from the cookie and SECRET_KEY: without the cookie, neither a copy of the
index nor SECRET_KEY nor both decrypt it.
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
OWNER_SEPARATOR: Final = "."
# The realms whose users usermgmt manages: it ends all their sessions at once.
MANAGED_REALM_TYPES: Final = ("native", "reserved")


def new_key(data: Mapping[str, Any]) -> str:
    """A secret; for a native or reserved user followed by the owner hash, which leads to their generation."""
    identity = data.get("identity", {})
    suffix = OWNER_SEPARATOR + owner_hash(identity["username"]) if identity.get("realm_type") in MANAGED_REALM_TYPES else ""
    return secrets.token_urlsafe(32) + suffix


def owner_hash(username: str) -> str:
    """The hash of the username of a native or reserved user."""
    return hashlib.sha256(f"usermgmt owner {username}".encode()).hexdigest()[:32]


def owner_of(key: str) -> str:
    """The owner hash in a key; "" for users from other realms."""
    return key.partition(OWNER_SEPARATOR)[2]


def generation_id(owner: str) -> str:
    """The ID of the document with the generation that the user's sessions must belong to."""
    return f"generation-{owner}"


def generation_id_of(username: str) -> str:
    """The same, by username."""
    return generation_id(owner_hash(username))


def document_id(key: str) -> str:
    """The ID of the session's document, which is also in the audit trail; it can't be used to sign in."""
    return hashlib.sha256(f"usermgmt session {key}".encode()).hexdigest()


def encrypt(key: str, data: dict[str, Any]) -> str:
    """The data, encrypted and base64-encoded; decryption needs both the key and SECRET_KEY."""
    nonce = os.urandom(NONCE_BYTES)
    encrypted = _cipher(settings.SECRET_KEY, key).encrypt(nonce, json.dumps(data).encode(), document_id(key).encode())
    return base64.b64encode(nonce + encrypted).decode("ascii")


def decrypt(key: str, payload: str) -> dict[str, Any] | None:
    """The data, or None when neither SECRET_KEY nor a fallback decrypts it."""
    encrypted = base64.b64decode(payload)
    for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            data: dict[str, Any] = json.loads(
                _cipher(secret, key).decrypt(encrypted[:NONCE_BYTES], encrypted[NONCE_BYTES:], document_id(key).encode())
            )
        except InvalidTag:
            continue
        return data
    return None


def _cipher(secret: str, key: str) -> AESGCM:
    return AESGCM(hmac.digest(secret.encode(), f"usermgmt session {key}".encode(), "sha256"))
