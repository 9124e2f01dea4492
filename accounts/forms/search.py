"""The query string of a search."""

from django import forms

from accounts.services.users import MAX_SEARCH_LENGTH


class SearchForm(forms.Form):
    q = forms.CharField(required=False)

    def query(self) -> str:
        """The search text. Any query string has an answer: a text that is too long is cut off."""
        self.is_valid()
        return str(self.cleaned_data.get("q", ""))[:MAX_SEARCH_LENGTH]
