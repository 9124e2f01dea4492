"""Forms that take back a change of a user."""

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.forms.fields import NewPasswordForm, PasswordField
from accounts.services.users import User


class RestoreForm(forms.Form):
    """The fields to restore. `state` is that of the user and the event when the form was rendered (`restores.state`)."""

    field = forms.MultipleChoiceField(label="Fields", error_messages={"required": "Select at least one field."})
    state = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, names: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["field"].choices = [(name, name) for name in names]  # type: ignore[attr-defined]


class RecreateForm(NewPasswordForm):
    """The password of a user who is created again. `state`: that of the event when the form was rendered (`restores.state`)."""

    state = forms.CharField(widget=forms.HiddenInput, required=False)

    password = PasswordField(
        label="New password", required="Enter a password.", test_subject="passwordInput", autocomplete="new-password"
    )
    confirm_password = PasswordField(
        label="Confirm password",
        required="Confirm the password.",
        test_subject="passwordConfirmationInput",
        autocomplete="new-password",
    )

    def __init__(self, *args: Any, user: User, state: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.current_state = state

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("state") != self.current_state:
            raise forms.ValidationError("The event was changed after you opened this page. Check the values again.")
        return cleaned

    def owner(self) -> User:
        return self.user
