"""The forms of access reviews."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final, cast
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils import timezone

from accounts.forms.fields import ApiKeyField, PasswordField, ReasonField, hook
from accounts.services.api_keys import ApiKeyQuery
from accounts.services.reviews import DECISIONS, PENDING, SUBJECTS, ItemQuery, KeyFilter, MappingFilter, Removal
from accounts.services.reviews.subjects import REMOVALS, USERS
from accounts.services.role_mappings import MappingQuery

MAX_COMMENT_LENGTH: Final = 1000
MAX_REVIEWERS: Final = 50
MAX_NUMBER: Final = 10**9
SHOWN: Final = [(name, name) for name in ("", PENDING, *DECISIONS)]
DAYS_OF_A_YEAR: Final = 365
CHOOSE: Final = "Choose a decision."


class CreateReviewForm(forms.Form):
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
        help_text=(
            "Optional. One username per line. Reviewers see a notice on the Users page, but anyone with read access can review."
        ),
        widget=forms.Textarea(attrs=hook("reviewReviewers", rows=3, spellcheck="false", autocapitalize="none")),
    )

    def clean_reviewers(self) -> list[str]:
        lines = (line.strip() for line in self.cleaned_data["reviewers"].splitlines())
        names = [name for name in dict.fromkeys(lines) if name]
        if len(names) > MAX_REVIEWERS:
            raise forms.ValidationError(f"Enter at most {MAX_REVIEWERS} reviewers.", code="too_many")
        return names


class SubjectForm(forms.Form):
    """What a new review is about. Any query string has an answer: users, unless it names another subject."""

    subject = forms.ChoiceField(choices=[(slug, slug) for slug in SUBJECTS], required=False)

    def slug(self) -> str:
        return self.cleaned_data["subject"] or USERS.slug if self.is_valid() else USERS.slug


class KeyFilterForm(forms.Form):
    older = forms.BooleanField(label="Only API keys that are older than a year", required=False)
    never_expires = forms.BooleanField(label="Only API keys that never expire", required=False)

    @staticmethod
    def parameters(listed: ApiKeyQuery) -> str:
        """The query string for the active keys of a list; "" if a review can't have the filters of the list."""
        others = (listed.words, listed.type, listed.realm, listed.administrator)
        if any(others) or listed.state not in ("", "active") or listed.expiration == "soon":
            return ""
        chosen = {"older": listed.is_old, "never_expires": listed.expiration == "never"}
        return urlencode({"subject": "api-keys", **{name: "on" for name, is_chosen in chosen.items() if is_chosen}})

    def query(self) -> KeyFilter:
        self.is_valid()
        before = timezone.localdate() - timedelta(days=DAYS_OF_A_YEAR) if self.cleaned_data["older"] else None
        return KeyFilter(before, self.cleaned_data["never_expires"])


class MappingFilterForm(forms.Form):
    disabled = forms.BooleanField(label="Include disabled role mappings", required=False)

    @staticmethod
    def parameters(listed: MappingQuery) -> str:
        """The query string for the role mappings of a list; "" if a review can't have the filters of the list."""
        if listed.q or listed.administrator or listed.reach or listed.content or listed.status == "disabled":
            return ""
        return urlencode({"subject": "role-mappings", **({} if listed.status else {"disabled": "on"})})

    def query(self) -> MappingFilter:
        self.is_valid()
        return MappingFilter(is_enabled=not self.cleaned_data["disabled"])


class ItemsForm(forms.Form):
    """The query string of the items of a review. Any query string has an answer: values that can't be used are ignored."""

    show = forms.ChoiceField(choices=SHOWN, required=False)
    q = forms.CharField(required=False, max_length=200)
    after = forms.IntegerField(required=False, min_value=0, max_value=MAX_NUMBER)
    before = forms.IntegerField(required=False, min_value=0, max_value=MAX_NUMBER)
    changes_after = forms.IntegerField(required=False, min_value=0, max_value=MAX_NUMBER)

    def query(self, size: int) -> ItemQuery:
        self.is_valid()
        asked: dict[str, Any] = self.cleaned_data
        return ItemQuery(asked.get("show", ""), asked.get("q", ""), asked.get("after") or 0, asked.get("before") or 0, size)


class RemovalForm(forms.Form):
    """What happens to the items to remove, such as `delete` or `deactivate`. `after`, `failed`: of the batches before.

    `confirmed`: the digest of the items that were shown (`reviews.digest`).
    """

    action = forms.ChoiceField(choices=[(name, name) for name in REMOVALS])
    after = forms.IntegerField(required=False, min_value=0)
    failed = forms.IntegerField(required=False, min_value=0)
    confirmed = forms.RegexField(r"^([0-9]{1,9}:[0-9a-f]{64} ?)*$", required=False)

    @property
    def removal(self) -> Removal | None:
        """None for anything else."""
        return cast(Removal, self.cleaned_data["action"]) if self.is_valid() else None


class DecisionForm(forms.Form):
    """The decision about one item; the names of its fields start with the item's number."""

    decision = forms.ChoiceField(
        choices=[(decision, decision) for decision in DECISIONS],
        required=False,
        show_hidden_initial=True,
        error_messages={"invalid_choice": CHOOSE},
    )
    comment = forms.CharField(
        max_length=MAX_COMMENT_LENGTH,
        required=False,
        show_hidden_initial=True,
        error_messages={"max_length": f"Enter at most {MAX_COMMENT_LENGTH} characters."},
    )
    seen = forms.RegexField(r"^\d{1,18}\.\d{1,18}$", required=False)

    def __init__(self, data: QueryDict, number: int) -> None:
        super().__init__(data, prefix=str(number))
        self.number = number

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if "decision" in data and not data["decision"]:
            self.add_error("decision", f"{CHOOSE} The comment isn't saved yet.")
        return data

    @property
    def problem(self) -> str:
        """The first error, or ""."""
        return next((str(error) for errors in self.errors.values() for error in errors), "")

    def typed(self, name: str) -> str:
        """The submitted value of a field, valid or not."""
        return str(self.data.get(self.add_prefix(name), ""))


def changed_decisions(data: QueryDict) -> list[DecisionForm]:
    """The forms of a page whose decision or comment differs from what the page showed."""
    sent = [DecisionForm(data, number) for number in item_numbers(data)]
    return [form for form in sent if not {"decision", "comment"}.isdisjoint(form.changed_data)]


def item_numbers(data: QueryDict) -> list[int]:
    """The numbers of the items on a submitted page."""
    return list(_numbers(data.getlist("number")))


def _numbers(values: Iterable[str]) -> Iterable[int]:
    return (int(value) for value in dict.fromkeys(values) if value.isascii() and value.isdigit() and len(value) < 10)


class SignOffForm(forms.Form):
    """The signer's own password, again."""

    password = PasswordField(
        label="Your password",
        required="Enter your password.",
        test_subject="reviewSignOffPassword",
        autocomplete="current-password",
    )


class SignOffWithApiKeyForm(forms.Form):
    """The API key with which the signer is signed in, again."""

    api_key = ApiKeyField(label="Your API key", test_subject="reviewSignOffApiKey")


class CancelReviewForm(forms.Form):
    reason = ReasonField(test_subject="reviewCancelReason", help_text="Shown on the review and recorded in the audit trail.")
