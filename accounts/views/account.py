"""The operator's own account, for every signed-in user."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from accounts import policy
from accounts.decorators import own_account
from accounts.http import AppRequest
from accounts.services import api_keys
from accounts.services.api_keys import Owner
from accounts.services.roles.cluster_privileges import describe
from accounts.views import recent_password_change


@require_GET
@own_account
def account(request: AppRequest) -> HttpResponse:
    """Roles, privileges, and realm of the operator."""
    operator = request.user
    return render(
        request,
        "account/detail.html",
        {
            "roles": operator.roles,
            "privileges": [f"{describe(privilege)} ({privilege})" for privilege in operator.identity.privileges],
            "realm": operator.realm,
            "password_note": policy.own_password_denial(operator),
            "user_api_url": "" if settings.USER_API == "off" else reverse("user_api"),
            "changed": recent_password_change.of(
                request, operator.username, lambda: api_keys.active(operator.client, Owner.own(operator))
            ),
        },
    )
