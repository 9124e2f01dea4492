"""What one may type about access reviews."""

from collections.abc import Iterable
from typing import Any, Final

from django import forms
from django.http import QueryDict

from accounts.forms.fields import PasswordField, hook
from accounts.services.reviews import DECISIONS

LONGEST_COMMENT: Final = 1000
MOST_REVIEWERS: Final = 50


class CreateReviewForm(forms.Form):
    """A new review of the list that the address says."""

    title = forms.CharField(
        label="Title",
        max_length=200,
        error_messages={"required": "Enter a title."},
        widget=forms.TextInput(attrs=hook("reviewTitle", autocomplete="off", autofocus=True)),
    )
    due = forms.DateField(
        label="Due date", required=False, help_text="Optional.", widget=forms.DateInput(attrs=hook("reviewDue", type="date"))
    )
    reviewers = forms.CharField(
        label="Reviewers",
        required=False,
        strip=False,
        help_text="Optional: user names, one a line. They are shown a notice; whoever may see users can review.",
        widget=forms.Textarea(attrs=hook("reviewReviewers", rows=3, spellcheck="false", autocapitalize="none")),
    )

    def clean_reviewers(self) -> list[str]:
        """Each name once."""
        lines = (line.strip() for line in self.cleaned_data["reviewers"].splitlines())
        names = [name for name in dict.fromkeys(lines) if name]
        if len(names) > MOST_REVIEWERS:
            raise forms.ValidationError(f"Name at most {MOST_REVIEWERS} reviewers.", code="too_many")
        return names


class MarkForm(forms.Form):
    """What was decided about one item; its fields have the item's number before their names."""

    decision = forms.ChoiceField(
        choices=[(decision, decision) for decision in DECISIONS],
        required=False,
        show_hidden_initial=True,
        error_messages={"invalid_choice": "Choose keep, change or remove."},
    )
    comment = forms.CharField(
        max_length=LONGEST_COMMENT,
        required=False,
        show_hidden_initial=True,
        error_messages={"max_length": f"A comment has at most {LONGEST_COMMENT} characters."},
    )
    seen = forms.RegexField(r"^\d{1,18}\.\d{1,18}$", required=False)

    def __init__(self, data: QueryDict, number: int) -> None:
        super().__init__(data, prefix=str(number))
        self.number = number

    def clean(self) -> dict[str, Any]:
        """A comment alone decides nothing."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "decision" in data and not data["decision"]:
            self.add_error("decision", "Choose keep, change or remove; the comment is not saved yet.")
        return data

    @property
    def problem(self) -> str:
        """The first thing that is wrong, or ""."""
        return next((str(error) for errors in self.errors.values() for error in errors), "")

    def typed(self, name: str) -> str:
        """What was sent in a field, right or wrong."""
        return str(self.data.get(self.add_prefix(name), ""))


def changed_marks(data: QueryDict) -> list[MarkForm]:
    """The items of a page about which something else was sent than the page had."""
    forms_sent = [MarkForm(data, number) for number in _numbers(data.getlist("number"))]
    return [form for form in forms_sent if not {"decision", "comment"}.isdisjoint(form.changed_data)]


def _numbers(values: Iterable[str]) -> list[int]:
    return [int(value) for value in dict.fromkeys(values) if value.isascii() and value.isdigit() and len(value) < 10]


class SignOffForm(forms.Form):
    """The signer's own password, again."""

    password = PasswordField(
        label="Your password",
        required="Enter your password.",
        test_subject="reviewSignOffPassword",
        autocomplete="current-password",
    )


def number(text: str | None) -> int:
    """A number in an address; 0 for anything else."""
    return next(iter(_numbers([text or ""])), 0)
