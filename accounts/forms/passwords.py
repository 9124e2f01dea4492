"""Forms for changing a password."""

from typing import Any

from django import forms

from accounts.forms.fields import NewPasswordForm, PasswordField, hook
from accounts.services.passwords.warnings import warning
from accounts.services.users import User


class ChangePasswordForm(NewPasswordForm):
    """Change another user's password. If the change disconnects a service, the operator must confirm the warning."""

    password = PasswordField(
        label="New password",
        required="Enter a password.",
        test_subject="editUserChangePasswordNewPasswordInput",
        autocomplete="new-password",
        attrs={"autofocus": True},
    )
    confirm_password = PasswordField(
        label="Confirm password",
        required="Confirm the password.",
        test_subject="editUserChangePasswordConfirmPasswordInput",
        autocomplete="new-password",
    )
    understood = forms.BooleanField(
        error_messages={"required": "Select the checkbox to continue."},
        widget=forms.CheckboxInput(attrs=hook("changePasswordUnderstoodCheckbox", **{"data-unlocks-submit": True})),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.warning = warning(user)
        if self.warning:
            self.fields["understood"].label = self.warning.understood
        else:
            del self.fields["understood"]

    def owner(self) -> User:
        """The user from the URL."""
        return self.user


class ChangeOwnPasswordForm(ChangePasswordForm):
    """Change the operator's own password. Requires the current one, because Elasticsearch doesn't."""

    current_password = PasswordField(
        label="Current password",
        required="Enter your current password.",
        test_subject="editUserChangePasswordCurrentPasswordInput",
        autocomplete="current-password",
        attrs={"autofocus": True},
    )
    field_order = ["current_password", "password", "confirm_password", "understood"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password"].widget.attrs["autofocus"]  # the current password has the focus
