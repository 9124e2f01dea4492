"""A token for each browser in which a user has signed in, so that password guessing elsewhere doesn't lock the user out there."""

import secrets
from typing import Final

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

SECONDS: Final = 90 * 24 * 60 * 60


def token(request: HttpRequest, username: str) -> str:
    """This browser's token for the username; "" if it has none, one of another user, or a forged one."""
    try:
        own: str = signing.loads(request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""), salt=_salt(username), max_age=SECONDS)
    except (signing.BadSignature, ValueError):
        return ""
    return own


def remember(request: HttpRequest, response: HttpResponse, username: str) -> None:
    """Store the browser's token for the username, after a successful sign-in. It is no credential."""
    value = signing.dumps(token(request, username) or secrets.token_hex(16), salt=_salt(username))
    secure = settings.SESSION_COOKIE_SECURE
    response.set_cookie(settings.DEVICE_COOKIE_NAME, value, max_age=SECONDS, path="/", secure=secure, httponly=True, samesite="Lax")


def _salt(username: str) -> str:
    """Of the signature: without SECRET_KEY, nobody can find out from the cookie whose it is.

    With the exact username: one that differs in case can be another user.
    """
    return f"usermgmt device {username}"
