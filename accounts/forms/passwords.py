"""A new password for somebody, or for oneself."""

from accounts.forms.fields import NewPasswordForm, PasswordField, validate_new_password


class ChangePasswordForm(NewPasswordForm):
    """Another user's password."""

    password = PasswordField(
        label="New password",
        required="Enter a password.",
        test_subject="editUserChangePasswordNewPasswordInput",
        autocomplete="new-password",
        validators=[validate_new_password],
        help_text="At least 6 characters.",
        attrs={"autofocus": True},
    )
    confirm_password = PasswordField(
        label="Confirm password",
        required="Enter the password again.",
        test_subject="editUserChangePasswordConfirmPasswordInput",
        autocomplete="new-password",
    )


class ChangeOwnPasswordForm(ChangePasswordForm):
    """One's own; the current one is asked for, because Elasticsearch does not."""

    current_password = PasswordField(
        label="Current password",
        required="Enter your current password.",
        test_subject="editUserChangePasswordCurrentPasswordInput",
        autocomplete="current-password",
        attrs={"autofocus": True},
    )
    field_order = ["current_password", "password", "confirm_password"]
