"""What several forms share: passwords, stored texts, the roles box, and days."""

from collections.abc import Iterable
from datetime import date, datetime, time
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.debug import sensitive_variables

from accounts.services.passwords import policy as password_policy
from accounts.services.roles import Role
from accounts.services.users import User

NOTES: Final = {"unknown": "doesn't exist", "deprecated": "deprecated"}
API_KEY_HELP: Final = "As Elasticsearch shows it when it is created: encoded, or its ID and key with a colon between them."
MAX_REASON: Final = 1000
NOT_SHOWN: Final = str.maketrans({"\r": None, "\n": None, "\0": "\ufffd"})


def hook(name: str, **attrs: Any) -> dict[str, Any]:
    """Widget attributes with this `data-test-subj`."""
    return {"data-test-subj": name, **attrs}


def start_of_day(day: date) -> datetime:
    """In the reader's time zone."""
    return datetime.combine(day, time(), timezone.get_current_timezone())


class PasswordField(forms.CharField):
    """A password exactly as typed: never stripped and never rendered again."""

    def __init__(self, *, label: str, required: str, test_subject: str, autocomplete: str, **kwargs: Any) -> None:
        widget = forms.PasswordInput(
            attrs=hook(test_subject, autocomplete=autocomplete, spellcheck="false", **kwargs.pop("attrs", {}))
        )
        super().__init__(label=label, strip=False, widget=widget, error_messages={"required": required}, **kwargs)


class ApiKeyField(forms.CharField):
    """An API key, without the blanks around a pasted one, and never rendered again."""

    def __init__(self, *, label: str, test_subject: str, **attrs: Any) -> None:
        attrs = {"autocomplete": "off", "spellcheck": "false", "data-show-label": "Show API key", **attrs}
        widget = forms.PasswordInput(attrs=hook(test_subject, **attrs))
        super().__init__(label=label, widget=widget, help_text=API_KEY_HELP, error_messages={"required": "Enter an API key."})


class ReasonField(forms.CharField):
    """Why something is ended, for the audit trail."""

    def __init__(self, *, test_subject: str, help_text: str = "Recorded in the audit trail.") -> None:
        super().__init__(
            label="Reason",
            max_length=MAX_REASON,
            help_text=help_text,
            error_messages={"required": "Enter a reason."},
            widget=forms.Textarea(attrs=hook(test_subject, rows=2)),
        )


class StoredTextField(forms.CharField):
    """A text in an `<input>`, exactly as typed. It is unchanged if it is posted as the browser showed it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, required=False, **kwargs)

    def has_changed(self, initial: str | None, data: str | None) -> bool:
        return data is not None and _shown(data) != _shown(initial or "")


def _shown(value: str) -> str:
    """The text in an `<input>`, which has no line breaks and no null characters."""
    return value.translate(NOT_SHOWN)


class NewPasswordForm(forms.Form):
    """Mixin for forms with a new password and its confirmation."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].help_text = password_policy.help_text()

    @property
    def generator(self) -> dict[str, Any]:
        """The parameters of the generator in static/js/passwords.js, the same as in `password_policy.generate`."""
        return {
            "letters": password_policy.LETTERS,
            "characters": password_policy.CHARACTERS,
            "length": password_policy.generated_length(),
        }

    def owner(self) -> User:
        """The user whose password it will be, as far as known."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        """Apply the policy, and attach a mismatch to the second field."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        is_repeated = "confirm_password" not in data or data.get("password") == data["confirm_password"]
        if "password" in data:
            self._check_policy(data["password"])
        if "password" in data and not is_repeated:
            self.add_error("confirm_password", ValidationError("Passwords do not match.", code="mismatch"))
        return data

    @sensitive_variables("password")
    def _check_policy(self, password: str) -> None:
        try:
            password_policy.validate(password, self.owner())
        except ValidationError as exc:
            self.add_error("password", exc)


class RolesSelect(forms.SelectMultiple):
    """A `<select multiple>` with the state of each role; static/js/roles.js turns it into a combobox."""

    def __init__(self) -> None:
        super().__init__(attrs={"data-roles-box": True})
        self.roles: dict[str, Role] = {}

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The HTML. Django's template for each option takes a tenth of a second with 500 roles."""
        chosen = set(self.format_value(value))
        options = "".join(_option(role, role.name in chosen) for role in self.roles.values())
        attributes = flatatt(self.build_attrs(self.attrs, attrs))
        return format_html('<select multiple name="{}"{}>{}</select>', name, attributes, mark_safe(options))  # noqa: S308


def _option(role: Role, is_chosen: bool) -> str:
    """An option with the state and deprecation reason of the role, so that the script needs no request."""
    name, reason = escape(role.name), escape(role.deprecated_reason)
    selected = " selected" if is_chosen else ""
    # Shown instead of the name without JavaScript.
    label = f' label="{name} ({NOTES[state(role)]})"' if state(role) in NOTES else ""
    attributes = f'title="{name}" data-state="{state(role)}" data-reason="{reason}"'
    return f'<option value="{name}"{selected}{label} {attributes}>{name}</option>'


def state(role: Role) -> str:
    """`unknown`, `deprecated`, or `reserved`, in this order of importance, or ""."""
    if role.is_unknown:
        return "unknown"
    if role.is_deprecated:
        return "deprecated"
    return "reserved" if role.is_reserved else ""


class RolesField(forms.MultipleChoiceField):
    """Role names: existing roles, and those that the user already has."""

    widget: RolesSelect = RolesSelect  # type: ignore[assignment]  # Django instantiates it
    default_error_messages = {"invalid_choice": "Role '%(value)s' doesn't exist."}

    def offer(self, roles: Iterable[Role]) -> None:
        """Set the roles that can be selected."""
        offered = {role.name: role for role in roles}
        self.choices = [(name, name) for name in offered]
        self.widget.roles = offered

    def clean(self, value: Any) -> list[str]:
        """Each of the roles once."""
        names: list[str] = super().clean(list(dict.fromkeys(value or [])))
        return names

    def valid_value(self, value: Any) -> bool:
        """Django compares each value with each choice, which takes a second for 3,000 roles."""
        return value in self.widget.roles

    def has_changed(self, initial: Iterable[str] | None, data: Iterable[str] | None) -> bool:
        """Whether other roles are selected. Their order and doubles aren't shown."""
        return set(initial or []) != set(data or [])

    def offer_too(self, names: Iterable[str], *, last: bool = False) -> None:
        """Add nonexistent roles to the options, as the first or the last ones."""
        offered = self.widget.roles
        unknown = [Role(name, is_unknown=True) for name in names if name not in offered]
        self.offer([*offered.values(), *unknown] if last else [*unknown, *offered.values()])
