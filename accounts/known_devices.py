"""A token for each browser in which a user has signed in, so that password guessing elsewhere doesn't lock the user out there."""

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
    """This browser's token for the username; "" if it has none, one of another user, or a forged one."""
    try:
        own, owner = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=SECONDS)
    except (signing.BadSignature, ValueError):
        return ""
    return str(own) if hmac.compare_digest(owner, _owner(own, username)) else ""


def remember(request: HttpRequest, response: HttpResponse, username: str) -> None:
    """Store the browser's token for the username, after a successful sign-in. It is no credential."""
    own = token(request, username) or secrets.token_hex(16)
    value = signing.dumps([own, _owner(own, username)], salt=SALT)
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(COOKIE, value, max_age=SECONDS, path="/", secure=secure, httponly=True, samesite="Lax")


def _owner(own: str, username: str) -> str:
    """A keyed hash, so that the cookie doesn't reveal the username."""
    return hmac.digest(own.encode(), username.casefold().encode(), "sha256").hex()
