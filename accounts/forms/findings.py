"""The query string of the findings pages. Any query string has an answer: values that can't be used are ignored."""

from dataclasses import dataclass
from typing import Any, Final

from django import forms

PARTS: Final = (("", "All"), ("new", "New"), ("resolved", "Resolved"))


@dataclass(frozen=True)
class FindingQuery:
    """`run`: "" for the latest finished run."""

    run: str
    part: str
    page: int


class FindingForm(forms.Form):
    run = forms.SlugField(required=False)
    part = forms.ChoiceField(choices=PARTS, required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=100_000)

    def query(self) -> FindingQuery:
        self.is_valid()
        asked: dict[str, Any] = self.cleaned_data
        return FindingQuery(asked.get("run", ""), asked.get("part", ""), asked.get("page") or 1)
