"""A person's own account; it works for whoever can sign in."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.requests import AppRequest

WORDS = {
    "manage_security": "Manage users, roles and API keys (manage_security)",
    "read_security": "See users, roles and API keys (read_security)",
}


@require_GET
def account(request: AppRequest) -> HttpResponse:
    """Who one is to the cluster, and what one may do here."""
    operator = request.user
    return render(
        request,
        "account/detail.html",
        {
            "roles": operator.roles,
            "privileges": [WORDS[privilege] for privilege in operator.identity.privileges],
            "realm": operator.realm,
        },
    )
