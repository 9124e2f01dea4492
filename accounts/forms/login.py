"""Signing in."""

from typing import Any

from django import forms

from accounts.forms.fields import PasswordField, hook


class LoginForm(forms.Form):
    """A name and a password of any realm that takes them."""

    username = forms.CharField(
        label="Username",
        strip=False,
        error_messages={"required": "Enter a username."},
        widget=forms.TextInput(
            attrs=hook("loginUsername", autocomplete="username", autocapitalize="none", spellcheck="false", autofocus=True)
        ),
    )
    password = PasswordField(
        label="Password", required="Enter a password.", test_subject="loginPassword", autocomplete="current-password"
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a colon: Basic credentials split at the first one, so that it would be another user with another password."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if ":" in data.get("username", ""):
            raise forms.ValidationError("Username or password is incorrect. Please try again.", code="incorrect")
        return data
