"""The mark of a browser in which somebody has signed in: those who guess at their password elsewhere do not keep them out there."""

import hmac
import secrets
from typing import Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

COOKIE: Final = "usermgmt_device"
SALT: Final = "usermgmt device"
SECONDS: Final = 90 * 24 * 60 * 60


def token(request: HttpRequest, username: str) -> str:
    """The mark that this browser has for that name; "" when it has none, or another's, or a made-up one."""
    try:
        own, owner = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=SECONDS)
    except (signing.BadSignature, ValueError):
        return ""
    return str(own) if hmac.compare_digest(owner, _owner(own, username)) else ""


def remember(request: HttpRequest, response: HttpResponse, username: str) -> None:
    """Give the browser its mark for the name, after a right password. It signs nobody in."""
    own = token(request, username) or secrets.token_hex(16)
    value = signing.dumps([own, _owner(own, username)], salt=SALT)
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(COOKIE, value, max_age=SECONDS, path="/", secure=secure, httponly=True, samesite="Lax")


def _owner(own: str, username: str) -> str:
    """The cookie does not tell the name."""
    return hmac.digest(own.encode(), username.casefold().encode(), "sha256").hex()
