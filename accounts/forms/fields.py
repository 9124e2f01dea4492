"""Fields that several forms share: passwords taken byte for byte, and the roles box."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.services.passwords import LONGEST_BYTES, SHORTEST
from accounts.services.roles import Role


def hook(name: str, **attrs: Any) -> dict[str, Any]:
    """The widget attributes of a field with that `data-test-subj`."""
    return {"data-test-subj": name, **attrs}


class PasswordField(forms.CharField):
    """A password as typed: never stripped, and never shown again. An unknown `autocomplete` is the browser's to fill."""

    def __init__(self, *, label: str, required: str, test_subject: str, autocomplete: str, **kwargs: Any) -> None:
        widget = forms.PasswordInput(
            attrs=hook(test_subject, autocomplete=autocomplete, spellcheck="false", **kwargs.pop("attrs", {}))
        )
        super().__init__(label=label, strip=False, widget=widget, error_messages={"required": required}, **kwargs)


def validate_new_password(password: str) -> None:
    """Elasticsearch's least length, and bcrypt's most: what stands behind 72 bytes would not count."""
    if len(password) < SHORTEST:
        raise ValidationError(f"Password must be at least {SHORTEST} characters.", code="too_short")
    if len(password.encode()) > LONGEST_BYTES:
        raise ValidationError(
            f"Password must be at most {LONGEST_BYTES} bytes: Elasticsearch would ignore the rest.", code="too_long"
        )


class NewPasswordForm(forms.Form):
    """A new password and its repetition; to be mixed into the form that asks for them."""

    def clean(self) -> dict[str, Any]:
        """Attach a mismatch to the second field."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "password" in data and "confirm_password" in data and data["password"] != data["confirm_password"]:
            self.add_error("confirm_password", ValidationError("Passwords do not match.", code="mismatch"))
        return data


class RolesSelect(forms.SelectMultiple):
    """A `<select multiple>` that says of each role what is to be known; a script turns it into a box that one types in."""

    def __init__(self) -> None:
        super().__init__(attrs={"data-roles-box": True})
        self.roles: dict[str, Role] = {}

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Add the role's `title`, `data-state` and `data-reason`."""
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        role = self.roles[str(value)]
        option["attrs"] |= {"title": role.name, "data-state": state(role), "data-reason": role.deprecated_reason}
        return option


def state(role: Role) -> str:
    """The one word that matters most about a role, or ""."""
    if role.is_unknown:
        return "unknown"
    if role.is_deprecated:
        return "deprecated"
    return "reserved" if role.is_reserved else ""


class RolesField(forms.MultipleChoiceField):
    """Names of roles: any that exists, and those that the user has already."""

    widget: RolesSelect = RolesSelect  # type: ignore[assignment]  # Django makes an instance of it
    default_error_messages = {"invalid_choice": "Role '%(value)s' does not exist."}

    def offer(self, roles: Iterable[Role]) -> None:
        """Set what can be chosen."""
        offered = {role.name: role for role in roles}
        self.choices = [(name, name) for name in offered]
        self.widget.roles = offered

    def offer_too(self, names: Iterable[str]) -> None:
        """Let names that do not exist be chosen beside what is offered."""
        offered = self.widget.roles
        self.offer([*(Role(name, is_unknown=True) for name in names if name not in offered), *offered.values()])
