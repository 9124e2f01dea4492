"""A person's own account; it works for whoever can sign in."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.requests import AppRequest
from accounts.services import api_keys
from accounts.services.api_keys import Owner
from accounts.services.cluster_privileges import words
from accounts.views import changed_password


@require_GET
def account(request: AppRequest) -> HttpResponse:
    """Who one is to the cluster, and what one may do here."""
    operator = request.user
    return render(
        request,
        "account/detail.html",
        {
            "roles": operator.roles,
            "privileges": [f"{words(privilege)} ({privilege})" for privilege in operator.identity.privileges],
            "realm": operator.realm,
            "changed": changed_password.of(
                request, operator.username, lambda: api_keys.valid(operator.connection, Owner.own(operator))
            ),
        },
    )
