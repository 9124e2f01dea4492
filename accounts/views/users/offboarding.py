"""What a user leaves behind: for the dialogs that deactivate or delete them, and as a page that shows what is left afterwards."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from accounts.decorators import requires_reader
from accounts.http import AppRequest, go_to, is_dialog
from accounts.services import offboarding as services
from accounts.services import users
from accounts.services.cluster.own_roles import SERVICE
from accounts.services.errors import NotFound, OutcomeUnknown
from accounts.services.offboarding import Offboarding
from accounts.services.users import User
from accounts.views import errors

REVOKE: Final = "revoke_keys"  # the checkbox of the dialogs


def wants_revocation(request: AppRequest) -> bool:
    """Whether the API keys are to be revoked, too."""
    return REVOKE in request.POST


def choices(request: AppRequest, user: User) -> dict[str, Any]:
    """What the dialog says about what would stay. The API keys of usermgmt itself aren't preselected."""
    remains = services.remains(request.user.client, user.username, user)
    return {
        "remains": remains,
        "is_product": user.username == SERVICE,
        "offers_revocation": remains.keys is None or remains.keys.keys,
    }


@require_GET
@requires_reader
def offboarding(request: AppRequest, username: str) -> HttpResponse:
    """What is left of a user, who can be deleted: read at this moment, whatever usermgmt did before."""
    client = request.user.client
    try:
        user = users.get(client, username)
    except NotFound:
        user = None
    remains = services.remains(client, username, user)
    is_out = user is None or not user.enabled
    context = {
        "username": username,
        "user": user,
        "remains": remains,
        "is_out": is_out,
        "is_proven": is_out and remains.is_nothing,
        "now": timezone.now(),
    }
    return render(request, "users/offboarding.html", context)


def offboard(request: AppRequest, user: User, change: Callable[[], None], done: str) -> HttpResponse:
    """Revoke the API keys and change the user, then show what is left; or a page about what failed. `done`: "Deleted"."""
    result = services.offboard(request.user.client, user, change)
    if not result.is_done:
        return _report(request, user, result, done.lower())
    number = len(result.keys.revoked)
    revoked = f" and revoked {number} API key{'' if number == 1 else 's'}" if number else ""
    messages.success(request, f"{done} user '{user.username}'{revoked}")
    return go_to(request, reverse("user_offboarding", args=[user.username]))


def _report(request: AppRequest, user: User, result: Offboarding, done: str) -> HttpResponse:
    """Its status is Multi-Status, or that of the first error if nothing was changed."""
    failed = [(key, errors.describe(exc)) for key, exc in result.keys.failed]
    unknown = [key for key, exc in result.keys.failed if isinstance(exc, OutcomeUnknown)]
    is_unknown = isinstance(result.error, OutcomeUnknown)
    context = {
        "title": f"Unknown whether '{user.username}' was {done}" if is_unknown else f"User '{user.username}' was not {done}",
        "username": user.username,
        "done": done,
        "revoked": result.keys.revoked,
        "failed": [(key, title) for key, (_, title, _) in failed if key not in unknown],
        "unknown": unknown,
        "untried": result.keys.untried,
        "reason": errors.describe(result.error)[1] if result.error else "",
        "is_unknown": is_unknown,
        "action": request.path,
    }
    first_error = next((status for _, (status, _, _) in failed), HTTPStatus.SERVICE_UNAVAILABLE)
    status = HTTPStatus.MULTI_STATUS if result.keys.revoked else first_error
    template = "users/_offboarding_failed.html" if is_dialog(request) else "users/offboarding_failed.html"
    return render(request, template, context, status=status)
