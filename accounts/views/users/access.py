"""Effective privileges, API keys, last sign-in, and metadata of a user. The first three are loaded independently."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.decorators import requires_reader
from accounts.http import AppRequest, wants_fragment
from accounts.services import api_keys, roles, users
from accounts.services.client import PersonClient
from accounts.services.roles import Role, cluster_privileges, grants
from accounts.services.users import User, administrators, profiles
from accounts.views import parts


@require_GET
@requires_reader
def access(request: AppRequest, username: str) -> HttpResponse:
    """A page, or the part that the user's page loads on request. Six calls, and one for a role that isn't listed."""
    client = request.user.client
    user = users.get(client, username)
    context = {
        "user": user,
        "effective": parts.load(lambda: _effective(client, user), "You don't have permission to view roles."),
        "keys": parts.load(lambda: api_keys.of_user(client, user), "You don't have permission to view API keys."),
        "sign_in": parts.load(lambda: profiles.last_sign_in(client, user), "You don't have permission to view user profiles."),
        "metadata": sorted(users.editable_metadata(user.metadata).items()),
    }
    return render(request, "users/_access.html" if wants_fragment(request, "user-access") else "users/access.html", context)


def _effective(client: PersonClient, user: User) -> dict[str, Any]:
    """The privileges of all roles, merged; what only several of them imply together; nonexistent and disabled roles.

    Elasticsearch adds the roles of anonymous access to those of the user.
    """
    anonymous = roles.anonymous_access(client)
    found = roles.get_many(client, [*user.roles, *anonymous.roles])
    known = _roles_that_matter(client, [details.role for details in found.values()])
    administration = administrators.load(client, known, anonymous)
    granted = {name: details.grants for name, details in found.items() if details.is_enabled}
    return {
        "escalations": administration.escalations_of(user.roles),
        "is_administrator": administration.is_administrator(user.roles),
        "sections": grants.sections(granted),
        "combined": cluster_privileges.combined(name for details in found.values() for name in details.role.cluster),
        "unknown": [name for name, details in found.items() if details.role.is_unknown],
        "disabled": [name for name, details in found.items() if not details.is_enabled],
        "anonymous": anonymous,
        "anonymous_roles": [name for name in anonymous.roles if name not in user.roles],
    }


def _roles_that_matter(client: PersonClient, own: list[Role]) -> list[Role]:
    """The roles of the user; if one has `run_as`, those of all users as well."""
    names = {role.name for role in own}
    others = roles.all_roles(client) if any(role.run_as for role in own) else []
    return [*own, *(role for role in others if role.name not in names)]
