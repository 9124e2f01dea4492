"""Forms for creating and editing users. They check the syntax only; permissions are checked in the views."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, cast

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from accounts.forms import metadata
from accounts.forms.fields import NewPasswordForm, PasswordField, RolesField, StoredTextField, hook
from accounts.services.roles import Role
from accounts.services.users import User, editable_metadata, end_dates
from accounts.services.users.validation import validate_email, validate_username

PROFILE: Final = ("full_name", "email", "roles")


class ProfileForm(forms.Form):
    full_name = StoredTextField(
        label="Full name",
        widget=forms.TextInput(attrs=hook("userFormFullNameInput", autocomplete="off")),
    )
    email = StoredTextField(
        label="Email address",
        widget=forms.TextInput(attrs=hook("userFormEmailInput", autocomplete="off", inputmode="email", spellcheck="false")),
    )
    active_until = forms.DateField(
        label="Active until",
        required=False,
        input_formats=["%Y-%m-%d"],
        error_messages={"invalid": "Enter a date such as 2026-12-31, or leave the field empty."},
        help_text="Optional. The last day, in UTC. Afterwards, administrators are asked to deactivate the user.",
        widget=forms.DateInput(attrs=hook("userFormActiveUntil", type="date"), format="%Y-%m-%d"),
    )
    roles = RolesField(label="Roles", required=False, help_text="A user without roles can sign in but has no privileges.")
    # Has only the errors of the rows in `metadata`, at their place among those of the fields.
    metadata_rows = forms.Field(label="Metadata", required=False)

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roles_field.offer(roles)
        self.metadata = metadata.formset({}, self.data)

    @property
    def roles_field(self) -> RolesField:
        """The roles field, with its type."""
        return cast(RolesField, self.fields["roles"])

    def clean(self) -> dict[str, Any]:
        """The errors of the metadata are those of the form, too."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if self.metadata.is_bound and not self.metadata.is_valid():
            for problem in self.metadata.problems():
                self.add_error("metadata_rows", ValidationError(problem, code="metadata"))
        elif self.metadata.is_bound and data.get("active_until") and self.metadata.metadata().get(end_dates.KEY) is not None:
            text = f"The metadata has the key {end_dates.KEY}, too. Remove it there, or leave this field empty."
            self.add_error("active_until", ValidationError(text, code="duplicate"))
        return data

    def clean_email(self) -> str:
        """A changed address, without spaces around it, must look like one. An old one can be anything, and stays as it is."""
        email: str = self.cleaned_data["email"]
        if "email" not in self.changed_data:
            return email
        if email := email.strip():
            validate_email(email)
        return email

    def user(self, username: str) -> User:
        """The user as submitted. Requires a valid form."""
        data = self.cleaned_data
        typed = self.metadata.metadata() if self.metadata.is_bound else {}
        if end := data["active_until"]:
            typed[end_dates.KEY] = end.isoformat()
        return User(username, full_name=data["full_name"], email=data["email"], roles=tuple(data["roles"]), metadata=typed)


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
    # The checkbox in users/_similar.html, for one username.
    confirmed_username = forms.CharField(label="Username", required=False, strip=False)
    field_order = ["username", "confirmed_username", "full_name", "email", "active_until", "password", "confirm_password", "roles"]

    def owner(self) -> User:
        """The user as far as submitted."""
        return User(*(self.cleaned_data.get(name, "") for name in ("username", "full_name", "email")))


class EditUserForm(ProfileForm):
    """Edit an existing user. `seen` is the user when the form was rendered, so that concurrent changes aren't overwritten."""

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, roles: Iterable[Role], **kwargs: Any) -> None:
        super().__init__(*args, roles=roles, **kwargs)
        if seen := _unpacked(self.data.get("seen", "")):
            self.initial.update({name: getattr(seen, name) for name in (*PROFILE, "metadata")})
        stored = self.initial.get("metadata", {})
        self.initial["active_until"] = end_dates.day_of(stored)
        self.metadata = metadata.formset(end_dates.without(stored), self.data)
        # Nonexistent roles that the user has, or had when the form was rendered.
        self.roles_field.offer_too(self.initial.get("roles", ()))

    @classmethod
    def of(cls, user: User, roles: Iterable[Role], data: QueryDict | None = None) -> "EditUserForm":
        """The form filled with this user."""
        initial = {**{name: getattr(user, name) for name in (*PROFILE, "metadata")}, "seen": _packed(user)}
        return cls(data, roles=roles, initial=initial)

    def clean_seen(self) -> User:
        """The user when the form was rendered. It needs no signature: a forged one only affects the operator's own change."""
        if seen := _unpacked(self.cleaned_data["seen"]):
            return seen
        raise ValidationError("The form is incomplete. Reload the page.", code="incomplete")

    def user(self, username: str) -> User:
        """The user as `seen`, with the changed fields. Roles keep their order, added ones come last. Requires a valid form."""
        seen: User = self.cleaned_data["seen"]
        typed = super().user(username)
        selected = dict.fromkeys(typed.roles)
        typed = replace(typed, roles=tuple(dict.fromkeys([*filter(selected.__contains__, seen.roles), *selected])))
        changed = {name: getattr(typed, name) for name in PROFILE if name in self.changed_data}
        return replace(seen, username=username, metadata=typed.metadata if self.metadata.is_bound else seen.metadata, **changed)

    def rebased(self, now: User, *, keeps_metadata: bool = False) -> "EditUserForm":
        """The same form after a conflict: changed fields keep the submitted value, unchanged fields take the current one.

        With `keeps_metadata`, all metadata is as submitted.
        """
        typed = self.user(now.username)
        merged = {name: getattr(typed if name in self.changed_data else now, name) for name in PROFILE}
        data = cast(QueryDict, self.data).copy()
        data["full_name"], data["email"] = merged["full_name"], merged["email"]
        end = end_dates.day_of(typed.metadata if keeps_metadata or "active_until" in self.changed_data else now.metadata)
        data["active_until"] = end.isoformat() if end else ""
        data.setlist("roles", list(merged["roles"]))
        data["seen"] = _packed(now)
        if self.metadata.is_bound:
            seen = now if keeps_metadata else self.cleaned_data["seen"]
            rows = map(end_dates.without, (typed.metadata, seen.metadata, now.metadata))
            _replace_rows(data, metadata.rebased_rows(*rows))
        return EditUserForm.of(now, self.roles_field.widget.roles.values(), data)


def _replace_rows(data: QueryDict, rows: Mapping[str, str]) -> None:
    for name in [name for name in data if name.startswith(f"{metadata.PREFIX}-")]:
        del data[name]
    data.update(rows)


def _packed(user: User) -> str:
    """Metadata that is too large for the form stays as it is."""
    seen = {"full_name": user.full_name, "email": user.email, "roles": user.roles, "enabled": user.enabled}
    if metadata.is_editable(user.metadata):
        seen["metadata"] = editable_metadata(user.metadata)
    return json.dumps(seen)


def _unpacked(text: str) -> User | None:
    try:
        body = json.loads(text)
        own = dict(body.get("metadata", {}))
        return User("", str(body["full_name"]), str(body["email"]), tuple(map(str, body["roles"])), bool(body["enabled"]), own)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
