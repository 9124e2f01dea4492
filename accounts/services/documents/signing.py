"""Documents that usermgmt carries out later, signed with SECRET_KEY: writing to its indices isn't enough to forge or alter one."""

import json
from collections.abc import Mapping
from typing import Any, Final

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

SIGNATURE: Final = "signature"


def signed(purpose: str, id: str, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its signature, which is valid for this purpose and ID only."""
    return {**document, SIGNATURE: digest(purpose, id, document)}


def is_authentic(purpose: str, id: str, source: Mapping[str, Any]) -> bool:
    """Whether a document that was read is as it was signed, with SECRET_KEY or a fallback."""
    signature = str(source.get(SIGNATURE, ""))
    document = {name: value for name, value in source.items() if name != SIGNATURE}
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return bool(signature) and any(constant_time_compare(signature, digest(purpose, id, document, secret)) for secret in secrets)


def digest(purpose: str, id: str, content: Any, secret: str | None = None) -> str:
    """An HMAC of the JSON content, as 64 hexadecimal digits."""
    text = json.dumps([id, content], sort_keys=True, separators=(",", ":"))
    return salted_hmac(f"usermgmt {purpose}", text, secret, algorithm="sha256").hexdigest()
