"""Password changes, of the operator's own password or another user's, and the password strength."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import known_devices, policy
from accounts.decorators import own_account, requires_reader, requires_sign_in
from accounts.forms.passwords import ChangeOwnPasswordForm, ChangePasswordForm
from accounts.http import AppRequest, go_to, is_dialog
from accounts.services import passwords, users
from accounts.services.errors import AuthenticationFailed, Invalid
from accounts.services.passwords import strength as password_strength
from accounts.services.signin import operators, throttle
from accounts.services.users import User
from accounts.views import recent_password_change

CHANGED = "Password successfully changed"


@sensitive_post_parameters("password", "confirm_password")
@require_http_methods(["GET", "POST"])
@requires_reader
def change(request: AppRequest, username: str) -> HttpResponse:
    """Change another user's password. The operator's own has a page that requires the current one."""
    if request.user.is_account(username):
        return redirect("account_change_password")
    user = users.get(request.user.client, username)
    policy.demand("change_password", request.user, user)
    form = ChangePasswordForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        try:
            passwords.change(request.user.client, username, form.cleaned_data["password"])
        except Invalid as exc:
            form.add_error("password", str(exc))
        else:
            return _changed(request, username, reverse("user_edit", args=[username]))
    return _render(request, form, cancel=reverse("user_edit", args=[username]))


@sensitive_post_parameters("current_password", "password", "confirm_password")
@require_http_methods(["GET", "POST"])
@own_account
def change_own(request: AppRequest) -> HttpResponse:
    """Change the operator's own password. All their other sessions end."""
    arrived, operator = throttle.arrival_time(), request.user
    if denial := policy.own_password_denial(operator):
        raise PermissionDenied(denial)
    metadata = {"_reserved": True} if operator.identity.realm_type == "reserved" else {}
    user = User(operator.username, operator.full_name, operator.email, metadata=metadata)
    form = ChangeOwnPasswordForm(request.POST if request.method == "POST" else None, user=user)
    if form.is_valid():
        password = form.cleaned_data["password"]
        try:
            passwords.change_own(
                operator, form.cleaned_data["current_password"], password, device=known_devices.token(request, operator.username)
            )
        except AuthenticationFailed:
            throttle.wait_until_slot(arrived)
            form.add_error("current_password", "The current password is incorrect.")
        except Invalid as exc:
            form.add_error("password", str(exc))
        else:
            operators.continue_with_new_password(request.session, operator, password)
            return _changed(request, operator.username, reverse("account"))
    return _render(request, form, cancel=reverse("account"), own=True)


@sensitive_post_parameters("password")
@require_POST
@requires_sign_in
def strength(request: AppRequest) -> HttpResponse:
    """The strength of a password for a user. Nothing is stored, and nothing but the sign-in is verified with Elasticsearch."""
    password = request.POST.get("password", "")
    username, full_name, email = (request.POST.get(name, "") for name in ("username", "full_name", "email"))
    context = {"strength": password_strength.estimate(password, User(username, full_name, email)) if password else None}
    return render(request, "passwords/_strength.html", context)


def _changed(request: AppRequest, username: str, page: str) -> HttpResponse:
    messages.success(request, CHANGED)
    return recent_password_change.remember(request, go_to(request, page), username)


def _render(request: AppRequest, form: ChangePasswordForm, *, cancel: str, own: bool = False) -> HttpResponse:
    template = "passwords/_change.html" if is_dialog(request) else "passwords/change.html"
    context = {"user": form.user, "own": own, "form": form, "cancel": cancel, "action": request.path}
    return render(request, template, context, status=422 if form.errors else 200)
