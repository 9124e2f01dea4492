"""Documents that usermgmt carries out later, signed with SECRET_KEY: writing to its indices isn't enough to forge or alter one."""

import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings

SIGNATURE: Final = "signature"


def signed(purpose: str, id: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its signature, which is valid for this purpose and ID only."""
    return {**document, SIGNATURE: digest(purpose, id, document)}


def is_authentic(purpose: str, id: str, source: Mapping[str, Any]) -> bool:
    """Whether a document that was read is as it was signed, with SECRET_KEY or a fallback."""
    signature = str(source.get(SIGNATURE, "")).encode("utf-8", "replace")
    document = {name: value for name, value in source.items() if name != SIGNATURE}
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return any(hmac.compare_digest(signature, digest(purpose, id, document, secret).encode()) for secret in secrets)


def digest(purpose: str, id: str, content: Any, secret: str | None = None) -> str:
    """An HMAC of the JSON content, as 64 hexadecimal digits."""
    text = json.dumps([id, content], sort_keys=True, separators=(",", ":"))
    key = hmac.digest((secret or settings.SECRET_KEY).encode(), f"usermgmt {purpose}".encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()
