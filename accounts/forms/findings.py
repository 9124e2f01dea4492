"""What a page of a finding is asked for; all of it stands in the address."""

from typing import Any

from django import forms

PARTS = (("", "All"), ("new", "New"), ("gone", "Gone"))


class FindingForm(forms.Form):
    """Which run (the newest finished one by itself), which part of it, and which page. Whatever does not fit is the first."""

    run = forms.SlugField(required=False)
    part = forms.ChoiceField(choices=PARTS, required=False)
    page = forms.IntegerField(required=False, min_value=1, max_value=100_000)

    def value(self, name: str) -> Any:
        """What was asked for, or None."""
        self.is_valid()
        return self.cleaned_data.get(name)
