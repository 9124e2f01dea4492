"""Passwords of bulk changes and imports: encrypted (AES-GCM) with SECRET_KEY, and bound to their user."""

import base64
import hmac
import json
import os
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.views.decorators.debug import sensitive_variables

NONCE_BYTES: Final = 12


@sensitive_variables()
def seal(job: str, username: str, secrets: Mapping[str, str]) -> str:
    """The secrets of a line, encrypted; "" for none."""
    if not secrets:
        return ""
    nonce = os.urandom(NONCE_BYTES)
    encrypted = _cipher(settings.SECRET_KEY, job).encrypt(nonce, json.dumps(secrets).encode(), username.encode())
    return base64.b64encode(nonce + encrypted).decode("ascii")


@sensitive_variables()
def unseal(job: str, username: str, sealed: str) -> dict[str, str] | None:
    """What was sealed, or None when neither SECRET_KEY nor a fallback decrypts it."""
    if not sealed:
        return {}
    data = base64.b64decode(sealed)
    for secret in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            found: dict[str, str] = json.loads(
                _cipher(secret, job).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], username.encode())
            )
        except InvalidTag:
            continue
        return found
    return None


def _cipher(secret: str, job: str) -> AESGCM:
    return AESGCM(hmac.digest(secret.encode(), f"usermgmt import {job}".encode(), "sha256"))
