"""What a user may do and how they get in: the part of their page that is read after it, each thing on its own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts import policy
from accounts.http import AppRequest, wants_fragment
from accounts.services import api_keys, roles, users
from accounts.services.client import PersonClient
from accounts.services.errors import AccessDenied, AuthenticationFailed, ServiceError
from accounts.services.roles import cluster_privileges, grants
from accounts.services.users import User, profiles


@dataclass(frozen=True)
class Part:
    """One part of the page: what was read, or why it could not be."""

    value: Any = None
    problem: str = ""


@require_GET
def access(request: AppRequest, username: str) -> HttpResponse:
    """Rights, API keys, last sign-in, metadata: a page, or what the user's page asks for when it is open. Five calls."""
    policy.demand_reading(request.user)
    client = request.user.client
    user = users.get(client, username)
    context = {
        "user": user,
        "together": _part(lambda: _together(client, user), "see roles"),
        "keys": _part(lambda: api_keys.of_user(client, user), "see API keys"),
        "sign_in": _part(lambda: profiles.last_sign_in(client, user), "see user profiles"),
        "metadata": [(key, value) for key, value in sorted(user.metadata.items()) if not key.startswith("_")],
    }
    return render(request, "users/_access.html" if wants_fragment(request, "user-access") else "users/access.html", context)


def _part(read: Callable[[], object], what: str) -> Part:
    """What cannot be read leaves the other parts as they are. Raises AuthenticationFailed, which would be true of all."""
    try:
        return Part(read())
    except AuthenticationFailed:
        raise
    except AccessDenied:
        return Part(problem=f"You may not {what} in this cluster.")
    except ServiceError:
        return Part(problem="This could not be read. Reload the page to try again.")


def _together(client: PersonClient, user: User) -> dict[str, Any]:
    """What the roles grant, merged; what only several privileges together imply; which roles do not exist."""
    found = roles.get_many(client, user.roles)
    granted = {name: details.grants for name, details in found.items() if details.is_enabled}
    return {
        "sections": grants.sections(granted),
        "combined": cluster_privileges.combined(name for details in found.values() for name in details.role.cluster),
        "unknown": [name for name, details in found.items() if details.role.is_unknown],
        "disabled": [name for name, details in found.items() if not details.is_enabled],
    }
