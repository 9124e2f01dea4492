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
WRONG_SCHEME: Final = (
    "The redirect to HTTPS led back to a request with X-Forwarded-Proto: http. If there are several proxies, the one that "
    "terminates HTTPS must set the header to https, and the others must pass it on unchanged."
)
NO_HEADER: Final = (
    "The redirect to HTTPS led back to a request without HTTPS. If a proxy terminates HTTPS, it must set the header "
    "X-Forwarded-Proto, and an administrator must set BEHIND_PROXY=true. If users don't use HTTPS, set HTTPS=false."
)
# Set with each redirect to HTTPS. Except at localhost, browsers accept and send it only with HTTPS, whatever a proxy says.
HTTPS_COOKIE: Final = "__Secure-usermgmt_https"
HTTPS_COOKIE_SECONDS: Final = 60


def mismatch(meta: Mapping[str, str], *, was_redirected: bool = False) -> str:
    """What must be changed so that usermgmt knows whether a request was sent with HTTPS; "" if nothing.

    `was_redirected`: whether the browser has HTTPS_COOKIE, although the request seems to be sent without HTTPS.
    """
    if not any(header in meta for header in FORWARDING_HEADERS):
        return NO_HEADER if was_redirected else ""
    if not settings.BEHIND_PROXY:
        return NOT_TRUSTED
    # Several proxies add a list, of which Django reads the first.
    scheme = meta.get("HTTP_X_FORWARDED_PROTO", "").partition(",")[0].strip()
    if scheme not in ("http", "https"):
        return NO_SCHEME
    return WRONG_SCHEME if was_redirected else ""
