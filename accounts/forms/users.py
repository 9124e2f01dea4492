"""Forms for creating and editing users. They check the syntax only; permissions are checked in the views."""

import json
from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import QueryDict

from accounts.forms.fields import NewPasswordForm, PasswordField, RolesField, hook
from accounts.services.roles import Role
from accounts.services.users import API_ROUTES, MAX_USERNAME_LENGTH, User


def validate_username(username: str) -> None:
    """Elasticsearch's rules for usernames, with Kibana's messages. Raises ValidationError."""
    if username != username.strip():
        raise ValidationError("Username must not contain leading or trailing spaces.", code="spaces")
    if not all(" " <= letter <= "~" for letter in username):
        raise ValidationError("Username must contain only letters, numbers, spaces, punctuation, and symbols.", code="characters")
    if len(username) > MAX_USERNAME_LENGTH:
        raise ValidationError(f"Username can't be longer than {MAX_USERNAME_LENGTH} characters.", code="too_long")
    if username in API_ROUTES:
        raise ValidationError("This username is reserved by the Elasticsearch API.", code="route")


class ProfileForm(forms.Form):
    full_name = forms.CharField(
        label="Full name",
        required=False,
        strip=False,
        widget=forms.TextInput(attrs=hook("userFormFullNameInput", autocomplete="off")),
    )
    email = forms.CharField(
        label="Email address",
        required=False,
        widget=forms.TextInput(attrs=hook("userFormEmailInput", autocomplete="off", inputmode="email", spellcheck="false")),
    )
    roles = RolesField(label="Roles", required=False, help_text="A user without roles can sign in but has no privileges.")

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roles_field.offer(roles)

    @property
    def roles_field(self) -> RolesField:
        """The roles field, with its type."""
        return cast(RolesField, self.fields["roles"])

    def clean_email(self) -> str:
        """A changed email must be valid. Elasticsearch accepts anything, so an existing value may stay."""
        email: str = self.cleaned_data["email"]
        if email and email != self.initial.get("email"):
            try:
                validate_email(email)
            except ValidationError:
                raise ValidationError("Enter a valid email address.", code="invalid") from None
        return email

    def user(self, username: str) -> User:
        """The user as submitted. Requires a valid form."""
        data = self.cleaned_data
        return User(username, full_name=data["full_name"], email=data["email"], roles=tuple(data["roles"]))


class CreateUserForm(NewPasswordForm, ProfileForm):
    username = forms.CharField(
        label="Username",
        strip=False,
        validators=[validate_username],
        error_messages={"required": "Enter a username."},
        widget=forms.TextInput(
            attrs=hook("userFormUserNameInput", autocomplete="off", autocapitalize="none", spellcheck="false", autofocus=True)
        ),
    )
    password = PasswordField(
        label="Password",
        required="Enter a password.",
        test_subject="passwordInput",
        autocomplete="new-password",
    )
    confirm_password = PasswordField(
        label="Confirm password",
        required="Confirm the password.",
        test_subject="passwordConfirmationInput",
        autocomplete="new-password",
    )
    field_order = ["username", "full_name", "email", "password", "confirm_password", "roles"]

    def owner(self) -> User:
        """The user as far as submitted."""
        return User(*(self.cleaned_data.get(name, "") for name in ("username", "full_name", "email")))


class EditUserForm(ProfileForm):
    """Edit an existing user. `seen` is the user when the form was rendered, so that concurrent changes aren't overwritten."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        super().__init__(*args, roles=roles, **kwargs)
        seen = _unpacked(self.data.get("seen", ""))
        self.initial.setdefault("email", seen.email if seen else "")
        # Nonexistent roles that the user has, or had when the form was rendered.
        self.roles_field.offer_too(seen.roles if seen else self.initial.get("roles", ()))

    @classmethod
    def of(cls, user: User, roles: Iterable[Role], data: QueryDict | None = None) -> "EditUserForm":
        """The form filled with this user."""
        initial = {"full_name": user.full_name, "email": user.email, "roles": user.roles, "seen": _packed(user)}
        return cls(data, roles=roles, initial=initial)

    def clean_seen(self) -> User:
        """The user when the form was rendered. It needs no signature: a forged one only affects the operator's own change."""
        if seen := _unpacked(self.cleaned_data["seen"]):
            return seen
        raise ValidationError("The form is incomplete. Reload the page.", code="incomplete")

    def rebased(self, now: User) -> "EditUserForm":
        """The same form after a conflict: changed fields keep the submitted value, unchanged fields take the current one."""
        seen: User = self.cleaned_data["seen"]
        typed = self.user(now.username)
        data = cast(QueryDict, self.data).copy()
        data["full_name"] = now.full_name if typed.full_name == seen.full_name else typed.full_name
        data["email"] = now.email if typed.email == seen.email else typed.email
        data.setlist("roles", list(now.roles if set(typed.roles) == set(seen.roles) else typed.roles))
        data["seen"] = _packed(now)
        return EditUserForm.of(now, self.roles_field.widget.roles.values(), data)


def _packed(user: User) -> str:
    return json.dumps({"full_name": user.full_name, "email": user.email, "roles": sorted(user.roles), "enabled": user.enabled})


def _unpacked(text: str) -> User | None:
    try:
        body = json.loads(text)
        return User("", body["full_name"], body["email"], tuple(body["roles"]), body["enabled"])
    except (ValueError, TypeError, KeyError):
        return None
