"""The notice after a password change: when it was, and how many API keys are still active.

Stored in a signed cookie for ten minutes, so that it outlasts a visit to the API keys and needs no write.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.core import signing
from django.http import HttpResponse
from django.utils import timezone

from accounts.http import AppRequest
from accounts.services.api_keys import ApiKeys
from accounts.services.errors import AuthenticationFailed, ServiceError

COOKIE: Final = "usermgmt_changed_password"
SECONDS: Final = 600


@dataclass(frozen=True)
class Changed:
    """The time, and the number of active API keys; None if it couldn't be read."""

    at: datetime
    keys: int | None


def remember(request: AppRequest, response: HttpResponse, username: str) -> HttpResponse:
    """Store the change of this user's password for the next pages of this operator."""
    value = signing.dumps([request.user.username, username, timezone.now().timestamp()], salt=COOKIE)
    response.set_cookie(COOKIE, value, max_age=SECONDS, samesite="Lax", httponly=True, secure=request.is_secure())
    return response


def of(request: AppRequest, username: str, keys: Callable[[], ApiKeys]) -> Changed | None:
    """The recent change for the page of this user, or None. `keys` reads the active API keys; called only if there is one."""
    try:
        operator, changed, at = signing.loads(request.COOKIES.get(COOKIE, ""), salt=COOKIE, max_age=SECONDS)
    except (signing.BadSignature, ValueError):
        return None
    if (operator, changed) != (request.user.username, username):
        return None
    return Changed(datetime.fromtimestamp(at, timezone.get_current_timezone()), _count(keys))


def _count(keys: Callable[[], ApiKeys]) -> int | None:
    try:
        found = keys()
    except AuthenticationFailed:
        raise
    except ServiceError:
        return None
    return len(found.keys) + found.more
