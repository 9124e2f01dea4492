"""What one may ask of the audit trail. Whatever somebody typed into the address has an answer: what cannot be used is left out."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from accounts import audit_words
from accounts.services.audit import Query

LONGEST: int = 507
PAGE_SIZE: int = 50
OUTCOMES = [(name, text) for name, text in audit_words.OUTCOMES.items() if name]


class AuditForm(forms.Form):
    """The filters of the trail."""

    q = forms.CharField(label="Search", required=False, max_length=LONGEST, widget=forms.TextInput(attrs={"type": "search"}))
    actor = forms.CharField(label="Who", required=False, max_length=LONGEST)
    target = forms.CharField(label="Whom or what", required=False, max_length=LONGEST)
    action = forms.ChoiceField(label="Action", required=False, choices=[("", "Any"), *audit_words.ACTIONS.items()])
    outcome = forms.ChoiceField(label="Outcome", required=False, choices=[("", "Any"), *OUTCOMES])
    since = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    after = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_after(self) -> str:
        """A place in the trail as a page of ours links to it."""
        return after if _is_place(after := self.cleaned_data["after"]) else ""

    def query(self) -> Query:
        """What is asked for, without the fields that say nothing useful."""
        self.is_valid()
        asked: dict[str, Any] = self.cleaned_data
        until = asked.get("until")
        return Query(
            text=asked.get("q", ""),
            **{name: asked.get(name, "") for name in ("actor", "target", "action", "outcome", "after")},
            since=_midnight(asked.get("since")),
            until=_midnight(until + timedelta(days=1) if until and until.year < datetime.max.year else None),
            size=PAGE_SIZE,
        )


def _midnight(day: Any) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None


def _is_place(text: str) -> bool:
    try:
        moment, event = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return False
    return isinstance(moment, int) and abs(moment) < 2**63 and isinstance(event, str)
