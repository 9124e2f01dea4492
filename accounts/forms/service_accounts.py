"""The query string of the service account list. Any query string has an answer: values that can't be used are ignored."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms

from accounts.services.service_accounts import ADMINISTRATORS, SORT, TOKENS, ServiceAccountQuery

MAX_LENGTH: Final = 200


def _choices(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    return [("", "Any"), *((value, label.capitalize()) for value, label in labels.items())]


class ServiceAccountForm(forms.Form):
    q = forms.CharField(
        label="Search",
        required=False,
        max_length=MAX_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "data-test-subj": "searchServiceAccounts"}),
    )
    tokens = forms.ChoiceField(label="Tokens", required=False, choices=_choices(TOKENS))
    administrator = forms.ChoiceField(label="Administrator", required=False, choices=_choices(ADMINISTRATORS))
    sort = forms.ChoiceField(required=False, choices=list(SORT.items()), widget=forms.HiddenInput)
    order = forms.ChoiceField(required=False, choices=[("asc", "asc"), ("desc", "desc")], widget=forms.HiddenInput)

    def query(self) -> ServiceAccountQuery:
        """The list, without invalid values."""
        self.is_valid()
        asked: dict[str, Any] = self.cleaned_data
        return ServiceAccountQuery(
            q=asked.get("q", ""),
            tokens=asked.get("tokens", ""),
            administrator=asked.get("administrator", ""),
            sort=asked.get("sort") or "name",
            descending=asked.get("order") == "desc",
        )
