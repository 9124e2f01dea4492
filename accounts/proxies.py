"""Reverse proxies that the settings don't match."""

from collections.abc import Mapping
from typing import Final

from django.conf import settings

# Set by proxies, and by tunnels to this machine.
FORWARDING_HEADERS: Final = (
    "HTTP_FORWARDED",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_REAL_IP",
)
NOT_TRUSTED: Final = "Requests come through a proxy. If it terminates HTTPS, an administrator must set BEHIND_PROXY=true."
NO_SCHEME: Final = "The proxy must set the header X-Forwarded-Proto to https, or to http for a request without HTTPS."


def mismatch(meta: Mapping[str, str]) -> str:
    """What must be changed so that usermgmt knows whether a request was sent with HTTPS; "" if nothing."""
    if not any(header in meta for header in FORWARDING_HEADERS):
        return ""
    if not settings.BEHIND_PROXY:
        return NOT_TRUSTED
    # Several proxies add a list, of which Django reads the first.
    scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip()
    return "" if scheme in ("http", "https") else NO_SCHEME
