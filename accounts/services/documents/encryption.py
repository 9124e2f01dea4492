"""Secrets in documents: encrypted with SECRET_KEY, each with a key for its purpose only, and bound to what they belong to."""

import base64
import hmac
import json
import os
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

NONCE_BYTES: Final = 12


@sensitive_variables()
def encrypt(purpose: str, owner: str, value: Any) -> str:
    """The JSON value, encrypted (AES-GCM) and base64-encoded."""
    nonce = os.urandom(NONCE_BYTES)
    encrypted = _cipher(settings.SECRET_KEY, purpose).encrypt(nonce, json.dumps(value).encode(), owner.encode())
    return base64.b64encode(nonce + encrypted).decode("ascii")


@sensitive_variables()
def decrypt(purpose: str, owner: str, encrypted: str) -> Any:
    """The value, or None when neither SECRET_KEY nor a fallback decrypts it, or it was encrypted for another purpose or owner."""
    try:
        data = base64.b64decode(encrypted)
    except ValueError:
        return None
    if len(data) < NONCE_BYTES:
        return None
    for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            return json.loads(_cipher(secret, purpose).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], owner.encode()))
        except InvalidTag:
            continue
    return None


def _cipher(secret: str, purpose: str) -> AESGCM:
    return AESGCM(hmac.digest(secret.encode(), purpose.encode(), "sha256"))
