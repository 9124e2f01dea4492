"""What is to be compared."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.services.compare import open_export
from accounts.services.exports import Export, NotWhole
from accounts.services.reviews import Review

DAY: Final = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
FILE: Final = forms.ClearableFileInput(attrs={"accept": ".zip,.xlsx"})


class TrailForm(forms.Form):
    """Two days, each at its beginning in UTC; the later one may be left out, and means now.

    `begins`: when the audit trail begins, before which it knows nothing.
    """

    since = forms.DateField(label="From the beginning of", widget=DAY, error_messages={"required": "Choose a day."})
    until = forms.DateField(label="To the beginning of", widget=DAY, required=False, help_text="UTC. Leave it empty for now.")

    def __init__(self, *args: Any, begins: datetime | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.begins = begins

    def clean_since(self) -> datetime:
        """The moment. It is no error to ask for a day on which the trail began: the answer says so."""
        since = _moment(self.cleaned_data["since"])
        if self.begins is None or since.date() < self.begins.date():
            raise ValidationError(self._no_information(), "too-early")
        if since > timezone.now():
            raise ValidationError("This day has not begun.", "too-late")
        return since

    def clean_until(self) -> datetime | None:
        """The moment, or None for now."""
        until = self.cleaned_data["until"]
        return _moment(until) if until else None

    def clean(self) -> dict[str, Any]:
        """The later day has to be later."""
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until <= since:
            self.add_error("until", ValidationError("Choose a later day than the first one.", "order"))
        return cleaned

    def _no_information(self) -> str:
        return f"There is no information before {self.begins:%Y-%m-%d}." if self.begins else "The audit trail is empty."


class ExportFilesForm(forms.Form):
    """Two files; what is in them is checked at once, so that the error stands beside the field."""

    one = forms.FileField(label="One export", widget=FILE)
    other = forms.FileField(label="Another export", widget=FILE)

    def clean_one(self) -> Export:
        """The export in the file. It is an error if it is not whole."""
        return _opened(self.cleaned_data["one"])

    def clean_other(self) -> Export:
        """The same of the other one."""
        return _opened(self.cleaned_data["other"])


class ReviewsForm(forms.Form):
    """Two of the reviews that there are."""

    one = forms.ChoiceField(label="One review")
    other = forms.ChoiceField(label="Another review")

    def __init__(self, *args: Any, offered: Sequence[Review], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(review.id, f"{review.title} ({review.created:%Y-%m-%d})") for review in offered]
        for field in (self.fields["one"], self.fields["other"]):
            field.choices = choices  # type: ignore[attr-defined]
        self.initial = {"one": choices[1][0]} if len(choices) > 1 else {}  # the two newest

    def clean(self) -> dict[str, Any]:
        """They are two."""
        cleaned = super().clean() or {}
        if cleaned.get("one") and cleaned.get("one") == cleaned.get("other"):
            self.add_error("other", ValidationError("Choose another review than the first one.", "same"))
        return cleaned


def _opened(file: BinaryIO) -> Export:
    try:
        return open_export(file)
    except NotWhole as exc:
        raise ValidationError(str(exc), "not-whole") from None


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
