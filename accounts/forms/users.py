"""What one may type about a user. Shape only; whether it is allowed and true is asked elsewhere."""

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
    """Elasticsearch's rules for names, in Kibana's words."""
    if username != username.strip():
        raise ValidationError("Username must not contain leading or trailing spaces.", code="spaces")
    if not all(" " <= letter <= "~" for letter in username):
        raise ValidationError("Username must contain only letters, numbers, spaces, punctuation, and symbols.", code="characters")
    if len(username) > MAX_USERNAME_LENGTH:
        raise ValidationError(f"Username can't be longer than {MAX_USERNAME_LENGTH} characters.", code="too_long")
    if username in API_ROUTES:
        raise ValidationError("This username is reserved by the Elasticsearch API.", code="route")


class ProfileForm(forms.Form):
    """Full name, e-mail address and roles."""

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
        """The field, of its own type."""
        return cast(RolesField, self.fields["roles"])

    def clean_email(self) -> str:
        """Elasticsearch takes anything; a new address has to look like one, an old one may stay."""
        email: str = self.cleaned_data["email"]
        if email and email != self.initial.get("email"):
            try:
                validate_email(email)
            except ValidationError:
                raise ValidationError("Enter a valid email address.", code="invalid") from None
        return email

    def user(self, username: str) -> User:
        """The user that was typed, once the form is valid."""
        data = self.cleaned_data
        return User(username, full_name=data["full_name"], email=data["email"], roles=tuple(data["roles"]))


class CreateUserForm(NewPasswordForm, ProfileForm):
    """A new user."""

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
        """The user as typed so far."""
        return User(*(self.cleaned_data.get(name, "") for name in ("username", "full_name", "email")))


class EditUserForm(ProfileForm):
    """An existing user. `seen` carries the user as the form started from, so that nobody else's change is overwritten."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        super().__init__(*args, roles=roles, **kwargs)
        seen = _unpacked(self.data.get("seen", ""))
        self.initial.setdefault("email", seen.email if seen else "")
        # Nonexistent roles, but which the user has, or had when the form was made.
        self.roles_field.offer_too(seen.roles if seen else self.initial.get("roles", ()))

    @classmethod
    def of(cls, user: User, roles: Iterable[Role], data: QueryDict | None = None) -> "EditUserForm":
        """The form as it starts from this user."""
        initial = {"full_name": user.full_name, "email": user.email, "roles": user.roles, "seen": _packed(user)}
        return cls(data, roles=roles, initial=initial)

    def clean_seen(self) -> User:
        """The user as seen. Only the person who sent it loses by a forged one: it spares nobody's change but their own."""
        if seen := _unpacked(self.cleaned_data["seen"]):
            return seen
        raise ValidationError("The form is incomplete. Reload the page.", code="incomplete")

    def rebased(self, now: User) -> "EditUserForm":
        """The same form after a conflict: what was typed, upon what is there now; fields not touched take the new value."""
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
