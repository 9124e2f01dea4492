"""Access: everything that can sign in to Elasticsearch or call it, in numbers, with a link to each list. Read-only."""

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.decorators import requires_reader
from accounts.http import AppRequest
from accounts.services import access, realms, roles
from accounts.services.api_keys import MAX_READ
from accounts.services.client import PersonClient
from accounts.services.realms import Realm
from accounts.services.roles import AnonymousAccess, grants
from accounts.services.roles.privileges import READ_SECURITY
from accounts.services.signin.operators import Operator
from accounts.services.users.administrators import Administration
from accounts.views import parts
from accounts.views.parts import Part

MONITOR: Final = "monitor"


@require_GET
@requires_reader
def index(request: AppRequest) -> HttpResponse:
    """Seven calls and one for each service account, while what is cached is recent.

    Role mappings, roles, the users that `run_as` reaches, built-in users, and anonymous access, and what active API keys can do are
    cached; the roles of the anonymous user are read if there are any.
    """
    client = request.user.client
    anonymous = roles.anonymous_access(client)
    administration = _part(lambda: access.administration(client))
    api_keys = _part(lambda: access.count_api_keys(client))
    role_mappings = _part(lambda: access.count_role_mappings(client))
    context = {
        "users": _part(lambda: access.count_users(client)),
        "api_keys": api_keys,
        "max_keys": MAX_READ,
        "role_mappings": role_mappings,
        "service_accounts": _part(lambda: access.count_service_accounts(client)),
        "anonymous": anonymous,
        "anonymous_grants": _part(lambda: _grants(client, anonymous, administration.value)),
        **_realms(request.user, api_keys, role_mappings),
    }
    return render(request, "access/overview.html", context)


def _part(read: Callable[[], object], privilege: str = READ_SECURITY) -> Part:
    return parts.load(read, f"You don't have the cluster privilege {privilege}.")


def _grants(client: PersonClient, anonymous: AnonymousAccess, administration: Administration | None) -> dict[str, Any]:
    """What the roles of the anonymous user grant, and what they open."""
    details = roles.get_many(client, anonymous.roles)
    return {
        "is_administrator": administration.is_administrator(()) if administration else None,
        "escalations": administration.escalations_of(()) if administration else [],
        "sections": grants.sections({name: role.grants for name, role in details.items() if role.is_enabled}),
    }


def _realms(operator: Operator, api_keys: Part, role_mappings: Part) -> dict[str, Any]:
    """The realms that anything names, and why more aren't known."""
    configured = _part(lambda: realms.configured(operator.client), MONITOR)
    own = Realm(operator.realm, operator.identity.realm_type, ("Your API key" if operator.api_key else "Your sign-in",))
    seen = [own, *(configured.value or []), *(api_keys.value.realms if api_keys.value else [])]
    seen += role_mappings.value.realms if role_mappings.value else []
    return {"realms": realms.merge(seen), "configured": configured}
