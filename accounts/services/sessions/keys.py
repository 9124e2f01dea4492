"""What is derived from a session's key, which is its cookie: the ID of its document, the hash of its owner, and what decrypts it.

The payload is encrypted (AES-GCM) with a key derived from the cookie and SECRET_KEY: without the cookie, neither a copy of the
index nor SECRET_KEY nor both decrypt it.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

from accounts.services.documents import encryption

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
    return encryption.encrypt(_purpose(key), document_id(key), data)


def decrypt(key: str, payload: str) -> dict[str, Any] | None:
    """The data, or None when neither SECRET_KEY nor a fallback decrypts it."""
    data: dict[str, Any] | None = encryption.decrypt(_purpose(key), document_id(key), payload)
    return data


def _purpose(key: str) -> str:
    return f"usermgmt session {key}"
