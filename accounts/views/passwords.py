"""Changing a password: one's own, another user's, a built-in user's."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import devices, policy
from accounts.forms.passwords import ChangeOwnPasswordForm, ChangePasswordForm
from accounts.requests import AppRequest, go_to, is_dialog
from accounts.services import operators, passwords, throttle, users
from accounts.services.errors import CredentialsRefused, Invalid
from accounts.services.users import User

CHANGED = "Password successfully changed"
KIBANA = {
    "title": "Kibana will lose connection to Elasticsearch",
    "text": "After the change, update elasticsearch.password in Kibana's configuration (kibana.yml) and restart Kibana.",
}
# What signs in as each of the built-in service users, from Elastic's description of built-in users.
SERVICES = {
    "apm_system": "APM Server",
    "beats_system": "Beats",
    "logstash_system": "Logstash",
    "remote_monitoring_user": "Metricbeat",
}


def warning(user: User) -> dict[str, str] | None:
    """What stops working when the password of a service's user changes."""
    if user.username in ("kibana", "kibana_system") and user.is_reserved:
        return KIBANA
    if user.is_reserved and (service := SERVICES.get(user.username)):
        return {
            "title": f"{service} will lose connection to Elasticsearch",
            "text": f"After the change, update it in every {service} that signs in as {user.username}.",
        }
    return None


@sensitive_post_parameters("password", "confirm_password")
@require_http_methods(["GET", "POST"])
def change(request: AppRequest, username: str) -> HttpResponse:
    """Another user's password, for administrators; one's own has a page that asks for the current one."""
    if request.user.is_account(username):
        return redirect("account_change_password")
    policy.demand_reading(request.user)
    user = users.get(request.user.connection, username)
    policy.demand("change_password", request.user, user)
    form = ChangePasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            passwords.change(request.user.connection, username, form.cleaned_data["password"])
        except Invalid as exc:
            form.add_error("password", str(exc))
        else:
            messages.success(request, CHANGED)
            return go_to(request, reverse("user_edit", args=[username]))
    return _render(
        request,
        {"user": user, "own": False, "form": form, "warning": warning(user), "cancel": reverse("user_edit", args=[username])},
    )


@sensitive_post_parameters("current_password", "password", "confirm_password")
@require_http_methods(["GET", "POST"])
def change_own(request: AppRequest) -> HttpResponse:
    """One's own password; every other session of the person ends, this one goes on."""
    arrived, operator = throttle.arrival(), request.user
    if not operator.can_change_own_password:
        raise PermissionDenied(f"Your password is kept by the realm {operator.realm}, not by Elasticsearch: change it there.")
    form = ChangeOwnPasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        password = form.cleaned_data["password"]
        try:
            passwords.change_own(
                operator, form.cleaned_data["current_password"], password, device=devices.mark(request, operator.username)
            )
        except CredentialsRefused:
            throttle.pad(arrived)
            form.add_error("current_password", "The current password is incorrect.")
        except Invalid as exc:
            form.add_error("password", str(exc))
        else:
            operators.password_changed(request.session, operator, password)
            messages.success(request, CHANGED)
            return go_to(request, reverse("account"))
    user = User(operator.username, operator.full_name, operator.email)
    return _render(request, {"user": user, "own": True, "form": form, "warning": None, "cancel": reverse("account")})


def _render(request: AppRequest, context: dict[str, Any]) -> HttpResponse:
    template = "passwords/_change.html" if is_dialog(request) else "passwords/change.html"
    status = 422 if context["form"].errors else 200
    return render(request, template, {**context, "action": request.path}, status=status)
