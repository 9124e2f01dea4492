"""The query string of the audit trail. Any query string has an answer: values that can't be used are ignored."""

import json
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from django import forms

from accounts.forms.fields import start_of_day
from accounts.services.audit import Query
from accounts.services.audit.actions import OUTCOMES, Action
from accounts.services.documents.indices import MAX_SEARCHED
from accounts.services.users import MAX_SEARCH_LENGTH

MAX_LENGTH: Final = 507
PAGE_SIZE: Final = 50
EARLIEST: Final = date(2000, 1, 1)  # before any event; Elasticsearch has no dates before 1970 in the trail


class AuditForm(forms.Form):
    q = forms.CharField(
        label="Search",
        required=False,
        max_length=MAX_SEARCH_LENGTH,
        widget=forms.TextInput(attrs={"type": "search"}),
        help_text=f"Searches names, actions, changed values of up to {MAX_SEARCHED:,} characters, IDs, and source IPs.",
        error_messages={"max_length": f"Enter at most {MAX_SEARCH_LENGTH} characters."},
    )
    actor = forms.CharField(label="Actor", required=False, max_length=MAX_LENGTH)
    target = forms.CharField(label="Target", required=False, max_length=MAX_LENGTH)
    action = forms.ChoiceField(
        label="Action", required=False, choices=[("", "Any"), *((action.value, action.label) for action in Action)]
    )
    outcome = forms.ChoiceField(
        label="Outcome", required=False, choices=[("", "Any"), *((name, label) for name, label in OUTCOMES.items() if name)]
    )
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    after = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_after(self) -> str:
        return after if _is_position(after := self.cleaned_data["after"]) else ""

    def query(self) -> Query:
        """The filters, without invalid ones."""
        self.is_valid()
        asked: dict[str, Any] = self.cleaned_data
        since, until = asked.get("since"), asked.get("until")
        return Query(
            text=asked.get("q", ""),
            **{name: asked.get(name, "") for name in ("actor", "target", "action", "outcome", "after")},
            since=start_of_day(max(since, EARLIEST)) if since else None,
            until=start_of_day(max(until, EARLIEST) + timedelta(days=1)) if until and until.year < datetime.max.year else None,
            size=PAGE_SIZE,
        )

    def query_string(self) -> str:
        """The filters as they were given, without invalid ones."""
        self.is_valid()
        used = [name for name in self.fields if name != "after" and self.cleaned_data.get(name)]
        return urlencode({name: self[name].value() for name in used})


def _is_position(text: str) -> bool:
    try:
        moment, event = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return False
    return type(moment) is int and abs(moment) < 2**63 and isinstance(event, str)
