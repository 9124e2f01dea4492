"""The sign-in forms."""

from typing import Any

from django import forms

from accounts.forms.fields import ApiKeyField, PasswordField, hook


class LoginForm(forms.Form):
    """Username and password, of any realm with password authentication."""

    username = forms.CharField(
        label="Username",
        error_messages={"required": "Enter a username."},
        widget=forms.TextInput(
            attrs=hook("loginUsername", autocomplete="username", autocapitalize="none", spellcheck="false", autofocus=True)
        ),
    )
    password = PasswordField(
        label="Password", required="Enter a password.", test_subject="loginPassword", autocomplete="current-password"
    )

    def clean(self) -> dict[str, Any]:
        """Reject a colon in the username: Basic credentials are split at the first one, so another user would be tried."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if ":" in data.get("username", ""):
            raise forms.ValidationError("Username or password is incorrect. Please try again.", code="incorrect")
        return data


class ApiKeyForm(forms.Form):
    """An API key instead of a username and a password."""

    api_key = ApiKeyField(label="API key", test_subject="loginApiKey", autofocus=True)
