"""What a page says after a password change: since when it counts, and which API keys it does not end.

Kept in a signed cookie for some minutes, so that it is still there after a look at the keys, and costs no write.
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
    """The moment, and how many API keys are still valid; None where that could not be read."""

    at: datetime
    keys: int | None


def remember(request: AppRequest, response: HttpResponse, username: str) -> HttpResponse:
    """Let the pages that follow say it to this operator."""
    value = signing.dumps([request.user.username, username, timezone.now().timestamp()], salt=COOKIE)
    response.set_cookie(COOKIE, value, max_age=SECONDS, samesite="Lax", httponly=True, secure=request.is_secure())
    return response


def of(request: AppRequest, username: str, keys: Callable[[], ApiKeys]) -> Changed | None:
    """What to say on the page of this user, or None; `keys` reads the valid ones, and is called only then."""
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
